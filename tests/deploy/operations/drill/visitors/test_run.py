"""A drill with page loads and idle sockets on a site that breaks one promise after the other."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy.errors import BadInputError, StackError
from deploy.model.config import Config
from deploy.model.project import Drill, Project
from deploy.operations.drill.faults import FAULTS, Fault, Scene
from deploy.operations.drill.timeouts import Patience
from deploy.operations.drill.visitors import idle_socket
from deploy.operations.drill.visitors import site as visited
from deploy.operations.drill.visitors.report import lines
from deploy.operations.drill.visitors.run import Workload, drill
from deploy.operations.drill.visitors.site import Site
from tests.deploy.operations.drill.visitors.site import SOCKET, FakeSite, fake_site

WINDOW = 1.0
PATIENCE = Patience(handshake=5, first=0.02, longest=0.1, later=0.02)
SMALL = Workload(sockets=20, visitors=2, rate=30, seconds=0.8, seed=7, least=1, patience=PATIENCE)
SITE = Site(("/",), (SOCKET,), WINDOW)


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeSite]:
    """A site that keeps every promise, for visitors in a hurry."""
    monkeypatch.setattr(idle_socket, "ENTER_SECONDS", 0.1)
    monkeypatch.setattr(visited, "HELD_SECONDS", 0.2)
    monkeypatch.setattr("deploy.operations.drill.visitors.run.LATE_SECONDS", 2.0)
    async with fake_site() as site:
        yield site


async def test_a_drain_that_is_spread_passes(site: FakeSite) -> None:
    """All sockets come back with the site's own Origin, and no page fails."""
    fault = Fault("restart", "", lambda _: site.drain(WINDOW), graceful=True, moves=True)
    verdict = await drill(site, fault, SITE, SMALL)
    assert (verdict.outcome, verdict.counts, verdict.unknown) == ("passed", {}, ())
    assert (verdict.sockets, verdict.reconnects, verdict.closed) == (20, 20, {1012: 20})
    assert verdict.statuses == {200: verdict.loads}
    assert verdict.loads_in_window > 0
    assert site.origins == {site.address.origin}
    assert next(iter(lines("restart", verdict))) == "restart: passed"
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith(("socket", "page"))] == []


async def test_an_end_without_a_close_frame_is_red(site: FakeSite) -> None:
    """Unless a process was killed."""
    verdict = await drill(site, Fault("x", "", lambda _: site.cut(3)), SITE, SMALL)
    assert (verdict.outcome, verdict.counts, verdict.closed) == ("failed", {"cut": 3}, {1006: 3})
    assert any("closed with 1006" in line for line in lines("x", verdict))
    verdict = await drill(site, Fault("x", "", lambda _: site.cut(3), kills=True), SITE, SMALL)
    assert (verdict.outcome, verdict.closed) == ("passed", {1006: 3})


async def test_a_page_that_fails_under_the_fault_is_red(site: FakeSite) -> None:
    """By its status; what the site says of its own accord, such as 404, is none of our business."""

    async def fail(_: Scene) -> None:
        site.statuses["/"] = 404
        await asyncio.sleep(0.3)
        site.statuses["/"] = 502
        await asyncio.sleep(0.3)
        site.statuses["/"] = 200

    verdict = await drill(site, Fault("x", "", fail), SITE, SMALL)
    assert (verdict.outcome, set(verdict.counts)) == ("failed", {"server_error"})
    assert verdict.statuses[502] == verdict.counts["server_error"]
    assert verdict.statuses[404]


async def test_a_handshake_that_fails_is_red(site: FakeSite) -> None:
    """But where the layer is away that its consumer asks: it came back, and that counts."""

    async def fail(_: Scene) -> None:
        site.statuses[SOCKET] = 500
        await site.cut(3)
        await asyncio.sleep(0.5)
        del site.statuses[SOCKET]

    verdict = await drill(site, Fault("x", "", fail, kills=True), SITE, SMALL)
    assert (verdict.outcome, set(verdict.counts)) == ("failed", {"server_error"})
    verdict = await drill(site, Fault("x", "", fail, kills=True, layer=True), SITE, SMALL)
    assert verdict.outcome == "passed"
    assert verdict.refused["status 500"] >= 3


