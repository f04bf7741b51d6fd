"""A reload of nginx on `up`: the instances move who was there, spread over the window, and nginx cuts nobody."""

import asyncio
import datetime as dt
import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from deploy.model.config import load
from deploy.model.hosts import LOOPBACK
from deploy.stacks import certificate
from deploy.stacks.local.layout import Layout
from tests import stock
from tests.ends import assert_spread, codes, ends_of
from tests.running import RunningStack, changed_checkout, running_stack

pytestmark = pytest.mark.stack

SOCKETS = 200
WINDOW = load().stop.drain_seconds


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack with a stock consumer beside the chat."""
    folder = tmp_path_factory.mktemp("reload")
    root = changed_checkout(folder / "checkout", *stock.CHANGES)
    with running_stack(folder / "stack", root=root) as running:
        yield running


def shown(stack: RunningStack) -> str:
    """Return the certificate that nginx shows."""
    return ssl.get_server_certificate(("127.0.0.1", stack.address.port), timeout=5)


async def until_connected(stack: RunningStack) -> None:
    """Wait until each instance has its connection to nginx."""
    for number in range(len(stack.instances)):
        await stack.until_measured(number, edge=1)


async def test_a_renewed_certificate_moves_200_stock_sockets(stack: RunningStack) -> None:
    """All with 1012, none with 1006; who comes back meanwhile stays."""
    await until_connected(stack)
    before, pid = shown(stack), stack.state["nginx_pid"]
    reloads = stack.measured(0)["parley_nginx_reloads_total"]
    async with AsyncExitStack() as exits:
        sockets = await stock.opened(exits, stack.address, SOCKETS)
        later = dt.datetime.now(dt.UTC) + certificate.LIFETIME
        assert certificate.ensure(Layout(stack.directory), LOOPBACK, later)
        os.kill(pid, signal.SIGHUP)
        ending = asyncio.create_task(ends_of(sockets))
        await stack.line("web-1", "reload started")
        assert shown(stack) != before
        [newcomer] = await stock.opened(exits, stack.address, 1)
        assert_spread(await ending, WINDOW)
        await (await newcomer.ping())
    assert stack.state["nginx_pid"] == pid
    assert stack.measured(0)["parley_nginx_reloads_total"] == reloads + 1


async def test_two_reloads_close_to_each_other(stack: RunningStack) -> None:
    """Who came back from the first is moved again; nobody is cut."""
    await until_connected(stack)
    reloads = [stack.measured(number)["parley_nginx_reloads_total"] for number in range(len(stack.instances))]
    async with AsyncExitStack() as exits:
        first = await stock.opened(exits, stack.address, 50)
        os.kill(stack.state["nginx_pid"], signal.SIGHUP)
        ending = asyncio.create_task(ends_of(first))
        for number, before in enumerate(reloads):
            await stack.until_measured(number, nginx_reloads_total=before + 1, edge=1)
        second = await stock.opened(exits, stack.address, 50)
        os.kill(stack.state["nginx_pid"], signal.SIGHUP)
        assert codes([*await ends_of(second), *await ending]) == {1012: 100}


async def test_a_stop_of_nginx_cuts_nobody(stack: RunningStack) -> None:
    """QUIT keeps the sockets as long as a reload does, and `up` starts nginx again when they have gone."""
    await until_connected(stack)
    pid = stack.state["nginx_pid"]
    async with AsyncExitStack() as exits:
        sockets = await stock.opened(exits, stack.address, 50)
        os.kill(pid, signal.SIGQUIT)
        assert codes(await ends_of(sockets)) == {1012: 50}
    await stack.line("nginx ended with exit status 0; starting it again")
    await until_connected(stack)


async def test_a_killed_nginx_leaves_no_socket_in_the_way(stack: RunningStack) -> None:
    """SIGKILL leaves the unix socket for the instances, which nginx would not start over."""
    await until_connected(stack)
    os.kill(stack.state["nginx_pid"], signal.SIGKILL)
    await stack.line("nginx was ended by SIGKILL; starting it again")
    await until_connected(stack)
    async with AsyncExitStack() as exits:
        assert await stock.opened(exits, stack.address, 1)


async def test_200_stock_sockets_through_an_instance_s_drain(stack: RunningStack) -> None:
    """SIGTERM: with 1012, over the window."""
    async with AsyncExitStack() as exits:
        sockets = await stock.opened(exits, stack.pinned(0), SOCKETS)
        os.kill(stack.instances[0].pid, signal.SIGTERM)
        assert_spread(await ends_of(sockets), WINDOW)
    await stack.line("web-1", "drain finished sockets=0")
