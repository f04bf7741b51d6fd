"""What a peer that is a Django project needs: its schema, and people with sessions."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.effects import processes
from deploy.errors import StackError
from deploy.model.config import ROOT

SEED = ROOT / "deploy/operations/bench/servers/seed.py"


async def command(arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> str:
    """Run Python to its end and return what it said; raises StackError."""
    done = await processes.run_beside([sys.executable, *arguments], env=env, cwd=cwd)
    if done.status != 0:
        raise StackError(f"{' '.join(arguments)} failed:\n{done.output}")
    return done.output


async def cookies(*, people: int, rooms: int, env: Mapping[str, str], cwd: Path, messages: int = 0) -> list[str]:
    """Make people with sessions, and rooms with messages where there is such a thing; give the Cookie headers."""
    said = await command(["-P", str(SEED), *map(str, (people, rooms, messages))], env=env, cwd=cwd)
    return [f"sessionid={key}" for key in json.loads(said.splitlines()[-1])]
