"""docs/runbooks/secrets.md, while people chat and one of them opens page after page."""

import asyncio
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from redis import AuthenticationError, Redis

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.effects.client.websocket_client import connect
from deploy.operations.doctor.compose import ComposeAdapter
from deploy.operations.drill.run import Workload
from tests.deploy.operations.rollout.judged import judged
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose, running_compose
from tests.deploy.stacks.systemd.host import Installed
from tests.waiting import PATIENCE

pytestmark = pytest.mark.timeout(600)

CHAT = Workload(clients=10, seconds=6, least=100)
REDIS = "/srv/parley/secrets/redis/password"
POSTGRES = "/srv/parley/secrets/postgres/password"


@pytest.fixture(scope="module")
def project(engine: None) -> Iterator[RunningCompose]:
    """One replica: what a rollout does with each is the same."""
    with running_compose(1) as running:
        yield running


def rotated(address: Address, act: Callable[[], object]) -> None:
    """Do it while people chat: nobody is cut, nothing is lost, and nobody is logged out at any moment."""
    visitor = HttpClient(address, timeout=PATIENCE)
    cookie = asyncio.run(visitor.guest("Ana"))
    before = asyncio.run(_who(address, cookie))
    verdict = judged(address, act, workload=CHAT, visitor=visitor)
    assert verdict.passed, str(verdict)
    assert asyncio.run(_who(address, cookie)) == before


async def _who(address: Address, cookie: str) -> int:
    async with connect(address, cookie) as socket:
        return int((await socket.welcome())["you"]["id"])


@pytest.mark.docker
@pytest.mark.own_stack
@pytest.mark.runbook("secrets", "compose")
def test_a_project(book: Book, project: RunningCompose) -> None:
    """All three, and what was valid before is not."""
    old = project.compose("exec", "-T", "redis", "cat", REDIS)
    older = project.compose("exec", "-T", "postgres", "cat", POSTGRES)
    book.play("Diagnosis", project)
    rotated(project.address, lambda: book.play("Mitigation", project))
    assert project.compose("exec", "-T", "postgres", "cat", POSTGRES) != older
    project.compose("restart", "redis")
    book.play("Verification", project)
    url = ComposeAdapter(project.stack).layer()
    new = str(urlsplit(url).password)
    with Redis.from_url(url) as redis, Redis.from_url(url.replace(new, old.strip())) as refused:
        assert redis.ping()
        with pytest.raises(AuthenticationError):
            refused.ping()
    shown = project.parley("secret-key", "drop", "--stack", "compose").stdout.splitlines()
    assert [line.split()[1:] for line in shown] == [["signs"]]


@pytest.mark.systemd
def test_the_key_of_a_host(systemd: Installed) -> None:
    """The same commands, without the rollouts in between: its file stays whose it was, and ends as one key again."""
    host, file = systemd.host, "/etc/parley/secrets/secret_key"
    for what, keys in (("show", 1), ("add", 2), ("turn", 2), ("turn", 2), ("drop", 1)):
        said = host.parley("secret-key", what, "--stack", "systemd").stdout.splitlines()
        assert len(said) == keys
        assert host.out("stat", "--format=%U:%G %a", file) == "root:parley 640"
        assert len(host.out("runuser", "-u", "parley", "--", "cat", file).splitlines()) == keys
