"""Tiny real runs, through the command line: every part works, and the JSON has its shape. No figure is judged."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.stack


def bench(here: Path, temporary: Path, *arguments: str) -> dict[str, Any]:
    """Run `./parley bench … --json` and return what it printed; nothing may be left of it."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "deploy", "bench", *arguments, "--json"],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(here), "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[1/" in done.stderr  # progress, as plain lines
    assert [path.name for path in temporary.iterdir() if path.name.startswith("parley-bench")] == []
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["machine"]["cores"] >= 1
    return report


def test_fanout(here: Path, tmp_path: Path) -> None:
    """Parley, the tutorial and the floor, in a room of 20; twice, for the second round finds the first one's log."""
    report = bench(
        here, tmp_path, "fanout", "--peers", "floor,tutorial", "--members", "20", "--seconds", "0.4", "--rounds", "2"
    )
    for key in ("rooms", "one_in_flight"):
        assert set(report[key]["20"]) == {"parley", "tutorial", "floor"}
        for figures in report[key]["20"].values():
            assert set(figures) == {"cpu_us", "p50_ms", "p99_ms", "frames_per_message"}
            assert 0 < figures["frames_per_message"] <= 1
            assert 0 < figures["p50_ms"] <= figures["p99_ms"]
        assert set(report["ratios"][key]["20"]) == {"tutorial", "floor"}
    for rounds in report["raw"]["20"].values():
        assert all(one["4"]["deliveries"] == one["4"]["messages"] * 20 for one in rounds)


@pytest.mark.release
def test_fanout_through_nginx(here: Path, tmp_path: Path) -> None:
    """The same through TLS, with nginx's CPU in the sum."""
    arguments = ("--peers", "floor", "--members", "20", "--seconds", "0.3", "--nginx", "--browser", "--rounds", "1")
    report = bench(here, tmp_path, "fanout", *arguments)
    for peer in ("parley", "floor"):
        assert set(report["raw"]["20"][peer][0]["4"]["cpu_seconds"]) == {"servers", "redis", "nginx"}


@pytest.mark.release
def test_rooms(here: Path, tmp_path: Path) -> None:
    """Five rooms of four; both store."""
    report = bench(
        here, tmp_path, "rooms", "--members", "20", "--databases", "sqlite", "--seconds", "0.5", "--rounds", "1"
    )
    for figures in report["databases"]["sqlite"].values():
        assert figures["messages_per_second"] > 0
        assert figures["half_ack_p99_ms"] > 0
    assert set(report["databases"]["sqlite"]) == {"parley", "tutorial"}


@pytest.mark.release
def test_storm(here: Path, tmp_path: Path) -> None:
    """Twenty are cut and come back, resumed, with nothing refused."""
    report = bench(here, tmp_path, "storm", "--members", "20", "--peers", "tutorial", "--rounds", "1")
    assert set(report["storm"]) == {"parley", "tutorial"}
    for figures in report["storm"].values():
        assert (figures["arrivals"], figures["refused"], figures["errors"]) == (20, 0, 0)


@pytest.mark.release
def test_idle(here: Path, tmp_path: Path) -> None:
    """Memory is read at half of the sockets and at all."""
    report = bench(here, tmp_path, "idle", "--members", "40", "--peers", "none")
    assert set(report["idle"]["parley"]) == {"kb_per_socket", "redis_kb_per_socket"}
    assert set(report["raw"]["parley"][0]["pss_kb"]) == {"20", "40"}


def test_attack(here: Path, tmp_path: Path) -> None:
    """Two who flood: everybody else's joins and sends are counted, under the flood and beside as much CPU elsewhere."""
    report = bench(here, tmp_path, "attack", "--floods", "ping,pages", "--clients", "2", "--seconds", "0.5")
    assert set(report["attack"]) == set(report["ratios"]) == {"ping", "pages"}
    for flood in ("ping", "pages"):
        assert set(report["attack"][flood]["2"]) == {"flood", "dead"}
        assert set(report["ratios"][flood]["2"]) == {"join_p50", "join_p99", "send_p50", "send_p99"}
        (both,) = report["raw"][flood]["2"]
        for run in both.values():
            assert (run["joins"], run["sends"], run["reasons"]) == (10, 20, {})
            assert 0 < run["join_p50_ms"] <= run["join_p99_ms"]
