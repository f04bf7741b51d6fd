"""`./parley drill`."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from deploy.model.config import Config
from deploy.operations.drill import report
from deploy.operations.drill.faults import FAULTS, Fault
from deploy.operations.drill.run import fault_of, run
from deploy.operations.drill.stack import Stack, chosen
from deploy.operations.drill.visitors import report as of_visitors
from deploy.operations.drill.visitors.run import Workload, drill
from deploy.operations.drill.visitors.site import Site
from deploy.stacks.installed import AnyName

NEEDS_MESSAGES = "it is about messages, and [project.drill] messages is false: this project has none that a drill knows"


def names() -> list[str]:
    """Return a line for each fault."""
    width = max(map(len, FAULTS))
    return [f"{fault.name:{width}}  {fault.summary}" for fault in FAULTS.values()]


def strike(
    stack: AnyName, directory: Path | None, env: str | None, project: Path | None, name: str, *, as_json: bool
) -> int:
    """Run a drill on a stack with the witness that the project has, print its verdict, and return the exit status."""
    fault = fault_of(name)
    config, opened = chosen(stack, directory, env, project)
    if config.project.drill.messages:
        verdict = run(lambda: opened, name)
        return _told(verdict, report.lines(name, verdict), verdict.exit_code, as_json=as_json)
    if fault.messages:
        skipped = {"outcome": "skipped", "why": NEEDS_MESSAGES}
        return _told(skipped, [f"{name}: skipped: {NEEDS_MESSAGES}"], 0, as_json=as_json)
    return _visited(config, opened, fault, as_json=as_json)


def _visited(config: Config, stack: Stack, fault: Fault, *, as_json: bool) -> int:
    verdict = asyncio.run(drill(stack, fault, Site.of(config), Workload()))
    return _told(verdict, of_visitors.lines(fault.name, verdict), verdict.exit_code, as_json=as_json)


def _told(verdict: object, lines: Iterable[str], status: int, *, as_json: bool) -> int:
    text = msgspec.json.encode(verdict).decode() if as_json else "\n".join(lines)
    sys.stdout.write(text + "\n")
    return status
