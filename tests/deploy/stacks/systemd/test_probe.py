"""The probe's unit: there where metrics are asked for, and gone where they no longer are."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.deploy.stacks.systemd.host import Installed
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]

PORT = 9101
UNIT = "parley-probe.service"
MOST_EXPOSED = 2.0


@contextmanager
def with_metrics(systemd: Installed) -> Iterator[int]:
    """Ask for metrics in the host's own file, and give the probe's port; the host is as it was at the end."""
    toml = systemd.host.path("/etc/parley/parley.toml")
    before = toml.read_text()
    toml.write_text(
        before.replace("[app]\n", f"[app]\nmetrics_port = {PORT}\n") if "[app]" in before else WITH + before
    )
    try:
        systemd.host.parley("install")
        yield PORT + len(systemd.host.instances())
    finally:
        toml.write_text(before)
        systemd.host.parley("install")


WITH = f"[app]\nmetrics_port = {PORT}\n"


def measured(systemd: Installed, port: int) -> dict[str, float]:
    """Read its metrics, on the host's loopback; none before its first message."""
    done = systemd.host.run("curl", "-sf", "-m5", f"http://127.0.0.1:{port}/metrics", check=False)
    lines = [line for line in done.stdout.splitlines() if line[0] != "#"]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_a_probe_runs_where_metrics_are_asked_for(systemd: Installed) -> None:
    """As its own unit, hardened, without root, on the port after the last instance's."""
    host = systemd.host
    assert not host.path(f"/etc/systemd/system/{UNIT}").exists()
    with with_metrics(systemd) as port:
        end = time.monotonic() + PATIENCE
        while "parley_probe_up" not in (found := measured(systemd, port)):
            assert time.monotonic() < end, host.journal(UNIT)
            time.sleep(0.2)
        assert found["parley_probe_up"] == 1, host.journal(UNIT)
        assert found["parley_probe_certificate_accepted"] == 1, host.journal(UNIT)
        assert host.out("systemctl", "is-enabled", UNIT) == "enabled"
        assert host.out("ps", "-o", "user=", "-p", str(host.main(UNIT))) == "parley"
        said = host.run("systemd-analyze", "verify", UNIT)
        assert (said.stdout, said.stderr) == ("", "")
        score = host.run("systemd-analyze", "security", f"--threshold={MOST_EXPOSED * 10:.0f}", UNIT, check=False)
        assert score.returncode == 0, score.stdout.splitlines()[-1]
        assert host.journal(UNIT, "--identifier=parley-probe")[-1].startswith("watch: metrics: http://127.0.0.1:")
    assert not host.path(f"/etc/systemd/system/{UNIT}").exists()
    assert host.main(UNIT) == 0
