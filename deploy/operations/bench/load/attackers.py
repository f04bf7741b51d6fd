"""The attackers: a process each, so that none of them waits for another one's interpreter, nor anybody for theirs."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.effects import processes
from deploy.errors import StackError
from deploy.model.config import ROOT
from deploy.operations.bench import cost
from deploy.operations.bench.load.plan import Plan
from deploy.text import environment

READY = b"ready\n"
READY_SECONDS = 60.0  # for ten interpreters to start
END_SECONDS = 5.0


class Attackers:
    """Those that wait for the signal to begin."""

    def __init__(self, members: list[processes.Process]) -> None:
        self.members = members

    def begin(self) -> Callable[[], float]:
        """Let them begin; the answer gives the share of a processor that each of them has had since."""
        before, started = self._burnt(), time.monotonic()
        for member in self.members:
            member.signal(signal.SIGUSR1)
        return lambda: (self._burnt() - before) / (time.monotonic() - started) / len(self.members)

    def _burnt(self) -> float:
        return cost.cpu_seconds([member.pid for member in self.members])


@asynccontextmanager
async def attacked(plan: Plan) -> AsyncIterator[Attackers]:
    """Have the plan's attackers ready, and end them with the block; raises StackError with what one of them said."""
    assert plan.attack is not None  # noqa: S101 (the workload)
    env = environment.clean(os.environ) | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "deploy.operations.bench.load.attacker", "plan.json"]
    members = [
        processes.Process([*command, str(number)], env=env, cwd=Path.cwd()) for number in range(plan.attack.clients)
    ]
    try:
        async with asyncio.timeout(READY_SECONDS):
            for member in members:
                if (said := await member.output.chunk()) != READY:
                    raise StackError(f"an attacker did not begin:\n{(said + await member.output.read()).decode()}")
        yield Attackers(members)
        for member in members:
            if not member.running:
                raise StackError(f"an attacker died:\n{(await member.output.read()).decode()}")
    finally:
        for member in members:
            member.signal(signal.SIGKILL)
        async with asyncio.timeout(END_SECONDS):
            await asyncio.gather(*(member.wait() for member in members))
        for member in members:
            member.close()
