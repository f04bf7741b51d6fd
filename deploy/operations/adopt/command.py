"""`./parley adopt DIR`: read a project, write its parley.toml, and say what was found and what was not."""

import difflib
import os
import sys
from pathlib import Path

from deploy.effects import files
from deploy.errors import StackError
from deploy.model import reading
from deploy.model.config import FILE, ROOT, parse
from deploy.operations.adopt.plan import Plan, toml
from deploy.operations.adopt.project import read

READABLE = 0o644  # as a file of the project's own


def adopt(folder: Path, out: Path | None = None, *, python: Path | None = None, state: Path | None = None) -> None:
    """Write parley.toml into the project's folder, or into `out`; one that is there already stays.

    Where no Python is named, the project's environment is made in `state`, where `up` finds it. Raises BadInputError
    for a folder that holds no project Parley can serve, and StackError where the parley.toml that is there says
    something else than what would be written.
    """
    top = folder.resolve()
    plan, report = read(top, python=python, state=state)
    target = _target(plan, top, out)
    content = toml(plan, target)
    file = target / FILE.name
    parse(content, str(file))
    if file.exists():
        sys.stdout.write(report.text())
        _compare(file, content)
        return
    if target != top:
        files.make_folder(target)
    files.write(file, content, READABLE)
    sys.stdout.write(report.text())
    sys.stdout.write(f"wrote    {file}\n")
    if target != top and out is None:
        sys.stdout.write(f"note     {top} cannot be written: name {target} to --project\n")


def _target(plan: Plan, top: Path, out: Path | None) -> Path:
    """Return the folder to write to: the project's own, where that can be written and no other is named."""
    if out is not None:
        return out.resolve()
    return top if os.access(top, os.W_OK | os.X_OK) else ROOT / ".parley" / plan.name


def _compare(file: Path, content: str) -> None:
    """Show what would be written otherwise; raise StackError where that says something else."""
    there = reading.text(file)
    if reading.tables(there, str(file)) == reading.tables(content, str(file)):
        sys.stdout.write(f"kept     {file}: it says the same\n")
        return
    lines = difflib.unified_diff(
        there.splitlines(keepends=True), content.splitlines(keepends=True), str(file), "as adopt would write it"
    )
    sys.stdout.writelines(line if line.endswith("\n") else f"{line}\n" for line in lines)
    raise StackError(f"{file} is there and was not changed: the lines above are what adopt would change")
