"""Rounds → medians → ratios. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

FANOUT = ("cpu_us", "p50_ms", "p99_ms", "frames_per_message")
ATTACK = ("join_p50_ms", "join_p99_ms", "send_p50_ms", "send_p99_ms", "share", "servers")
DIGITS = 4


def medians(rounds: Sequence[Mapping[str, float]], names: Iterable[str]) -> dict[str, float]:
    """Give the median of each named figure over the rounds."""
    return {name: rounded(median(one[name] for one in rounds)) for name in names}


def rounded(value: float) -> float:
    """Round to as many digits as say anything."""
    return float(f"{value:.{DIGITS}g}")


def ratios(peers: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float]:
    """Give Parley's figure over each other peer's, by peer."""
    if "parley" not in peers:
        return {}
    mine = peers["parley"][name]
    return {peer: rounded(mine / values[name]) for peer, values in peers.items() if peer != "parley" and values[name]}


def fanout(raw: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> dict[str, Any]:
    """Turn {members: {peer: [result of a round]}} into the JSON of `bench fanout`."""
    report: dict[str, Any] = {"rooms": {}, "one_in_flight": {}, "ratios": {}}
    for key, in_flight in (("rooms", "4"), ("one_in_flight", "1")):
        for members, peers in raw.items():
            figures = {
                peer: medians([one[in_flight] for one in rounds], FANOUT)
                for peer, rounds in peers.items()
                if rounds and in_flight in rounds[0]
            }
            report[key][members] = figures
            report["ratios"].setdefault(key, {})[members] = ratios(figures, "cpu_us")
    return report


def rooms(raw: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> dict[str, Any]:
    """Turn {database: {peer: [result]}} into the JSON of `bench rooms`."""
    report: dict[str, Any] = {"databases": {}, "ratios": {}}
    for database, peers in raw.items():
        figures = {
            peer: medians([_stored(one) for one in rounds], _stored(rounds[0])) for peer, rounds in peers.items()
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
    """Turn {peer: [result]} into the JSON of `bench idle`."""
    peers = {
        peer: medians([_growth(one["kb_per_socket"]) for one in rounds], ("kb_per_socket", "redis_kb_per_socket"))
        for peer, rounds in raw.items()
    }
    return {"idle": peers, "ratios": ratios(peers, "kb_per_socket")}


def _growth(groups: Mapping[str, float]) -> dict[str, float]:
    return {"kb_per_socket": groups["servers"], "redis_kb_per_socket": groups["redis"]}


def storm(raw: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Turn {peer: [result]} into the JSON of `bench storm`; refusals and errors are of all rounds together."""
    peers = {}
    for peer, rounds in raw.items():
        peers[peer] = medians(rounds, ("cpu_ms", "seconds", "arrivals"))
        peers[peer] |= {name: sum(one[name] for one in rounds) for name in ("refused", "errors")}
    return {"storm": peers, "ratios": ratios(peers, "cpu_ms")}


def attack(raw: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> dict[str, Any]:
    """Turn {flood: {clients: [result]}} into the JSON of `bench attack`: the flood over as much CPU elsewhere."""
    report: dict[str, Any] = {"attack": {}, "ratios": {}}
    for flood, cases in raw.items():
        for clients, rounds in cases.items():
            both = {run: _under([one[run] for one in rounds]) for run in ("flood", "dead")}
            report["attack"].setdefault(flood, {})[clients] = both
            report["ratios"].setdefault(flood, {})[clients] = {
                name.removesuffix("_ms"): rounded(both["flood"][name] / both["dead"][name])
                for name in ATTACK
                if name.endswith("_ms") and both["dead"][name]
            }
    return report


def _under(rounds: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return medians(rounds, ATTACK) | {"refused": sum(one["refused"] for one in rounds)}
