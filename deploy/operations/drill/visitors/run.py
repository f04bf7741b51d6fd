"""One drill of any project: pages are loaded, sockets are idle, a fault strikes in the middle."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from deploy.errors import StackError
from deploy.operations.drill.faults import Fault, Scene
from deploy.operations.drill.notifier import Notifier
from deploy.operations.drill.run import READY_SECONDS, strike
from deploy.operations.drill.stack import Stack
from deploy.operations.drill.timeouts import Patience
from deploy.operations.drill.visitors.idle_socket import IdleSocket
from deploy.operations.drill.visitors.judge import LEAST_LOADS, Run, judge
from deploy.operations.drill.visitors.page_visitor import PageVisitor
from deploy.operations.drill.visitors.site import Site
from deploy.operations.drill.visitors.verdict import Verdict

TICK = 0.02
LATE_SECONDS = 30.0  # that a drill waits at least for who is not back: it tells how late they came
HANDSHAKE_SECONDS = 10.0  # clients/reconnect.js


@dataclass(frozen=True)
class Workload:
    """Who visits and how long; the fault's own time comes on top where it is long."""

    sockets: int = 100  # of all paths: enough that a herd is seen, and few beside nginx's limits for one address
    visitors: int = 4
    rate: float = 2.5  # pages a second, each
    seconds: float = 10.0
    seed: int | None = None
    least: int = LEAST_LOADS
    patience: Patience = field(default_factory=lambda: Patience(handshake=HANDSHAKE_SECONDS))


async def drill(stack: Stack, fault: Fault, site: Site, workload: Workload) -> Verdict:
    """Give the verdict on one fault; raises StackError when nothing can be run."""
    site = await site.seen(stack.address)
    # Whoever tries just before the end of the fault gives that handshake up, and pauses once more.
    back_within = site.drain_seconds + workload.patience.handshake + workload.patience.longest
    instances = len(await stack.names())
    stalls = [0.0]
    async with AsyncExitStack() as stay:
        sockets, visitors, notifier = await enter(stay, stack, site, workload)

        def all_open() -> bool:
            return all(socket.life.is_open for socket in sockets)

        if not await notifier.until(all_open, READY_SECONDS):
            raise StackError(f"not within {READY_SECONDS:g} s: every idle socket was open")
        await stay.enter_async_context(watched(stalls))
        window = await strike(fault, Scene(stack, ()), workload.seconds)
        await notifier.until(all_open, max(LATE_SECONDS, back_within))  # the judge says who was late, and by how much
    return judge(
        Run(
            site=site,
            fault=fault,
            window=window,
            loads=[load for visitor in visitors for load in visitor.loads],
            lives=[socket.life for socket in sockets],
            instances=instances,
            back_within=back_within,
            stall=max(stalls),
            least=workload.least,
        )
    )


async def enter(
    stay: AsyncExitStack, stack: Stack, site: Site, workload: Workload
) -> tuple[Sequence[IdleSocket], Sequence[PageVisitor], Notifier]:
    """Have all of them come."""
    notifier, address = Notifier(), stack.address
    rng = random.Random(workload.seed)  # noqa: S311 - jitter
    sockets, visitors = [], []
    for number in range(workload.sockets if site.sockets else 0):
        path = site.sockets[number % len(site.sockets)]
        one = IdleSocket(f"{path} {number}", address, path, notifier=notifier, patience=workload.patience, rng=rng)
        sockets.append(await stay.enter_async_context(one))
    for _ in range(workload.visitors):
        visitor = PageVisitor(address, site.pages, workload.rate, rng)
        visitors.append(await stay.enter_async_context(visitor))
    stay.callback(stop, sockets)
    return sockets, visitors, notifier


def stop(sockets: Sequence[IdleSocket]) -> None:
    """Have them leave together: each says goodbye to the server."""
    for one in sockets:
        one.stop()


@asynccontextmanager
async def watched(stalls: list[float]) -> AsyncIterator[None]:
    """Write down for how long nothing ran here: what ended meanwhile is seen in one moment."""

    async def watch() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            stalls.append(now - last - TICK)
            last = now

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
