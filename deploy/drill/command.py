"""`./parley drill`."""

import sys
from pathlib import Path

import msgspec

from deploy.drill.faults import FAULTS
from deploy.drill.report import lines
from deploy.drill.run import run


def names() -> list[str]:
    """Return a line for each fault."""
    width = max(map(len, FAULTS))
    return [f"{fault.name:{width}}  {fault.summary}" for fault in FAULTS.values()]


def strike(directory: Path | None, name: str, *, as_json: bool) -> int:
    """Run a drill on the stack of a folder, print its verdict, and return the exit status."""
    verdict = run(directory, name)
    text = msgspec.json.encode(verdict).decode() if as_json else "\n".join(lines(name, verdict))
    sys.stdout.write(text + "\n")
    return verdict.exit_code
