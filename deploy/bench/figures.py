"""Rounds → medians → ratios. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

FANOUT = ("cpu_us", "p50_ms", "p99_ms", "frames_per_message")
DIGITS = 4


def medians(rounds: Sequence[Mapping[str, float]], names: Iterable[str]) -> dict[str, float]:
    """Give the median of each named figure over the rounds."""
    return {name: rounded(median(one[name] for one in rounds)) for name in names}


def rounded(value: float) -> float:
    """Round to as many digits as say anything."""
    return float(f"{value:.{DIGITS}g}")


def ratios(sides: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float]:
    """Give Parley's figure over each other side's, by side."""
    if "parley" not in sides:
        return {}
    mine = sides["parley"][name]
    return {side: rounded(mine / values[name]) for side, values in sides.items() if side != "parley" and values[name]}


def fanout(raw: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> dict[str, Any]:
    """Turn {members: {side: [result of a round]}} into the JSON of `bench fanout`."""
    report: dict[str, Any] = {"rooms": {}, "one_in_flight": {}, "ratios": {}}
    for key, in_flight in (("rooms", "4"), ("one_in_flight", "1")):
        for members, sides in raw.items():
            figures = {
                side: medians([one[in_flight] for one in rounds], FANOUT)
                for side, rounds in sides.items()
                if rounds and in_flight in rounds[0]
            }
            report[key][members] = figures
            report["ratios"].setdefault(key, {})[members] = ratios(figures, "cpu_us")
    return report


def rooms(raw: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> dict[str, Any]:
    """Turn {database: {side: [result]}} into the JSON of `bench rooms`."""
    report: dict[str, Any] = {"databases": {}, "ratios": {}}
    for database, sides in raw.items():
        figures = {
            side: medians([_stored(one) for one in rounds], _stored(rounds[0])) for side, rounds in sides.items()
        }
        report["databases"][database] = figures
        report["ratios"][database] = ratios(figures, "messages_per_second")
    return report


def _stored(result: Mapping[str, Any]) -> dict[str, float]:
    top, half = result["top"], result["half"]
    return {
        "messages_per_second": top["messages_per_second"],
        "top_ack_p99_ms": top["ack_p99_ms"],
        "half_rate": half["messages_per_second"],
        "half_ack_p50_ms": half["ack_p50_ms"],
        "half_ack_p99_ms": half["ack_p99_ms"],
        "cpu_us_per_message": top["cpu_us_per_message"],
    }


def idle(raw: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Turn {side: [result]} into the JSON of `bench idle`."""
    sides = {
        side: medians([_growth(one["kb_per_socket"]) for one in rounds], ("kb_per_socket", "redis_kb_per_socket"))
        for side, rounds in raw.items()
    }
    return {"idle": sides, "ratios": ratios(sides, "kb_per_socket")}


def _growth(groups: Mapping[str, float]) -> dict[str, float]:
    return {"kb_per_socket": groups["servers"], "redis_kb_per_socket": groups["redis"]}


def storm(raw: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Turn {side: [result]} into the JSON of `bench storm`; refusals and errors are of all rounds together."""
    sides = {}
    for side, rounds in raw.items():
        sides[side] = medians(rounds, ("cpu_ms", "seconds", "arrivals"))
        sides[side] |= {name: sum(one[name] for one in rounds) for name in ("refused", "errors")}
    return {"storm": sides, "ratios": ratios(sides, "cpu_ms")}
