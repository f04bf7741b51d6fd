"""`./parley doctor`."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.doctor import compose, local, report, systemd
from deploy.doctor.check import Check
from deploy.doctor.checks import CHECKS
from deploy.doctor.examine import broken, examine
from deploy.doctor.patient import Patient
from deploy.errors import BadInputError
from deploy.stacks.installed import AnyName, require_own

PAUSE = 0.5


def doctor(
    stack: AnyName,
    directory: Path | None,
    env: str | None,
    *,
    json: bool,
    only: Sequence[str],
    wait: float,
    **options: Any,
) -> int:
    """Look at the stack, say what was found, and give the exit status: 1 where something is broken.

    `only` names the checks, all if empty; what is broken is looked at again for `wait` seconds before it is said.
    """
    require_own(stack, directory, env)
    checks = _chosen(only)
    deadline = time.monotonic() + wait
    while True:
        verdicts = asyncio.run(examine(_patient(stack, directory, env, options), checks))
        if not broken(verdicts) or time.monotonic() >= deadline:
            break
        time.sleep(PAUSE)
    report.tell(verdicts, json=json)
    return int(bool(broken(verdicts)))


def _chosen(only: Sequence[str]) -> Sequence[Check]:
    if unknown := set(only) - {check.id for check in CHECKS}:
        raise BadInputError(f"no check is called {', '.join(sorted(unknown))}: docs/doctor.md lists them")
    return [check for check in CHECKS if not only or check.id in only]


def _patient(stack: AnyName, directory: Path | None, env: str | None, options: dict[str, Any]) -> Patient:
    if stack == "local":
        return local.patient(directory, **options)
    return {"compose": compose.patient, "systemd": systemd.patient}[stack](env, **options)
