"""The report as one table for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

Row = tuple[str, ...]
CPU_NOTE = "CPU is of both server processes with all their children, and Redis"
ATTACK_NOTE = (
    "CPU of attackers and servers in processors; beside: the same attackers burn as much at a port where nobody "
    "listens; ÷: the ratio"
)
NOTES = {"attack": ATTACK_NOTE}


def table(workload: str, report: Mapping[str, Any]) -> Table:
    """Lay a report out: a row for each case and peer, Parley first, with Parley's ratio to each."""
    title, columns, rows = TABLES[workload](report)
    result = Table(title=title, title_justify="left", caption_justify="left", caption=_caption(workload, report))
    for number, column in enumerate(columns):
        result.add_column(column, justify="left" if number < 2 else "right", no_wrap=number < 2)
    before = ""
    for row in rows:
        if before and row[0] != before:
            result.add_section()
        result.add_row(*(("" if row[0] == before else row[0]), *row[1:]))
        before = row[0]
    return result


def _caption(workload: str, report: Mapping[str, Any]) -> str:
    machine, run = report["machine"], report["run"]
    cores = f"{machine['cores']} cores of {machine['cpu']}"
    length = f" of {run['seconds']:g} s" if "seconds" in run else ""
    lines = [f"medians of {run['rounds']} rounds{length}; {cores}; {NOTES.get(workload, CPU_NOTE)}"]
    lines.append(f"members come by {run['way']}")
    if run["browser"]:
        lines.append("permessage-deflate was offered, as browsers do")
    lines += [f"left out: {name}: {reason}" for name, reason in report["left_out"].items()]
    return "\n".join(lines)


def _fanout(report: Mapping[str, Any]) -> tuple[str, Sequence[str], Iterator[Row]]:
    columns = ("", "peer", "µs CPU per delivery", "p50 ms", "p99 ms", "frames per message", "parley ÷ peer")

    def rows() -> Iterator[Row]:
        for key, in_flight in (("rooms", "4 in flight"), ("one_in_flight", "1 in flight")):
            for members, peers in report[key].items():
                ratios = report["ratios"][key][members]
                for peer, it in peers.items():
                    figures = (it["cpu_us"], it["p50_ms"], it["p99_ms"], it["frames_per_message"])
                    yield f"{members} members, {in_flight}", peer, *map(_number, figures), _ratio(ratios, peer)

    return "fanout: one room, a delivery is one message reaching one member", columns, rows()


def _rooms(report: Mapping[str, Any]) -> tuple[str, Sequence[str], Iterator[Row]]:
    columns = ("", "peer", "stored a second", "µs CPU each", "p50 ms at half", "p99 ms at half", "parley ÷ peer")

    def rows() -> Iterator[Row]:
        for database, peers in report["databases"].items():
            for peer, it in peers.items():
                figures = (
                    it["messages_per_second"],
                    it["cpu_us_per_message"],
                    it["half_ack_p50_ms"],
                    it["half_ack_p99_ms"],
                )
                yield database, peer, *map(_number, figures), _ratio(report["ratios"][database], peer)

    return "rooms: rooms of 4, the top rate of stored messages, and the time to `sent` at half of it", columns, rows()


def _idle(report: Mapping[str, Any]) -> tuple[str, Sequence[str], Iterator[Row]]:
    columns = ("", "peer", "kB per socket", "kB per socket in Redis", "parley ÷ peer")

    def rows() -> Iterator[Row]:
        for peer, it in report["idle"].items():
            figures = (it["kb_per_socket"], it["redis_kb_per_socket"])
            yield "idle", peer, *map(_number, figures), _ratio(report["ratios"], peer)

    return "idle: growth of the servers' memory (PSS) over the second half of the sockets", columns, rows()


def _storm(report: Mapping[str, Any]) -> tuple[str, Sequence[str], Iterator[Row]]:
    columns = ("", "peer", "ms CPU per arrival", "seconds", "refused", "errors", "parley ÷ peer")

    def rows() -> Iterator[Row]:
        for peer, it in report["storm"].items():
            figures = (it["cpu_ms"], it["seconds"], it["refused"], it["errors"])
            yield "storm", peer, *map(_number, figures), _ratio(report["ratios"], peer)

    return "storm: all sockets cut, and back at once (Parley: joined and resumed)", columns, rows()


def _attack(report: Mapping[str, Any]) -> tuple[str, Sequence[str], Iterator[Row]]:
    times = [f"{what} {said}" for what in ("join", "send") for said in ("attacked", "beside", "÷")]
    columns = ("flood", "clients", "attackers", "servers", "beside", *times, "refused")

    def rows() -> Iterator[Row]:
        for flood, cases in report["attack"].items():
            for clients, both in cases.items():
                ratios = report["ratios"][flood][clients]
                shares = (both["flood"]["share"] * int(clients), both["flood"]["servers"], both["dead"]["servers"])
                cells = [f"{share:.2f}" for share in shares]
                for what in ("join", "send"):
                    cells += [_pair(both[run], f"{what}_p{{}}_ms") for run in ("flood", "dead")]
                    cells.append(_pair(ratios, f"{what}_p{{}}"))
                yield flood, clients, *cells, f"{both['flood']['refused']}"

    return "attack: what it takes honest people to join and to send, in ms, p50 and p99", columns, rows()


def _pair(figures: Mapping[str, float], name: str) -> str:
    return ", ".join(_number(figures.get(name.format(percent), 0)) for percent in (50, 99))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _ratio(ratios: Mapping[str, float], peer: str) -> str:
    return f"{ratios[peer]:.2f}" if peer in ratios else ""


TABLES: dict[str, Any] = {"fanout": _fanout, "rooms": _rooms, "idle": _idle, "storm": _storm, "attack": _attack}
