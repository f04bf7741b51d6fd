"""What every test shares: the running stack, and an account of what was left out."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings

from tests import sets
from tests.checkout import ROOT
from tests.deploy.operations.runbooks.book import book, pytest_runtest_call
from tests.installed import compose, systemd
from tests.kit import engine, systemd_host
from tests.running import RunningStack, running_stack

__all__ = ["book", "compose", "engine", "pytest_runtest_call", "systemd", "systemd_host"]  # fixtures of every test

for _said in (
    "PARLEY_STACK",
    "PARLEY_DIR",
    "PARLEY_NAME",
    "PARLEY_PROJECT",
):  # of the shell's own stack, which no test is to meet
    os.environ.pop(_said, None)

IN_CI = os.environ.get("CI") == "true"

# No example is timed: a busy machine is no bug. In CI they are the same each time, so that it judges the change and
# not the draw; everywhere else they are others each time, and find what is there to be found.
settings.register_profile(
    "parley",
    settings.get_profile("default"),
    deadline=None,
    derandomize=IN_CI,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("parley")

LATE = pytest.StashKey[str]()  # why a test's turn never came


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the sets."""
    sets.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Choose the set before pytest-xdist reads how many processes there are to be."""
    sets.choose(config)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Put a test into its lane."""
    if lane := sets.lane(item):
        item.add_marker(pytest.mark.xdist_group(lane))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Let a lane wait for another one before the test's own time begins."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    factory: pytest.TempPathFactory = vars(item.config)["_tmp_path_factory"]
    folder = factory.getbasetemp().parent  # of all processes of this run
    item.stash[LATE] = sets.take_turn(item, folder)
    done = yield
    sets.give_turn(item, nextitem, folder)
    return done


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail the test whose lane waited in vain: an error around a test ends the whole run."""
    if late := item.stash.get(LATE, ""):
        pytest.fail(late, pytrace=False)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The stack of `./parley up`, one for all tests that leave it as they found it."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Remove what SQLite keeps beside its file, too: Django removes the file alone."""
    yield
    for suffix in ("-wal", "-shm"):
        Path(f"{connection.settings_dict['NAME']}{suffix}").unlink(missing_ok=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count what a machine lacks as a failure in CI, which installs the tools: a skip would hide it there."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"left out, which CI does not allow: {reason}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end which set ran, how much of it was left out and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons: dict[str, int] = {}
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason] = reasons.get(reason, 0) + 1
    terminalreporter.write_sep("-", f"left out on this machine: {len(skipped)}")
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"{number:4d}  {reason.removeprefix('Skipped: ')}")
    terminalreporter.write_line(f"ran: {sets.SAID[terminalreporter.config.option.set]}")


INSTALLED = ("systemd", "docker")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is of another set, give tests that run real stacks the time they need, the installed ones last.

    What they bring up stays up, and costs whatever runs beside it; and Chromium gives up what it loads when a network
    interface comes or goes, as with each container.
    """
    others = [item for item in items if not sets.is_in(sets.marks(item), config.option.set)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in set(others)]
    items.sort(key=lambda item: [bool(item.get_closest_marker(name)) for name in reversed(INSTALLED)])
    for item in items:
        if not item.get_closest_marker("timeout") and {"stack", "browser", "drill", *INSTALLED} & {
            m.name for m in item.iter_markers()
        }:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def here() -> Path:
    """The checkout."""
    return ROOT
