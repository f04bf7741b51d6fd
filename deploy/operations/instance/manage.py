"""`./parley manage`: Django's manage.py, as a stack on this machine runs it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Never

from deploy.stacks.installed import AnyName, installed, require_own
from deploy.stacks.local.manage import manage as local
from deploy.stacks.local.opened import opened


def manage(
    stack: AnyName, directory: Path | None, env: str | None, arguments: Sequence[str], project: Path | None = None
) -> Never:
    """Become it; raises BadInputError where there is no such stack."""
    require_own(stack, directory, env)
    if stack == "local":
        local(*opened(project, directory), arguments)
    installed(stack, env, project).become_manage(*arguments)
