"""The three sets of tests, and the lanes in which a whole set runs side by side.

`./parley test` is the short set: every unit test and, of each kind of test with real servers, those marked `short`.
`--all` adds the other tests with real servers, and leaves out those marked `release`. `--release` is everything.
A run that names tests (a path, -k, -m) runs what it names, whatever set that is in, one after the other.
"""

from collections.abc import Iterable
from dataclasses import replace

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

    Tests that share a stack share a process, so that the stack is started once.
    """
    names = marks(item)
    if names & {"docker", "browser"}:
        return "docker"  # Chromium gives up what it loads when a network interface comes or goes, as a container's do
    if "systemd" in names:
        return "systemd"
    return item.path.stem if names & REAL else None


def marks(item: pytest.Item) -> set[str]:
    """Give the names of a test's marks."""
    return {mark.name for mark in item.iter_markers()}


def marked(mark: pytest.MarkDecorator, names: Iterable[str], *chosen: str) -> list[ParameterSet]:
    """Give the values of a parameter, those that are chosen with the mark of a set."""
    return [pytest.param(name, marks=mark if name in chosen else ()) for name in names]
