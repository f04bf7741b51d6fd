"""An act of an operator while 20 clients chat, judged by the checker as a fault is."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from deploy.drill.address import Address
from deploy.drill.faults import Fault
from deploy.drill.run import Workload, drill
from deploy.drill.verdict import Verdict
from deploy.drill.visitor import guest
from deploy.drill.wire import connect

SECONDS = 600.0  # the act takes no longer


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


def judged(address: Address, act: Callable[[], object], *, moves: bool = True) -> Verdict:
    """Do it in the middle of a chat; nobody may be cut, and with `moves` everybody must have been moved."""
    fault = Fault(
        "operator", "what an operator does", lambda _: _beside(act), graceful=True, moves=moves, seconds=SECONDS
    )
    return asyncio.run(drill(Site(address), fault, Workload()))


async def _beside(act: Callable[[], object]) -> None:
    await asyncio.to_thread(act)


async def served(address: Address) -> str:
    """Ask a socket which release it is connected to."""
    async with connect(address, await guest(address, "Asker")) as socket:
        return str((await socket.welcome())["server"])
