"""The bench: each peer started, loaded and stopped in turn, round after round, and what comes of it."""

import asyncio
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.errors import BadInputError, StackError
from deploy.operations.bench import figures, machine
from deploy.operations.bench.generator import generate
from deploy.operations.bench.load.plan import Attack, Plan
from deploy.operations.bench.options import ROOM_MEMBERS, Options
from deploy.operations.bench.peers import CLASSES, Peer, Running
from deploy.operations.bench.peers import postgres as postgres_peer
from deploy.operations.bench.progress import Progress
from deploy.stacks import ports

STORES = ("parley", "tutorial")
LEAST = 0.001  # of a processor: a client that has burnt nothing burns next to nothing


@dataclass(frozen=True)
class Case:
    """One figure to take of one peer: so many members, in the room from `first_room` on."""

    peer: Peer
    members: int
    first_room: int = 0
    flood: str = ""
    clients: int = 0


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
            raw = asyncio.run(rounds(options, peers(options, Path(folder), left_out), progress))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
    report = REPORTS[options.workload](raw)
    about: dict[str, Any] = {"rounds": options.rounds, "browser": options.browser, "way": way(options)}
    if options.workload in {"fanout", "rooms", "attack"}:
        about["seconds"] = options.seconds
    return {**report, "machine": facts, "run": about, "left_out": left_out, "raw": raw}


def way(options: Options) -> str:
    """Say how the members reach the servers."""
    if options.workload == "attack":
        return "nginx with TLS, each from an address of its own, with the limits of parley.toml"
    if options.nginx:
        return "nginx with TLS, whose CPU is counted too"
    return "ports on loopback" if options.by_port else "unix sockets"


def absent(options: Options) -> Iterator[tuple[str, str]]:
    """Name what was asked for and is not there, and why."""
    for name in ("parley", *options.peers):
        if reason := CLASSES[name].left_out():
            yield name, reason
        elif options.workload == "rooms" and name not in STORES:
            yield name, "stores nothing"
    if "postgresql" in options.databases and postgres_peer.binaries() is None:
        yield "postgresql", "no initdb on PATH"


def peers(options: Options, folder: Path, left_out: dict[str, str]) -> list[Peer]:
    """Make the peers that can run, one for each database."""
    if "parley" in left_out:
        raise BadInputError(f"the bench needs Redis: {left_out['parley']}")
    databases = [database for database in options.databases if database not in left_out]
    names = [name for name in ("parley", *options.peers) if name not in left_out]
    return [CLASSES[name](folder, options, database) for database in databases for name in names]


async def rounds(options: Options, all_sides: Sequence[Peer], progress: Progress) -> dict[str, Any]:
    """Prepare every peer, then take all figures, all peers in each round; results by case and peer."""
    if (task := asyncio.current_task()) is not None:  # SIGTERM stops what was started, as Ctrl-C does
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    cases = cases_of(options, all_sides)
    raw: dict[str, Any] = {}
    with progress.steps(len(all_sides) + options.rounds * len(cases)):
        for peer in all_sides:
            progress.step(f"preparing {peer.name} ({peer.database})")
            await peer.prepare()
        for number in range(1, options.rounds + 1):
            for case in cases:
                progress.step(f"round {number} of {options.rounds}: {case.peer.name}, {describe(options, case)}")
                place = place_of(options, case, raw)
                who = str(case.clients) if case.flood else case.peer.name
                place.setdefault(who, []).append(await (attacked if case.flood else measure)(options, case))
    return raw


def cases_of(options: Options, all_sides: Sequence[Peer]) -> list[Case]:
    """List what is measured in each round."""
    if options.workload == "attack":
        return [
            Case(peer, options.people, flood=flood, clients=clients)
            for flood in options.floods
            for clients in options.clients
            for peer in all_sides
        ]
    return [
        Case(peer, members, number if options.workload != "rooms" else 0)
        for number, members in enumerate(options.members)
        for peer in all_sides
    ]


def describe(options: Options, case: Case) -> str:
    """Say what a case is."""
    if options.workload == "rooms":
        return f"{case.members // ROOM_MEMBERS} rooms of {ROOM_MEMBERS} on {case.peer.database}"
    if case.flood:
        return f"{case.flood} by {case.clients}"
    return f"{case.members} members"


def place_of(options: Options, case: Case, raw: dict[str, Any]) -> dict[str, Any]:
    """Find where a case's results belong."""
    if options.workload == "fanout":
        return raw.setdefault(str(case.members), {})  # type: ignore[no-any-return]  # as nested as the JSON
    if options.workload == "rooms":
        return raw.setdefault(case.peer.database, {})  # type: ignore[no-any-return]  # as nested as the JSON
    if options.workload == "attack":
        return raw.setdefault(case.flood, {})  # type: ignore[no-any-return]  # as nested as the JSON
    return raw


async def attacked(options: Options, case: Case) -> dict[str, Any]:
    """Measure under a flood, and with the same clients burning as much CPU against a port where nobody listens."""
    site, (dead,) = case.peer.plan.config.site.port, ports.metrics(0, 1)
    flood = await measure(options, case, Attack(case.flood, case.clients, site))
    return {
        "flood": flood,
        "dead": await measure(options, case, Attack(case.flood, case.clients, dead, max(LEAST, flood["share"]))),
    }


async def measure(options: Options, case: Case, attack: Attack | None = None) -> dict[str, Any]:
    """Start one peer, load it, stop it; raises StackError that names the peer."""
    async with case.peer.running() as running:
        try:
            return await generate(plan(options, case, running, attack), case.peer.layout.dir)
        except StackError as error:
            raise StackError(
                f"{case.peer.name}, {describe(options, case)}: {error}\n{case.peer.said}".rstrip()
            ) from None


def plan(options: Options, case: Case, running: Running, attack: Attack | None = None) -> Plan:
    """Write what the generator is told."""
    return Plan(
        workload=options.workload,
        dialect=case.peer.name,
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
        attack=attack,
    )


REPORTS: dict[str, Any] = {
    "fanout": figures.fanout,
    "rooms": figures.rooms,
    "idle": figures.idle,
    "storm": figures.storm,
    "attack": figures.attack,
}
