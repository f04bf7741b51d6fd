"""One drill: clients chat, a fault strikes in the middle, the checker judges."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import BadInputError, StackError
from deploy.operations.drill.checker import LEAST_ACKNOWLEDGED, check
from deploy.operations.drill.faults import FAULTS, Fault, Scene
from deploy.operations.drill.journal import Joined, Journal, Read
from deploy.operations.drill.log_reader import Reader
from deploy.operations.drill.proxy import proxy_to
from deploy.operations.drill.stack import Stack
from deploy.operations.drill.verdict import Verdict, Window
from deploy.operations.drill.witness import Witness

READY_SECONDS = 120.0  # for every client to come in, on a machine that is busy with other things
SETTLE_SECONDS = 45.0
REACH_SECONDS = 15.0
SHARE_BEFORE = 0.4  # of the run, and at least as much after the fault


@dataclass(frozen=True)
class Workload:
    """Who chats, how fast and how long; the fault's own time comes on top where it is long."""

    clients: int = 20
    rate: float = 2.0  # messages a second, each
    seconds: float = 20.0
    room: str = "lobby"
    seed: int | None = None
    least: int = LEAST_ACKNOWLEDGED


def run(open_stack: Callable[[], Stack], name: str, workload: Workload | None = None) -> Verdict:
    """Run the drill of this name on a stack; raises BadInputError, StackError."""
    fault = fault_of(name)
    return asyncio.run(drill(open_stack(), fault, workload or Workload()))


def fault_of(name: str) -> Fault:
    """Return the fault of this name, or raise BadInputError."""
    if name not in FAULTS:
        raise BadInputError(f"no drill {name!r}: there are {', '.join(FAULTS)}")
    return FAULTS[name]


async def drill(stack: Stack, fault: Fault, workload: Workload, keep: Path | None = None) -> Verdict:
    """Give the verdict on one fault; `keep` is a folder for the journals. Raises StackError when nothing can be run."""
    async with AsyncExitStack() as stay:
        witnesses, scene = await enter(stay, stack, fault, workload)
        await every((witness.ready(READY_SECONDS) for witness in witnesses), "every client was in the room")
        for witness in witnesses:
            witness.start_sending()
        window = await strike(fault, scene, workload.seconds)
        await asyncio.gather(*(witness.stop_sending() for witness in witnesses))
        await asyncio.gather(*(witness.settled(SETTLE_SECONDS) for witness in witnesses))
        reader = Reader(stack.address, workload.room)
        head = await reader.head()
        await asyncio.gather(*(witness.reached(head, REACH_SECONDS) for witness in witnesses))
    journals = [witness.journal for witness in witnesses]
    if keep:
        for journal in journals:
            journal.save(keep)
    log = await reader.log(head, oldest(journals, workload.room))
    return check(journals, log, window, least=workload.least, graceful=fault.graceful, moves=fault.moves)


async def enter(
    stay: AsyncExitStack, stack: Stack, fault: Fault, workload: Workload
) -> tuple[Sequence[Witness], Scene]:
    """Have all clients come in, the first few of them through a proxy where the fault wants one."""
    proxy = None
    address = proxied = stack.address
    if fault.proxied:
        proxy = await stay.enter_async_context(proxy_to(*address.dialled))
        proxied = address.through(*proxy.listen)
    witnesses = [
        Witness(
            f"w-{number}",
            proxied if number < fault.proxied else address,
            room=workload.room,
            rate=workload.rate,
            seed=None if workload.seed is None else workload.seed + number,
        )
        for number in range(workload.clients)
    ]
    for witness in witnesses:
        await stay.enter_async_context(witness)
    return witnesses, Scene(stack, witnesses, proxy)


async def strike(fault: Fault, scene: Scene, seconds: float) -> Window:
    """Let the chat run, do the fault, let the chat run on; give the fault's own time."""
    begun = time.monotonic()
    await asyncio.sleep(seconds * SHARE_BEFORE)
    start = time.monotonic()
    try:
        async with asyncio.timeout(fault.seconds):
            await fault.strike(scene)
    except TimeoutError:
        raise StackError(f"{fault.name}: the stack did not recover") from None
    end = time.monotonic()
    await asyncio.sleep(max(seconds * SHARE_BEFORE, begun + seconds - end))
    return Window(start, end)


async def every(waits: Iterable[Awaitable[bool]], what: str) -> None:
    """Wait for all; raises StackError when one does not come true."""
    if not all(await asyncio.gather(*waits)):
        raise StackError(f"not within {READY_SECONDS:g} s: {what}")


def oldest(journals: Sequence[Journal], room: str) -> int:
    """Give the first seq that any client read: the log is needed from there on."""
    seqs = (
        entry.seq
        for journal in journals
        for event in journal.events
        if isinstance(event, (Joined, Read)) and event.room == room
        for entry in event.entries
    )
    return min(seqs, default=1)
