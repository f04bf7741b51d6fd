"""Another name, another number of replicas, another limit or port of a running site, by one command."""

import asyncio
import re
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from tests import stock
from tests.deploy.operations.rollout.judged import judged
from tests.deploy.operations.rollout.releases import release
from tests.deploy.stacks.compose.stack import RunningCompose, running_compose
from tests.ends import codes, ends_of
from tests.running import free_port
from tests.waiting import PATIENCE, until

pytestmark = [pytest.mark.docker, pytest.mark.own_stack, pytest.mark.timeout(900)]

APPLY = "./parley rollout --stack compose --again"
RENDER = "./parley render compose --out ."
UP = "docker compose -f docker-compose.prod.yml up -d --wait"
SERVERS = ("postgres", "redis")
NAME = "chat.example.com"
SMALL = 100_000  # bytes of a body that another parley.toml allows
TOO_LARGE = 413
SOCKETS = 20
UNKNOWN, KNOWN = (400, 421), (200, 308)


@pytest.fixture(scope="module")
def site(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCompose]:
    """A checkout of its own, for its parley.toml changes; with a stock consumer beside the chat."""
    root = release(tmp_path_factory.mktemp("changes") / "checkout", *stock.CHANGES)
    with running_compose(2, root) as running:
        yield running


@pytest.fixture
def servers(site: RunningCompose) -> Iterator[None]:
    """Whatever a test changes, PostgreSQL and Redis run on."""
    before = ids(site, *SERVERS)
    yield
    assert ids(site, *SERVERS) == before


def ids(site: RunningCompose, *services: str) -> list[str]:
    """Give the containers of services."""
    return [str(one["Id"]) for service in services for one in site.containers(service)]


def changed(site: RunningCompose, **variables: str) -> RunningCompose:
    """Change .env, for this test and those after it."""
    site.variables.update(variables)
    return site


def apply(site: RunningCompose) -> None:
    """Apply what was changed, as the page says; a plain `up` then finds nothing to do."""
    site.road(APPLY, site.root)
    running = {one["Id"] for one in site.containers()}
    site.road(UP, site.root)
    assert {one["Id"] for one in site.containers()} == running


def known(site: RunningCompose, name: str) -> tuple[int, ...]:
    """Ask the app for a page under a name, and nginx where it is by https."""
    plain = Address.at(f"http://localhost:{site.http_port}")
    asked = ((site.address, "/accounts/login/"), (plain, "/"))
    return tuple(HttpClient(at)._request("GET", path, b"", {"Host": f"{name}:{at.port}"}).status for at, path in asked)


def test_another_name_and_one_replica_more_under_people_who_chat(site: RunningCompose, servers: None) -> None:
    """Nobody is cut, each page comes, and nginx knows the name without a restart."""
    edge = ids(site, "edge")
    assert known(site, NAME) == UNKNOWN
    changed(site, PARLEY_HOSTS=NAME, PARLEY_REPLICAS="3")
    verdict = judged(site.address, lambda: apply(site))
    assert verdict.passed, str(verdict)
    assert len(site.containers("web")) == 3
    until(lambda: known(site, NAME) == KNOWN, "nginx knows the name")
    assert ids(site, "edge") == edge
    # Its name is in the certificate and in nginx's files: one reload for both, for each moves every socket.
    logs = [
        subprocess.run(["docker", "logs", one["Id"]], capture_output=True, text=True, check=True)
        for one in site.containers("web")
    ]
    assert [log.stderr.count("reload started") + log.stdout.count("reload started") for log in logs] == [1, 1, 1]


@pytest.mark.release
def test_one_replica_less_and_another_limit_under_people_who_chat(site: RunningCompose, servers: None) -> None:
    """The limit is one of parley.toml, of nginx and of the app."""
    edge = ids(site, "edge")
    large = b"x" * (SMALL + 1)
    assert posted(site.address, large) != TOO_LARGE
    limited(site)
    changed(site, PARLEY_REPLICAS="2")
    verdict = judged(site.address, lambda: apply(site))
    assert verdict.passed, str(verdict)
    assert len(site.containers("web")) == 2
    until(lambda: posted(site.address, large) == TOO_LARGE, "nginx has the limit")
    assert ids(site, "edge") == edge


def posted(address: Address, body: bytes) -> int:
    """Send it, and give the status of the answer."""
    return HttpClient(address)._request("POST", "/accounts/login/", body, {}).status


