"""What a side that is a Django project needs: its schema, and people with sessions."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy import runner
from deploy.config import ROOT
from deploy.errors import StackError

SEED = ROOT / "deploy" / "bench" / "peers" / "seed.py"


async def command(arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> str:
    """Run Python to its end and return what it said; raises StackError."""
    done = await runner.run_beside([sys.executable, *arguments], env=env, cwd=cwd)
    if done.status != 0:
        raise StackError(f"{' '.join(arguments)} failed:\n{done.output}")
    return done.output


async def cookies(*, people: int, rooms: int, env: Mapping[str, str], cwd: Path) -> list[str]:
    """Make people with sessions, and rooms where there is such a thing; give the Cookie headers."""
    said = await command(["-P", str(SEED), str(people), str(rooms)], env=env, cwd=cwd)
    return [f"sessionid={key}" for key in json.loads(said.splitlines()[-1])]
