"""All processes of one stack: started in order, watched, stopped in order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from deploy.errors import StackError
from deploy.stacks.local.supervised import Say, Service, Supervised

DEATHS_AT_START = 3


class Supervisor:
    """Holds the processes; `changed` is called whenever one starts or ends."""

    def __init__(self, say: Say, inherit: int) -> None:
        self.members: dict[str, Supervised] = {}
        self.changed: Callable[[], None] = lambda: None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._say = say
        self._inherit = inherit
        self._changes = asyncio.Event()

    def start(self, service: Service) -> None:
        """Start a process and keep it running."""
        member = Supervised(service, self._say, self._note, self._inherit)
        self.members[service.name] = member
        self._tasks[service.name] = asyncio.create_task(member.run(), name=service.name)

    def _note(self) -> None:
        self._changes.set()
        try:
            self.changed()
        except OSError as error:  # a full disk is no reason to let go of what runs
            self._say("up", f"the state file cannot be written: {error.strerror}")

    async def ready(self, condition: Awaitable[None]) -> None:
        """Wait for the condition; raise StackError when a process keeps dying before it comes true."""
        waiter = asyncio.ensure_future(condition)
        try:
            while not waiter.done():
                self._changes.clear()
                self._give_up_on_the_dying()
                change = asyncio.create_task(self._changes.wait())
                await asyncio.wait({waiter, change, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
                for task in self._tasks.values():
                    if task.done():
                        task.result()  # a command that cannot be started at all
            await waiter
        finally:
            waiter.cancel()

    def _give_up_on_the_dying(self) -> None:
        for name, member in self.members.items():
            if member.deaths >= DEATHS_AT_START and not member.service.beside:
                raise StackError(
                    f"{name} died {member.deaths} times before the stack was ready: its lines above say why"
                )

    async def stop(self, order: Sequence[Sequence[str]]) -> None:
        """Stop the groups one after the other, the members of one together; kill what outlasts its grace."""
        for group in order:
            members = [self.members[name] for name in group if name in self.members]
            for member in members:
                member.ask_to_stop()
            await self._gone(members)

    async def _gone(self, members: Sequence[Supervised]) -> None:
        tasks = {self._tasks[member.service.name]: member for member in members}
        if not tasks:
            return
        await asyncio.gather(*(self._end(task, member) for task, member in tasks.items()))

    async def _end(self, task: asyncio.Task[None], member: Supervised) -> None:
        """Wait as long as this one may take."""
        await asyncio.wait({task}, timeout=member.service.grace)
        if not task.done():
            self._say("up", f"{member.service.name} did not stop within {member.service.grace:g} s: killed")
            member.kill()
        await asyncio.wait({task})

    def kill(self) -> None:
        """End everything now."""
        for member in self.members.values():
            member.kill()
