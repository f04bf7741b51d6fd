"""The three sets of tests, and the lanes in which a whole set runs side by side.

`./parley test` is the short set: every unit test and, of each kind of test with real servers, those marked `short`.
`--all` adds the other tests with real servers, and leaves out those marked `release`. `--release` is everything.
A run that names tests (a path, -k, -m) runs what it names, whatever set that is in, one after the other.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

SAID = {
    "short": "the short set; ./parley test --all runs what CI runs, ./parley test --release everything",
    "all": "what CI runs; ./parley test --release runs everything",
    "release": "everything",
    "named": "the tests that were named; ./parley test --release runs everything",
}
REAL = frozenset({"stack", "browser", "drill", "launcher", "docker", "systemd"})  # marks of tests with real servers
LANES = 4  # on two cores: most of the time of a test with real servers is waiting
SHARED, OWN = "docker", "docker-own"
BROWSERS = frozenset({"browser", "netns"})
BROWSERS_SECONDS = 1200.0  # theirs, on a slow machine beside two other lanes
CLOSED = "browsers-are-closed"


def add_options(parser: pytest.Parser) -> None:
    """Add --short, --all and --release."""
    group = parser.getgroup("sets of tests")
    group.addoption("--short", action="store_const", const="short", dest="set", help="run the set of `./parley test`")
    group.addoption("--all", action="store_const", const="all", dest="set", help="run what CI runs")
    group.addoption("--release", action="store_const", const="release", dest="set", help="run everything")


def choose(config: pytest.Config) -> None:
    """Decide which set a run is of; a whole set runs side by side unless the call says otherwise."""
    options = config.option
    if hasattr(config, "workerinput"):
        return  # one of the processes of a run side by side: it was told
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS or options.keyword or options.markexpr:
        options.set = options.set or "named"
        return
    options.set = options.set or "short"
    if options.numprocesses is None and options.dist == "no" and not options.usepdb:
        options.numprocesses = LANES
        options.dist = "loadgroup"
    # The processes of pytest-xdist are told nothing but the words of the call.
    told = config.invocation_params
    words = (*told.args, f"--{options.set}", f"--dist={options.dist}")
    config.invocation_params = replace(told, args=words)


def is_in(marks: set[str], chosen: str) -> bool:
    """Tell whether a test with these marks belongs to a set."""
    if chosen == "short":
        return "short" in marks or not marks & (REAL | {"release"})
    return chosen != "all" or "release" not in marks


def lane(item: pytest.Item) -> str | None:
    """Name the tests that this one takes turns with; None: it runs beside any other.

    Tests that share a stack share a process, so that the stack is started once. In Docker most share one, and take as
    long as all others with stacks of their own.
    """
    names = marks(item)
    if "own_stack" in names and item.config.option.set not in {None, "named"}:
        return OWN  # in a whole set, whose largest lane is the shared one and begins first
    if names & {"docker", *BROWSERS}:
        return SHARED
    if "systemd" in names:
        return "systemd"
    return item.path.stem if names & REAL else None


def take_turn(item: pytest.Item, folder: Path) -> str:
    """Hold back the second lane in Docker until the first is done with its browsers; `folder` is all processes'.

    Chromium gives up what it loads when a network interface comes or goes, as a container's does. Where tests are not
    handed out by their lanes, the browsers may come after this one, so nobody waits. Return what went wrong.
    """
    if not item.config.option.loadgroup:  # of a process of pytest-xdist, whose `dist` says "no"
        return ""
    if lane(item) != OWN or not any(marks(one) & BROWSERS for one in item.session.items):
        return ""
    deadline = time.monotonic() + BROWSERS_SECONDS
    while not (folder / CLOSED).exists():
        if time.monotonic() > deadline:
            (folder / CLOSED).touch()  # one failure is enough: the next need not wait as long again
            return "the browsers never ended"
        time.sleep(0.2)
    return ""


def give_turn(item: pytest.Item, following: pytest.Item | None, folder: Path) -> None:
    """Say so when the last browser is closed: in their lane they come before the first container."""
    if lane(item) == SHARED and not (following and marks(following) & BROWSERS):
        (folder / CLOSED).touch()


def marks(item: pytest.Item) -> set[str]:
    """Give the names of a test's marks."""
    return {mark.name for mark in item.iter_markers()}


def marked(mark: pytest.MarkDecorator, names: Iterable[str], *chosen: str) -> list[ParameterSet]:
    """Give the values of a parameter, those that are chosen with the mark of a set."""
    return [pytest.param(name, marks=mark if name in chosen else ()) for name in names]
