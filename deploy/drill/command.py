"""`./parley drill`."""

import sys
from collections.abc import Callable

import msgspec

from deploy.drill.faults import FAULTS
from deploy.drill.report import lines
from deploy.drill.run import run
from deploy.drill.stack import Stack


def names() -> list[str]:
    """Return a line for each fault."""
    width = max(map(len, FAULTS))
    return [f"{fault.name:{width}}  {fault.summary}" for fault in FAULTS.values()]


def strike(open_stack: Callable[[], Stack], name: str, *, as_json: bool) -> int:
    """Run a drill on a stack, print its verdict, and return the exit status."""
    verdict = run(open_stack, name)
    text = msgspec.json.encode(verdict).decode() if as_json else "\n".join(lines(name, verdict))
    sys.stdout.write(text + "\n")
    return verdict.exit_code