def limited(site: RunningCompose) -> None:
    """Write the limit into parley.toml, and what follows from it."""
    file = site.root / "parley.toml"
    text = file.read_text()
    other = re.sub(r"\nbody_bytes = \d+", f"\nbody_bytes = {SMALL}", text)
    assert other != text
    file.write_text(other)
    site.road(RENDER, site.root)


@pytest.mark.release
@pytest.mark.parametrize("names", [("PARLEY_PORT",), ("PARLEY_PORT", "PARLEY_HTTP_PORT"), ("PARLEY_OPEN_FILES",)])
async def test_what_makes_the_edge_anew_cuts_nobody(
    site: RunningCompose, servers: None, names: tuple[str, ...]
) -> None:
    """Its sockets are moved first, and a page that is answered is no error; none is answered while it is away."""
    before, edge = site.address, ids(site, "edge")
    values = {name: "10000" if name == "PARLEY_OPEN_FILES" else str(free_port()) for name in names}
    pages: Counter[int] = Counter()
    over = threading.Event()

    async def visit() -> None:
        while not over.is_set():
            with suppress(OSError):
                pages[(await HttpClient(before).get("/accounts/login/")).status] += 1
            await asyncio.sleep(0.05)

    async with AsyncExitStack() as exits:
        sockets = await stock.opened(exits, before, SOCKETS)
        ending = asyncio.create_task(ends_of(sockets, 600))
        visits = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(visit())))
        try:
            await asyncio.to_thread(apply, changed(site, **values))
        finally:
            over.set()
            await visits
        assert codes(await ending) == {1012: SOCKETS}
    assert set(pages) == {200}, pages
    assert ids(site, "edge") != edge
    assert len(site.containers("edge", stopped=True)) == 1
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as exits:
        assert known(site, NAME) == KNOWN
        await stock.opened(exits, site.address, 1)


def test_a_plain_up_leaves_the_servers_alone(site: RunningCompose, servers: None) -> None:
    """It makes everything else anew: whoever types it loses seconds of the site, and neither database nor layer."""
    web = ids(site, "web")
    site = changed(site, PARLEY_HOSTS=f"{NAME},www.{NAME}", PARLEY_SCRAPE_SECONDS="20")
    site.road(UP, site.root)
    assert not set(ids(site, "web")) & set(web)
    until(lambda: known(site, f"www.{NAME}") == KNOWN, "nginx knows the name")


def test_a_number_that_does_not_fit_changes_nothing(site: RunningCompose, servers: None) -> None:
    """One line, and exit status 2."""
    other = replace(site, variables={**site.variables, "PARLEY_REPLICAS": "99"})
    before = {one["Id"] for one in site.containers()}
    with pytest.raises(AssertionError, match=r": 2\n(.*\n)?parley: \.env: PARLEY_REPLICAS: must be 64 or less\n"):
        other.road(APPLY, site.root)
    assert {one["Id"] for one in site.containers()} == before


@pytest.mark.release
def test_a_port_that_somebody_has_leaves_the_old_edge(site: RunningCompose, servers: None) -> None:
    """Docker cannot start the new container: the one before serves again, alone; and the release is no failed one."""
    before, port = ids(site, "edge"), site.variables["PARLEY_PORT"]
    with socket.create_server(("0.0.0.0", 0)) as taken:
        changed(site, PARLEY_PORT=str(taken.getsockname()[1]))
        try:
            with pytest.raises(AssertionError, match=r"(?s): 1\n.*(already allocated|already in use)"):
                site.road(APPLY, site.root)
        finally:
            changed(site, PARLEY_PORT=port)
    assert [str(one["Id"]) for one in site.containers("edge", stopped=True)] == before
    until(lambda: known(site, "localhost")[0] == 200, "the old edge serves")
    apply(site)


def test_another_database_is_refused(site: RunningCompose, servers: None) -> None:
    """Replicas of before would write to one, and new ones to the other."""
    before = ids(site, "web")
    file = site.root / "parley.toml"
    text = file.read_text()
    try:
        url = "[env.compose.database]\nurl = 'postgres://a:secret@db.example/a'\n"
        file.write_text(text.replace("[env.compose.site]\n", f"{url}[env.compose.site]\n"))
        site.road(RENDER, site.root)
        with pytest.raises(
            AssertionError, match=r": 2\n(.*\n)?parley: database\.url: another database cannot be"
        ) as refused:
            site.road(APPLY, site.root)
        assert "secret" not in str(refused.value)
    finally:
        file.write_text(text)
        site.road(RENDER, site.root)
    assert ids(site, "web") == before
