"""`./parley doctor`."""

import asyncio
from pathlib import Path

from deploy.doctor import local, report
from deploy.doctor.examine import broken, examine


def doctor(directory: Path | None, *, json: bool, idle: float, forge: bool) -> int:
    """Look at the stack with every check, say what was found, and give the exit status: 1 where something is broken."""
    verdicts = asyncio.run(examine(local.patient(directory, idle=idle, forge=forge)))
    report.tell(verdicts, json=json)
    return int(bool(broken(verdicts)))
