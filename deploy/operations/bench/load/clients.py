"""All members of a run: connected, spread evenly over the peer's processes, and watched."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from deploy.operations.bench.load.delivery_account import DeliveryAccount, LostError
from deploy.operations.bench.load.dialects import Reader, Seat
from deploy.operations.bench.load.member import Member, RefusedError
from deploy.operations.bench.load.plan import Plan

READY_SECONDS = 60.0
T = TypeVar("T")


class LoadClients:
    """Holds the members; the first thing that goes wrong ends whatever `while_well` waits for."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.dialect = Reader.DIALECTS[plan.dialect]()
        self.read = Reader(self.dialect).read
        self.account = DeliveryAccount(acknowledges=self.dialect.acknowledges)
        self.members: list[Member] = []
        self.failures: Counter[str] = Counter()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().set_exception_handler(self._in_callback)
        self._tls = _context() if any(endpoint.tls for endpoint in plan.endpoints) else None

    def cookie(self, index: int) -> str:
        """Give a member's cookie."""
        return self.plan.cookies[index % len(self.plan.cookies)]

    def room(self, index: int) -> int:
        """Give the number of a member's room, from 0 on."""
        return index * self.plan.rooms // self.plan.members

    def members_of(self, room: int) -> range:
        """Give the indexes of a room's members; neighbours, so that half of them is on either process."""
        size = self.plan.members // self.plan.rooms
        return range(room * size, (room + 1) * size)

    # Failure

    def fail(self, error: BaseException) -> None:
        """End the run."""
        if not self._failed.done():
            self._failed.set_exception(error)

    def _in_callback(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG002 (the loop's)
        self.fail(context.get("exception") or RuntimeError(context["message"]))

    def lost(self, member: Member, code: int) -> None:
        """A member's socket ended, which nobody asked for."""
        self.fail(LostError(f"member {member.index}: the server ended its socket ({code or 'without a close frame'})"))

    async def while_well(self, work: Awaitable[T]) -> T:
        """Wait for the work; raises what ended the run, if anything did."""
        task = asyncio.ensure_future(work)
        watched: set[asyncio.Future[Any]] = {task, self._failed}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
            return await task
        finally:
            task.cancel()

    # Coming and going

    async def arrive(self, count: int) -> None:
        """Bring in members up to `count`, so many at a time; raises what refused one."""
        limit = asyncio.Semaphore(self.plan.connecting)
        first = len(self.members)

        async def one(index: int) -> Member:
            async with limit:
                return await self.connect(index, Seat(self.slug(index)))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(index)) for index in range(first, count)]
        self.members += [task.result() for task in tasks]

    def slug(self, index: int) -> str:
        """Name a member's room."""
        return f"bench-{self.plan.first_room + self.room(index)}"

    async def connect(self, index: int, seat: Seat) -> Member:
        """Connect one member and wait until it is in its room; raises OSError, RefusedError, TimeoutError."""
        loop = asyncio.get_running_loop()
        endpoint = self.plan.endpoints[index % len(self.plan.endpoints)]
        member = Member(self, index, seat)
        try:
            async with asyncio.timeout(READY_SECONDS):
                if endpoint.path:
                    await loop.create_unix_connection(lambda: member, endpoint.path)
                else:
                    name = "localhost" if endpoint.tls else None
                    await loop.create_connection(
                        lambda: member, endpoint.host, endpoint.port, ssl=self._tls, server_hostname=name
                    )
                await member.ready
        except BaseException:
            member.cut()
            raise
        return member

    async def return_one(self, index: int, seat: Seat, deadline: float) -> Member:
        """Connect one member, again and again until it is in; count what refused it."""
        loop = asyncio.get_running_loop()
        pause = 0.1
        while True:
            try:
                return await self.connect(index, seat)
            except (OSError, RefusedError, TimeoutError) as error:
                name = str(error.status) if isinstance(error, RefusedError) else type(error).__name__
                self.failures[name] += 1
                if loop.time() + pause > deadline:
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, 2.0)

    def cut(self, members: Sequence[Member]) -> None:
        """Cut these members' connections."""
        for member in members:
            member.cut()


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # self-signed, on loopback
    return context
