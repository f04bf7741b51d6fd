"""`./parley bench …`: one command for each workload."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from deploy.errors import BadInputError
from deploy.operations.bench.load.floods import FLOODS
from deploy.operations.bench.options import PEERS, ROOM_MEMBERS, Options
from deploy.operations.bench.progress import Progress
from deploy.operations.bench.run import bench as run_bench
from deploy.operations.bench.table import table

PIPE_COLUMNS = 120  # Rich takes 80 where there is no terminal
DATABASES = ("sqlite", "postgresql")

bench = typer.Typer(help="Compare the cost of Parley with that of its peers.")

Peers = Annotated[str, typer.Option(help="The peers to compare with, separated by commas; `none`: only Parley.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON with the figures of every round.")]
Rounds = Annotated[int, typer.Option(min=1, max=50, help="How often each peer is measured; they run alternately.")]
Seconds = Annotated[float, typer.Option(min=0.2, max=120, help="Length of each measurement.")]
Browser = Annotated[bool, typer.Option("--browser", help="Offer permessage-deflate, as browsers do.")]
Members = Annotated[int, typer.Option(min=8, max=50_000, help="How many sockets to open.")]
ALL_PEERS = ",".join(PEERS)


@bench.command()
def fanout(  # noqa: PLR0917 (Typer makes an option of each)
    peers: Peers = ALL_PEERS,
    members: Annotated[list[int], typer.Option(min=8, max=50_000, help="Size of the room; repeatable.")] = [200, 2000],  # noqa: B006
    rounds: Rounds = 3,
    seconds: Seconds = 4.0,
    browser: Browser = False,
    nginx: Annotated[bool, typer.Option("--nginx", help="Connect through nginx with TLS instead of directly.")] = False,
    unix: Annotated[bool, typer.Option("--unix", help="Connect to unix sockets instead of ports on loopback.")] = False,
    json: Json = False,
) -> None:
    """Measure CPU, latency and frames in one large room."""
    room_sizes, others = _even(members), _peers(peers)
    _show(Options("fanout", room_sizes, others, rounds, seconds, browser=browser, nginx=nginx, unix=unix, json=json))


@bench.command()
def rooms(  # noqa: PLR0917 (the same)
    peers: Annotated[str, typer.Option(help="`tutorial`, or `none`: only Parley.")] = "tutorial",
    members: Annotated[int, typer.Option(min=8, max=50_000, help="How many sockets, four in each room.")] = 2000,
    databases: Annotated[str, typer.Option(help="The databases, separated by commas.")] = ",".join(DATABASES),
    in_flight: Annotated[int, typer.Option(min=1, max=100, help="Messages in flight in each room.")] = 1,
    rounds: Rounds = 3,
    seconds: Seconds = 8.0,
    json: Json = False,
) -> None:
    """Measure stored messages per second in many small rooms."""
    chosen = _chosen(databases, DATABASES, "database")
    if members % ROOM_MEMBERS:
        raise BadInputError(f"--members {members}: rooms have {ROOM_MEMBERS} members each")
    _show(Options("rooms", (members,), _peers(peers), rounds, seconds, (in_flight,), databases=chosen, json=json))


@bench.command()
def idle(
    peers: Peers = ALL_PEERS,
    members: Members = 4000,
    rounds: Rounds = 1,
    browser: Browser = False,
    json: Json = False,
) -> None:
    """Measure the memory of an idle socket."""
    _show(Options("idle", _even([members]), _peers(peers), rounds, browser=browser, json=json))


@bench.command()
def storm(
    peers: Peers = ALL_PEERS,
    members: Members = 2000,
    rounds: Rounds = 3,
    browser: Browser = False,
    json: Json = False,
) -> None:
    """Measure the cost when all clients reconnect at once."""
    _show(Options("storm", _even([members]), _peers(peers), rounds, browser=browser, json=json))


@bench.command()
def attack(
    floods: Annotated[str, typer.Option(help="The floods, separated by commas.")] = ",".join(FLOODS),
    clients: Annotated[list[int], typer.Option(min=1, max=100, help="How many attack at once; repeatable.")] = [1, 10],  # noqa: B006
    rounds: Rounds = 1,
    seconds: Seconds = 5.0,
    json: Json = False,
) -> None:
    """Measure what a flood costs everybody else."""
    chosen = _chosen(floods, tuple(FLOODS), "flood")
    _show(Options("attack", (0,), (), rounds, seconds, nginx=True, json=json, floods=chosen, clients=tuple(clients)))


def _show(options: Options) -> None:
    """Run it, and print the report."""
    report = run_bench(options, Progress(Console(stderr=True)))
    if options.json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        console = Console()
        if not console.is_terminal:
            console.width = PIPE_COLUMNS
        console.print(table(options.workload, report))


def _even(members: list[int]) -> tuple[int, ...]:
    """Two processes share the members, and idle measures twice."""
    for count in members:
        if count % 4:
            raise BadInputError(f"--members {count}: must be a multiple of 4, as two processes share them evenly")
    return tuple(members)


def _peers(names: str) -> tuple[str, ...]:
    return () if names == "none" else _chosen(names, PEERS, "peer")


def _chosen(names: str, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not chosen:
        raise BadInputError(f"no {what} is named: there are {', '.join(known)}")
    for name in chosen:
        if name not in known:
            raise BadInputError(f"no {what} {name!r}: there are {', '.join(known)}")
    return chosen
