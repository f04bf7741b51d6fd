"""Which installed stack `--stack` means."""

import importlib
from typing import Literal

from deploy.stacks.stack import Stack

Name = Literal["compose", "systemd"]


def installed(name: Name, env: str | None = None) -> Stack:
    """Open the stack of this name on this machine; raises BadInputError where there is none.

    `deploy/stacks/NAME/stack.py` has `installed(env)`; only the one that is asked for is loaded.
    """
    stack: Stack = importlib.import_module(f"deploy.stacks.{name}.stack").installed(env or name)
    return stack
