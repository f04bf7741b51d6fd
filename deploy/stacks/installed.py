"""Which installed stack `--stack` means."""

import importlib
from pathlib import Path
from typing import Literal

from deploy.errors import BadInputError
from deploy.model.config import LOCAL
from deploy.stacks.stack import Stack

Name = Literal["compose", "systemd"]
AnyName = Literal["local", "compose", "systemd"]


def installed(name: Name, env: str | None = None, project: Path | None = None) -> Stack:
    """Open the stack of this name on this machine; raises BadInputError where there is none.

    `deploy/stacks/NAME/stack.py` has `installed(env)`; only the one that is asked for is loaded.
    """
    module = importlib.import_module(f"deploy.stacks.{name}.stack")
    stack: Stack = module.installed(env or name) if project is None else module.installed(env or name, project)
    return stack


def require_own(name: str, directory: Path | None, env: str | None) -> None:
    """Raise BadInputError for an option that this stack does not have: it would be taken for another one."""
    if name == LOCAL:
        if env not in {None, LOCAL}:
            raise BadInputError(f"--env {env} is for the stacks compose and systemd: `up` takes [env.{LOCAL}]")
    elif directory is not None:
        raise BadInputError(f"--dir and PARLEY_DIR are for the local stack: {name} has its own folders")
