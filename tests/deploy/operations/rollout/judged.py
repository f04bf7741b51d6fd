"""An act of an operator while 20 clients chat, judged by the checker as a fault is; and what visitors find."""

import asyncio
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient, guest
from deploy.effects.client.websocket_client import connect
from deploy.operations.drill.faults import Fault
from deploy.operations.drill.run import Workload, drill
from deploy.operations.drill.verdict import Verdict
from tests.waiting import PATIENCE

SECONDS = 600.0  # the act takes no longer
TABS = 4  # that ask for pages meanwhile


@dataclass(frozen=True)
class Site:
    """A stack of which a drill needs to know no more than where it is."""

    address: Address
    database: None = None
    redis_socket: None = None

    async def names(self) -> tuple[str, ...]:
        return ()

    async def pid(self, name: str) -> int | None:  # noqa: ARG002
        return None

    async def ready(self, name: str) -> bool:  # noqa: ARG002
        return True


def judged(
    address: Address,
    act: Callable[[], object],
    *,
    moves: bool = True,
    workload: Workload | None = None,
    visitor: HttpClient | None = None,
) -> Verdict:
    """Do it in the middle of a chat; nobody may be cut, and with `moves` everybody must have been moved.

    Whoever asks for a page meanwhile gets it: `visitor` the one behind the log-in, strangers the log-in itself.
    """
    pages: Counter[int] = Counter()
    who, path = (visitor, "/") if visitor else (HttpClient(address, timeout=PATIENCE), "/accounts/login/")

    async def act_beside(_: object) -> None:
        over = threading.Event()
        # In a loop of its own, with threads of its own: the clients here keep time.
        visits = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(_visits(who, path, over, pages))))
        try:
            await asyncio.to_thread(act)
        finally:
            over.set()
            await visits

    fault = Fault("operator", "what an operator does", act_beside, graceful=True, moves=moves, seconds=SECONDS)
    verdict = asyncio.run(drill(Site(address), fault, workload or Workload()))
    assert set(pages) == {200}, pages
    return verdict


async def _visits(visitor: HttpClient, path: str, over: threading.Event, statuses: Counter[int]) -> None:
    """Ask for a page all the time, in several tabs."""

    async def visit() -> None:
        while not over.is_set():
            statuses[(await visitor.get(path)).status] += 1
            await asyncio.sleep(0.05)

    await asyncio.gather(*(visit() for _ in range(TABS)))


def assert_refused(second: subprocess.CompletedProcess[str], why: str) -> None:
    """See that a second rollout was told in one line who is at it, since when, and why."""
    since = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    line = rf"parley: another change is in progress: \w+ since {since}, rollout, pid \d+: {why}\n"
    assert second.returncode == 2, second
    assert re.fullmatch(line, second.stderr), second


async def style(address: Address) -> str:
    """Give the path of the style sheet that a page names now."""
    found = re.search(r'/static/[^"]+page[^"]+\.css', (await HttpClient(address).get("/accounts/login/")).text)
    assert found
    return found[0]


async def statuses(address: Address, *paths: str) -> list[int]:
    """Ask for files, as pages that are still open do."""
    return [(await HttpClient(address).get(path)).status for path in paths]


async def served(address: Address) -> str:
    """Ask a socket which release it is connected to."""
    async with connect(address, await guest(address, "Asker")) as socket:
        return str((await socket.welcome())["server"])
