"""`./parley manage`: Django's manage.py, as a stack on this machine runs it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Never

from deploy.config import load
from deploy.errors import BadInputError
from deploy.stacks.installed import installed
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.manage import manage as local


def manage(
    stack: Literal["local", "compose", "systemd"], directory: Path | None, env: str | None, arguments: Sequence[str]
) -> Never:
    """Become it; raises BadInputError where there is no such stack."""
    if stack == "local":
        local(load(), Layout.at(directory), arguments)
    if directory is not None:
        raise BadInputError(f"--dir and PARLEY_DIR are for the local stack: {stack} has its own folders")
    installed(stack, env).become_manage(*arguments)
