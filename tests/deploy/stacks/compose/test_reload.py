"""A reload of nginx in its container: the replicas move who was there, and nginx cuts nobody."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from deploy.model.config import load
from tests import stock
from tests.deploy.operations.rollout.releases import release
from tests.deploy.stacks.compose.stack import RunningCompose, running_compose
from tests.ends import assert_spread, codes, ends_of
from tests.waiting import until

pytestmark = [pytest.mark.docker, pytest.mark.own_stack, pytest.mark.timeout(900)]

SOCKETS = 200
REPLICAS = 2
UNLIMITED = (  # all of a test's sockets come from one address
    ("docker-compose.prod.yml", '"sockets_per_address": 600', '"sockets_per_address": 0'),
    ("docker-compose.prod.yml", '"handshakes_per_second": 50', '"handshakes_per_second": 0'),
)


@pytest.fixture(scope="module")
def stack(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCompose]:
    """A project with a stock consumer beside the chat."""
    root = release(tmp_path_factory.mktemp("reload") / "checkout", *stock.CHANGES, *UNLIMITED)
    with running_compose(REPLICAS, root) as running:
        yield running


def found(stack: RunningCompose, times: int) -> int:
    """Wait until nginx was found more often than so many times, by each replica, and return how often it was."""

    def count() -> int:
        return stack.compose("logs", "--no-log-prefix", "web").count("nginx found")

    until(lambda: count() >= times + REPLICAS, "nginx is found by each replica")
    return count()


def shown(stack: RunningCompose) -> str:
    """Return the certificate that nginx shows."""
    return ssl.get_server_certificate(("127.0.0.1", stack.address.port), timeout=5)


async def test_a_renewed_certificate_moves_200_stock_sockets(stack: RunningCompose) -> None:
    """`setup` makes another, and the loop beside nginx has it read within five seconds."""
    times = found(stack, 0)
    before, edge = shown(stack), stack.containers("edge")[0]["State"]["StartedAt"]
    async with AsyncExitStack() as exits:
        sockets = await stock.opened(exits, stack.address, SOCKETS)
        ending = asyncio.create_task(ends_of(sockets, 120))
        pair = ("/srv/parley/tls/certificate.pem", "/srv/parley/tls/key.pem")  # a key alone would be somebody's
        gone = ("run", "--rm", "--no-deps", "--entrypoint=rm", "setup", "-f", *pair)
        await asyncio.to_thread(stack.compose, *gone)
        await asyncio.to_thread(stack.compose, "run", "--rm", "--no-deps", "setup")
        assert_spread(await ending, load(env="compose").stop.drain_seconds)
    assert shown(stack) != before
    assert stack.containers("edge")[0]["State"]["StartedAt"] == edge
    found(stack, times)


@pytest.mark.release
@pytest.mark.parametrize(
    "how", ["kill --signal=HUP edge", "restart edge", "up --detach --no-deps --force-recreate edge"]
)
async def test_nobody_is_cut_whoever_does_what(stack: RunningCompose, how: str) -> None:
    """By hand, with nobody asked; a new container's workers can have the numbers of the old ones."""
    times = found(stack, 0)
    async with AsyncExitStack() as exits:
        sockets = await stock.opened(exits, stack.address, 20)
        acting = asyncio.create_task(asyncio.to_thread(stack.compose, *how.split()))
        assert codes(await ends_of(sockets)) == {1012: 20}
        await acting
    found(stack, times)
    await asyncio.to_thread(stack.until_healthy)
