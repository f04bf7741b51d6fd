"""From rounds to the JSON that `bench` prints."""

import pytest

from deploy.bench import figures
from deploy.bench.cli import _chosen, _even
from deploy.bench.machine import require_files
from deploy.bench.options import PEERS
from deploy.bench.table import table
from deploy.errors import BadInputError

RUN = {"rounds": 3, "seconds": 4.0, "browser": True, "way": "ports on loopback"}
ABOUT = {"run": RUN, "machine": {"cores": 2, "cpu": "x"}, "left_out": {"socketio": "no node on PATH"}}


def window(cpu: float) -> dict[str, float]:
    """Give what one window of a round measured."""
    return {"cpu_us": cpu, "p50_ms": 1.0, "p99_ms": 2.0, "frames_per_message": 0.5, "messages": 9}


def test_fanout_json() -> None:
    """The keys that the issue names; medians over the rounds; Parley over each other."""
    sides = {
        "parley": [{"4": window(cpu), "1": window(12)} for cpu in (9, 11, 10)],
        "floor": [{"4": window(cpu), "1": window(8)} for cpu in (4, 5, 100)],
    }
    report = figures.fanout({"200": sides})
    assert report["rooms"]["200"]["parley"] == {"cpu_us": 10, "p50_ms": 1, "p99_ms": 2, "frames_per_message": 0.5}
    assert report["rooms"]["200"]["floor"]["cpu_us"] == 5
    assert report["one_in_flight"]["200"]["parley"]["cpu_us"] == 12
    assert report["ratios"] == {"rooms": {"200": {"floor": 2.0}}, "one_in_flight": {"200": {"floor": 1.5}}}


def test_storm_sums_what_went_wrong() -> None:
    """A refusal in one round of three is not lost in a median."""
    rounds = [{"cpu_ms": 3.0, "seconds": 4.0, "arrivals": 20, "refused": refused, "errors": 0} for refused in (0, 2, 0)]
    assert figures.storm({"parley": rounds})["storm"]["parley"]["refused"] == 2


def test_every_report_is_a_table() -> None:
    """Each workload's report can be laid out, with what was left out below it."""
    raw = {"200": {"parley": [{"4": window(10), "1": window(12)}], "floor": [{"4": window(5), "1": window(8)}]}}
    laid = table("fanout", figures.fanout(raw) | ABOUT)
    assert laid.row_count == 4
    assert "socketio: no node on PATH" in str(laid.caption)
    assert "permessage-deflate" in str(laid.caption)


def test_wrong_options_are_named() -> None:
    """Bad input is one line, before anything starts."""
    assert _chosen("floor, tutorial,floor", PEERS, "peer") == ("floor", "tutorial")
    with pytest.raises(BadInputError, match="no peer 'phoenix'"):
        _chosen("phoenix", PEERS, "peer")
    with pytest.raises(BadInputError, match="multiple of 4"):
        _even([200, 30])
    with pytest.raises(BadInputError, match="open files"):
        require_files(100_000_000)
