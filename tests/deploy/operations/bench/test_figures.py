"""From rounds to the JSON that `bench` prints."""

import pytest

from deploy.cli.bench import _chosen, _even
from deploy.errors import BadInputError
from deploy.operations.bench import figures
from deploy.operations.bench.machine import require_files
from deploy.operations.bench.options import PEERS
from deploy.operations.bench.table import table

RUN = {"rounds": 3, "seconds": 4.0, "browser": True, "way": "ports on loopback"}
ABOUT = {"run": RUN, "machine": {"cores": 2, "cpu": "x"}, "left_out": {"socketio": "no node on PATH"}}


def window(cpu: float) -> dict[str, float]:
    """Give what one window of a round measured."""
    return {"cpu_us": cpu, "p50_ms": 1.0, "p99_ms": 2.0, "frames_per_message": 0.5, "messages": 9}


def test_fanout_json() -> None:
    """The keys that the issue names; medians over the rounds; Parley over each other."""
    peers = {
        "parley": [{"4": window(cpu), "1": window(12)} for cpu in (9, 11, 10)],
        "floor": [{"4": window(cpu), "1": window(8)} for cpu in (4, 5, 100)],
    }
    report = figures.fanout({"200": peers})
    assert report["rooms"]["200"]["parley"] == {"cpu_us": 10, "p50_ms": 1, "p99_ms": 2, "frames_per_message": 0.5}
    assert report["rooms"]["200"]["floor"]["cpu_us"] == 5
    assert report["one_in_flight"]["200"]["parley"]["cpu_us"] == 12
    assert report["ratios"] == {"rooms": {"200": {"floor": 2.0}}, "one_in_flight": {"200": {"floor": 1.5}}}


def test_storm_sums_what_went_wrong() -> None:
    """A refusal in one round of three is not lost in a median."""
    rounds = [{"cpu_ms": 3.0, "seconds": 4.0, "arrivals": 20, "refused": refused, "errors": 0} for refused in (0, 2, 0)]
    assert figures.storm({"parley": rounds})["storm"]["parley"]["refused"] == 2


def attacked(join: float, refused: int = 0) -> dict[str, float]:
    """Give what one run under attack, or beside it, measured."""
    return {
        "join_p50_ms": join,
        "join_p99_ms": 2 * join,
        "send_p50_ms": 5.0,
        "send_p99_ms": 6.0,
        "share": 0.25,
        "servers": 0.5,
        "refused": refused,
    }


def test_attack_is_a_ratio_of_medians() -> None:
    """Of the flood to as much CPU elsewhere; a refusal in one round of three is not lost."""
    rounds = [
        {"flood": attacked(join, refused), "dead": attacked(10)} for join, refused in ((20, 0), (30, 2), (900, 0))
    ]
    report = figures.attack({"ping": {"10": rounds}})
    assert report["ratios"]["ping"]["10"] == {"join_p50": 3.0, "join_p99": 3.0, "send_p50": 1.0, "send_p99": 1.0}
    assert report["attack"]["ping"]["10"]["flood"]["refused"] == 2
    laid = table("attack", report | ABOUT)
    assert [list(column.cells) for column in laid.columns] == [
        ["ping"],
        ["10"],
        ["2.50"],
        ["0.50"],
        ["0.50"],
        ["30, 60"],
        ["10, 20"],
        ["3, 3"],
        ["5, 6"],
        ["5, 6"],
        ["1, 1"],
        ["2"],
    ]


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
