"""Starts the load generator on one plan, and brings back its answer."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from deploy.effects import files, processes
from deploy.errors import StackError
from deploy.model.config import ROOT
from deploy.operations.bench.load.plan import Answer, Plan
from deploy.text import environment

MOST_SECONDS = 600.0
END_SECONDS = 5.0


async def generate(plan: Plan, folder: Path) -> dict[str, Any]:
    """Run the plan in a process of its own; raises StackError with what went wrong, or after MOST_SECONDS."""
    question, answer = folder / "plan.json", folder / "answer.json"
    files.write(question, msgspec.json.encode(plan))
    files.remove(answer)
    env = environment.clean(os.environ) | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "deploy.operations.bench.load", str(question), str(answer)]
    process = processes.Process(command, env=env, cwd=folder)
    try:
        async with asyncio.timeout(MOST_SECONDS):
            said = await process.output.read()
            status = await process.wait()
    except TimeoutError:
        raise StackError(f"the load generator did not end within {MOST_SECONDS:g} s") from None
    finally:
        await _end(process)
    if status != 0:
        raise StackError(f"the load generator ended with {status}:\n{said.decode(errors='replace').strip()}")
    found = msgspec.json.decode(answer.read_bytes(), type=Answer)
    if found.error:
        raise StackError(found.error)
    return found.result


async def _end(process: processes.Process) -> None:
    """End it, if it is still there."""
    if process.running:
        process.signal(signal.SIGKILL)
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    process.close()
