"""`./parley adopt`."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.arguments import FILE, FOLDER, Dir
from deploy.operations.adopt.command import adopt as run_adopt


def adopt(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of a Django project.", parser=FOLDER["parser"])
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write parley.toml to this folder.", **FOLDER, show_default="DIR")
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option(
            help="The Python of the project's environment.",
            **FILE,
            show_default="DIR/.venv, or the one of `up`",
        ),
    ] = None,
    dir: Dir = None,  # noqa: A002
) -> None:
    """Write the parley.toml of a Django project, and say what was found and what was not. It changes nothing else."""
    run_adopt(folder, out, python=python, state=dir)
