"""`./parley doctor`."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.errors import BadInputError
from deploy.operations.doctor import compose, local, report, systemd
from deploy.operations.doctor.check import Check
from deploy.operations.doctor.checks import CHECKS
from deploy.operations.doctor.examine import broken, examine
from deploy.operations.doctor.target import Target
from deploy.stacks.installed import AnyName, require_own

PAUSE = 0.5


def doctor(
    stack: AnyName,
    directory: Path | None,
    env: str | None,
    *,
    project: Path | None = None,
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
        verdicts = asyncio.run(examine(_target(stack, directory, env, project, options), checks))
        if not broken(verdicts) or time.monotonic() >= deadline:
            break
        time.sleep(PAUSE)
    report.tell(verdicts, json=json)
    return int(bool(broken(verdicts)))


def _chosen(only: Sequence[str]) -> Sequence[Check]:
    if unknown := set(only) - {check.id for check in CHECKS}:
        raise BadInputError(f"no check is called {', '.join(sorted(unknown))}: docs/doctor.md lists them")
    return [check for check in CHECKS if not only or check.id in only]


def _target(
    stack: AnyName, directory: Path | None, env: str | None, project: Path | None, options: dict[str, Any]
) -> Target:
    if stack == "local":
        return local.target(directory, project=project, **options)
    if stack == "compose":
        return compose.target(env, project=project, **options)
    return systemd.target(env, project=project, **options)
