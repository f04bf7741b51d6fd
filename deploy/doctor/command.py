"""`./parley doctor`."""

import asyncio
from pathlib import Path
from typing import Any, Literal

from deploy.doctor import compose, local, report, systemd
from deploy.doctor.examine import broken, examine
from deploy.doctor.patient import Patient
from deploy.errors import BadInputError

Name = Literal["local", "compose", "systemd"]


def doctor(stack: Name, directory: Path | None, env: str | None, *, json: bool, **options: Any) -> int:
    """Look at the stack with every check, say what was found, and give the exit status: 1 where something is broken."""
    verdicts = asyncio.run(examine(_patient(stack, directory, env, options)))
    report.tell(verdicts, json=json)
    return int(bool(broken(verdicts)))


def _patient(stack: Name, directory: Path | None, env: str | None, options: dict[str, Any]) -> Patient:
    if stack == "local":
        return local.patient(directory, **options)
    if directory is not None:
        raise BadInputError(f"--dir is for `up`: the stack {stack} has its own places")
    return {"compose": compose.patient, "systemd": systemd.patient}[stack](env, **options)
