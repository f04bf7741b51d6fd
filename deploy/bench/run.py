"""The bench: each side started, loaded and stopped in turn, round after round, and what comes of it."""

import asyncio
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.bench import figures, machine
from deploy.bench.generator import generate
from deploy.bench.load.plan import Plan
from deploy.bench.options import ROOM_MEMBERS, Options
from deploy.bench.progress import Progress
from deploy.bench.sides import SIDES, Running, Side
from deploy.bench.sides import postgres as postgres_side
from deploy.errors import BadInputError, StackError

STORES = ("parley", "tutorial")


@dataclass(frozen=True)
class Case:
    """One figure to take of one side: so many members, in the room from `first_room` on."""

    side: Side
    members: int
    first_room: int = 0


def bench(options: Options, progress: Progress) -> dict[str, Any]:
    """Run the bench and give its report; raises BadInputError before, StackError when a figure cannot be taken."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's background job starts with it ignored
    machine.require_files(options.people)
    facts = machine.facts()
    left_out = dict(absent(options))
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        # PostgreSQL runs as another user where we are root, and has to reach its folder.
        Path(folder).chmod(0o711)
        try:
            raw = asyncio.run(rounds(options, sides(options, Path(folder), left_out), progress))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
    report = REPORTS[options.workload](raw)
    about: dict[str, Any] = {"rounds": options.rounds, "browser": options.browser, "way": way(options)}
    if options.workload in {"fanout", "rooms"}:
        about["seconds"] = options.seconds
    return {**report, "machine": facts, "run": about, "left_out": left_out, "raw": raw}


def way(options: Options) -> str:
    """Say how the members reach the servers."""
    if options.nginx:
        return "nginx with TLS, whose CPU is counted too"
    return "ports on loopback" if options.by_port else "unix sockets"


def absent(options: Options) -> Iterator[tuple[str, str]]:
    """Name what was asked for and is not there, and why."""
    for name in ("parley", *options.peers):
        if reason := SIDES[name].left_out():
            yield name, reason
        elif options.workload == "rooms" and name not in STORES:
            yield name, "stores nothing"
    if "postgresql" in options.databases and postgres_side.binaries() is None:
        yield "postgresql", "no initdb on PATH"


def sides(options: Options, folder: Path, left_out: dict[str, str]) -> list[Side]:
    """Make the sides that can run, one for each database."""
    if "parley" in left_out:
        raise BadInputError(f"the bench needs Redis: {left_out['parley']}")
    databases = [database for database in options.databases if database not in left_out]
    names = [name for name in ("parley", *options.peers) if name not in left_out]
    return [SIDES[name](folder, options, database) for database in databases for name in names]


async def rounds(options: Options, all_sides: Sequence[Side], progress: Progress) -> dict[str, Any]:
    """Prepare every side, then take all figures, all sides in each round; results by case and side."""
    if (task := asyncio.current_task()) is not None:  # SIGTERM stops what was started, as Ctrl-C does
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    cases = [
        Case(side, members, number if options.workload != "rooms" else 0)
        for number, members in enumerate(options.members)
        for side in all_sides
    ]
    raw: dict[str, Any] = {}
    with progress.steps(len(all_sides) + options.rounds * len(cases)):
        for side in all_sides:
            progress.step(f"preparing {side.name} ({side.database})")
            await side.prepare()
        for number in range(1, options.rounds + 1):
            for case in cases:
                progress.step(f"round {number} of {options.rounds}: {case.side.name}, {describe(options, case)}")
                place = place_of(options, case, raw)
                place.setdefault(case.side.name, []).append(await measure(options, case))
    return raw


def describe(options: Options, case: Case) -> str:
    """Say what a case is."""
    if options.workload == "rooms":
        return f"{case.members // ROOM_MEMBERS} rooms of {ROOM_MEMBERS} on {case.side.database}"
    return f"{case.members} members"


def place_of(options: Options, case: Case, raw: dict[str, Any]) -> dict[str, Any]:
    """Find where a case's results belong."""
    if options.workload == "fanout":
        return raw.setdefault(str(case.members), {})  # type: ignore[no-any-return]  # as nested as the JSON
    if options.workload == "rooms":
        return raw.setdefault(case.side.database, {})  # type: ignore[no-any-return]  # as nested as the JSON
    return raw


async def measure(options: Options, case: Case) -> dict[str, Any]:
    """Start one side, load it, stop it; raises StackError that names the side."""
    async with case.side.running() as running:
        try:
            return await generate(plan(options, case, running), case.side.layout.dir)
        except StackError as error:
            raise StackError(
                f"{case.side.name}, {describe(options, case)}: {error}\n{case.side.said}".rstrip()
            ) from None


def plan(options: Options, case: Case, running: Running) -> Plan:
    """Write what the generator is told."""
    return Plan(
        workload=options.workload,
        dialect=case.side.name,
        endpoints=running.endpoints,
        cookies=running.cookies,
        host=running.host,
        origin=running.origin,
        groups=running.groups,
        members=case.members,
        rooms=case.members // ROOM_MEMBERS if options.workload == "rooms" else 1,
        first_room=case.first_room,
        in_flight=list(options.in_flight),
        seconds=options.seconds,
        browser=options.browser,
    )


REPORTS: dict[str, Any] = {
    "fanout": figures.fanout,
    "rooms": figures.rooms,
    "idle": figures.idle,
    "storm": figures.storm,
}
