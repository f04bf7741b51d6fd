"""`./parley manage`: Django's manage.py, as a stack on this machine runs it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Never

from deploy.config import load
from deploy.stacks.installed import AnyName, installed, require_own
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.manage import manage as local


def manage(stack: AnyName, directory: Path | None, env: str | None, arguments: Sequence[str]) -> Never:
    """Become it; raises BadInputError where there is no such stack."""
    require_own(stack, directory, env)
    if stack == "local":
        local(load(), Layout.at(directory), arguments)
    installed(stack, env).become_manage(*arguments)
