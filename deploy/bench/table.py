"""The report as one table for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

Row = tuple[str, ...]
CPU_NOTE = "CPU is of both server processes with all their children, and Redis"


def table(workload: str, report: Mapping[str, Any]) -> Table:
    """Lay a report out: a row for each case and side, Parley first, with Parley's ratio to each."""
    title, columns, rows = TABLES[workload](report)
    result = Table(title=title, title_justify="left", caption_justify="left", caption=_caption(report))
    for number, column in enumerate(columns):
        result.add_column(column, justify="left" if number < 2 else "right", no_wrap=number < 2)
    before = ""
    for row in rows:
        if before and row[0] != before:
            result.add_section()
        result.add_row(*(("" if row[0] == before else row[0]), *row[1:]))
        before = row[0]
    return result


def _caption(report: Mapping[str, Any]) -> str:
    machine, run = report["machine"], report["run"]
    cores = f"{machine['cores']} cores of {machine['cpu']}"
    length = f" of {run['seconds']:g} s" if "seconds" in run else ""
    lines = [f"medians of {run['rounds']} rounds{length}; {cores}; {CPU_NOTE}"]
    lines.append(f"members come by {run['way']}")
    if run["browser"]:
        lines.append("permessage-deflate was offered, as browsers do")
    lines += [f"left out: {name}: {reason}" for name, reason in report["left_out"].items()]
    return "\n".join(lines)


def _fanout(report: Mapping[str, Any]) -> tuple[str, Sequence[str], Iterator[Row]]:
    columns = ("", "peer", "µs CPU per delivery", "p50 ms", "p99 ms", "frames per message", "parley ÷ peer")

    def rows() -> Iterator[Row]:
        for key, in_flight in (("rooms", "4 in flight"), ("one_in_flight", "1 in flight")):
            for members, sides in report[key].items():
                ratios = report["ratios"][key][members]
                for side, it in sides.items():
                    figures = (it["cpu_us"], it["p50_ms"], it["p99_ms"], it["frames_per_message"])
                    yield f"{members} members, {in_flight}", side, *map(_number, figures), _ratio(ratios, side)

    return "fanout: one room, a delivery is one message reaching one member", columns, rows()


def _rooms(report: Mapping[str, Any]) -> tuple[str, Sequence[str], Iterator[Row]]:
    columns = ("", "peer", "stored a second", "µs CPU each", "p50 ms at half", "p99 ms at half", "parley ÷ peer")

    def rows() -> Iterator[Row]:
        for database, sides in report["databases"].items():
            for side, it in sides.items():
                figures = (
                    it["messages_per_second"],
                    it["cpu_us_per_message"],
                    it["half_ack_p50_ms"],
                    it["half_ack_p99_ms"],
                )
                yield database, side, *map(_number, figures), _ratio(report["ratios"][database], side)

    return "rooms: rooms of 4, the top rate of stored messages, and the time to `sent` at half of it", columns, rows()


def _idle(report: Mapping[str, Any]) -> tuple[str, Sequence[str], Iterator[Row]]:
    columns = ("", "peer", "kB per socket", "kB per socket in Redis", "parley ÷ peer")

    def rows() -> Iterator[Row]:
        for side, it in report["idle"].items():
            figures = (it["kb_per_socket"], it["redis_kb_per_socket"])
            yield "idle", side, *map(_number, figures), _ratio(report["ratios"], side)

    return "idle: growth of the servers' memory (PSS) over the second half of the sockets", columns, rows()


def _storm(report: Mapping[str, Any]) -> tuple[str, Sequence[str], Iterator[Row]]:
    columns = ("", "peer", "ms CPU per arrival", "seconds", "refused", "errors", "parley ÷ peer")

    def rows() -> Iterator[Row]:
        for side, it in report["storm"].items():
            figures = (it["cpu_ms"], it["seconds"], it["refused"], it["errors"])
            yield "storm", side, *map(_number, figures), _ratio(report["ratios"], side)

    return "storm: all sockets cut, and back at once (Parley: joined and resumed)", columns, rows()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _ratio(ratios: Mapping[str, float], side: str) -> str:
    return f"{ratios[side]:.2f}" if side in ratios else ""


TABLES: dict[str, Any] = {"fanout": _fanout, "rooms": _rooms, "idle": _idle, "storm": _storm}