async def test_a_herd_is_red(site: FakeSite) -> None:
    """All of them with 1012, and all in one moment."""
    slow = Site(("/",), (SOCKET,), 5.0)
    verdict = await drill(site, Fault("x", "", lambda _: site.restart(), graceful=True), slow, SMALL)
    assert (verdict.outcome, verdict.counts) == ("failed", {"bunched": 1})
    assert "20 of 20 sockets ended within 250 ms" in verdict.examples[0].detail


async def test_who_stays_away_is_red(site: FakeSite) -> None:
    """The site accepts nobody after the fault."""

    async def shut(_: Scene) -> None:
        site.statuses[SOCKET] = 403
        await site.cut(2)

    verdict = await drill(site, Fault("x", "", shut, kills=True), SITE, SMALL)
    assert (verdict.outcome, verdict.counts) == ("failed", {"not_back": 2})


async def test_a_move_that_moved_nobody_proves_nothing(site: FakeSite) -> None:
    """And neither does a run without pages."""
    verdict = await drill(site, Fault("x", "", lambda _: asyncio.sleep(0), moves=True), SITE, SMALL)
    assert (verdict.outcome, verdict.unknown) == (
        "unknown",
        ("20 of 20 sockets were never moved to another instance",),
    )
    few = Workload(sockets=0, visitors=1, rate=1, seconds=0.1, seed=7)
    verdict = await drill(site, FAULTS["none"], SITE, few)
    assert verdict.outcome == "unknown"
    assert "20 are needed" in verdict.unknown[0]


async def test_prefixes_that_accept_nothing_are_named_and_left_out(site: FakeSite) -> None:
    """Pages are loaded all the same; a project without sockets has nothing to name."""
    verdict = await drill(site, FAULTS["none"], Site(("/",), ("/ws/", SOCKET), WINDOW), SMALL)
    said = "no idle sockets at /ws/: the handshake is answered 404; [project.drill] sockets names the paths"
    assert (verdict.outcome, verdict.sockets) == ("passed", 20)
    assert verdict.left_out[0].startswith(said)
    site.closes_with = 4001
    verdict = await drill(site, FAULTS["none"], SITE, SMALL)
    assert (verdict.outcome, verdict.sockets) == ("passed", 0)
    assert "closed at once with 4001" in verdict.left_out[0]
    verdict = await drill(site, FAULTS["none"], Site(("/",), (), WINDOW), SMALL)
    assert (verdict.outcome, verdict.left_out) == ("passed", ())


async def test_what_is_broken_before_is_no_drill(site: FakeSite) -> None:
    """One line says what; a path that the project names, and that is none, is bad input."""
    named = Site(("/",), ("/ws/", SOCKET), WINDOW, is_named=True)
    with pytest.raises(BadInputError, match=r"^project\.drill\.sockets: no idle sockets at /ws/: the handshake is"):
        await drill(site, FAULTS["none"], named, SMALL)
    site.statuses[SOCKET] = 500
    with pytest.raises(StackError, match=f"a handshake at {SOCKET} is answered 500 before anything is broken"):
        await drill(site, FAULTS["none"], SITE, SMALL)
    site.statuses["/"] = 500
    with pytest.raises(StackError, match="/ answers 500 before anything is broken"):
        await drill(site, FAULTS["none"], SITE, SMALL)
    site.address = FakeSite().address
    with pytest.raises(StackError, match="/ answers ConnectionRefusedError before anything is broken"):
        await drill(site, FAULTS["none"], SITE, SMALL)


def test_what_the_project_says() -> None:
    """The paths that it names, or its health page and its prefixes."""
    assert Site.of(Config(project=Project(health="/up/"))) == Site(("/up/",), ("/ws/",), 5)
    assert Site.of(Config(project=Project(sockets=()))) == Site(("/",), (), 5)
    named = Drill(pages=("/a/",), sockets=("/ws/b/",))
    assert Site.of(Config(project=Project(health="/up/", drill=named))) == Site(("/a/",), ("/ws/b/",), 5, is_named=True)
