"""What is read off a command line."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer


def _folder(typed: str) -> Path:
    if not typed:
        raise typer.BadParameter("the name of a folder is empty")  # and not the current one, which nobody meant
    return Path(typed)


FOLDER: dict[str, Any] = {"parser": _folder, "metavar": "FOLDER"}  # for typer.Option

# Said once in the environment, for a shell that works on one stack: docs/runbooks.
STACK: dict[str, Any] = {"envvar": "PARLEY_STACK", "help": "The stack on this machine."}
Dir = Annotated[
    Path | None,
    typer.Option(envvar="PARLEY_DIR", help="The folder of the local stack.", **FOLDER, show_default=".parley"),
]
StackName = Annotated[Literal["local", "compose", "systemd"], typer.Option("--stack", **STACK)]
InstalledName = Annotated[Literal["compose", "systemd"], typer.Option("--stack", **STACK)]
