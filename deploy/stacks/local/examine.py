"""Looks at a project before it is started: it is imported as a worker would, in its own environment."""

import asyncio
import json
from collections.abc import Callable, Mapping

from deploy.effects import processes
from deploy.errors import BadInputError
from deploy.stacks.local.application import Application, Facts

LOOK = ("-m", "parley_serving.project.facts")
SECONDS = 60.0  # an import that takes longer would be killed by gunicorn's timeout long before


async def examine(application: Application, env: Mapping[str, str], say: Callable[[str], object]) -> Facts:
    """Return what the project says of itself; raise BadInputError with its own error where it cannot be imported."""
    try:
        async with asyncio.timeout(SECONDS):
            done = await processes.run_beside(application.program(*LOOK), env=env, cwd=application.folder)
    except TimeoutError:
        raise BadInputError(f"{application.folder}: its settings or application took over {SECONDS:g} s") from None
    lines = done.output.splitlines()
    said = next((line for line in reversed(lines) if line.startswith('{"')), "")
    if not said:
        raise BadInputError(f"{application.folder}: it ended with {done.status} while it was imported: {lines[-1:]}")
    found = json.loads(said)
    if "problem" in found:
        raise BadInputError(str(found["problem"]))
    for line in found["said"]:
        say(line)
    return Facts.of(found)
