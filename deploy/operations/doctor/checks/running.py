"""Whether there is anything to look at."""

import json
import re
from collections.abc import Iterator
from http import HTTPStatus

from deploy.operations.doctor.check import Check, require
from deploy.operations.doctor.target import SAID, Target

# How app/parley_serving/project/refusals.py ends a line, and app/parley_serving/logs.py its columns. No visitor writes
# that: what he asks for stands before it, or is a line of its own of what he was answered.
FIELD = "refused"
OF = " of parley.toml"
PLAIN = re.compile(
    r"(?:^|: )((?:(?!: ).)+: (?:name its folder in project\.sandbox\.write|project\.sandbox\.internet)) of parley\.toml"
    r"(?: is false, so no other host is reached)?$"
)
COLUMNS = re.compile(rf"\] (?:\S+ )*{FIELD}=(['\"])(.*){re.escape(OF)}[^'\"]*\1(?: status_code=\d+)?$")
REASONS = "|".join(re.escape(one.phrase) for one in HTTPStatus if 400 <= one < 500)
ANSWERED = re.compile(rf"\b(?:{REASONS})\b[^:]*: /")


async def runs(target: Target) -> str:
    """Tell whether the stack was found."""
    require(target.found, target.why_not)
    return f"{target.adapter.address.origin}, {len(target.adapter.replicas())} instances"


async def beside(target: Target) -> str:
    """Hold what should run beside the site against what does."""
    found = target.adapter.beside()
    ended = [name for name, well in found.items() if not well]
    require(not ended, f"{', '.join(ended)}: not running, or not well")
    return f"{', '.join(found)} run"


async def refused(target: Target) -> str:
    """Look for the lines of app/parley_serving/project/refusals.py."""
    said = target.adapter.said()
    found = {name: lines[-1] for name, text in said.items() if (lines := list(_refused(text)))}
    require(not found, "; ".join(f"{name}: {line}" for name, line in found.items()))
    return f"nothing of {', '.join(said)}"


def _refused(text: str) -> Iterator[str]:
    """Give what the lines of a log say that was refused."""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("{"):
            yield from _field(line)
        elif found := COLUMNS.search(line):
            yield found[2]
        elif (found := PLAIN.search(line)) and not ANSWERED.search(line):
            yield found[1]


def _field(line: str) -> Iterator[str]:
    try:
        said = json.loads(line)[FIELD]
    except (ValueError, KeyError):
        return
    yield str(said).partition(OF)[0]


CHECKS = (
    Check(
        "stack-runs",
        "the stack runs",
        "looks for what `up` wrote, for the project's containers, or for the installed units",
        "start it: `./parley up`, `docker compose -f docker-compose.prod.yml up -d --wait`, or `./parley install`",
        "docs/deploying.md",
        runs,
    ),
    Check(
        "beside-it-runs",
        "what no visitor meets runs too: the clean-up, backups, the probe, what renews certificates, processes",
        "compares what is configured with what `up` wrote, with the project's containers, or with systemd's units",
        "read its log; start it again: `docker compose -f docker-compose.prod.yml up -d`, or `sudo ./parley install`",
        "docs/deploying.md",
        beside,
        ("stack-runs",),
        ("compose", "systemd"),
    ),
    Check(
        "sandbox-refuses-nothing",
        "the sandbox has refused nothing to the project's processes since they were started",
        f"reads the last {SAID} lines that each has logged, for one that names a key of `project.sandbox`",
        "write what the line names into parley.toml, and roll it out; or leave it refused, and change the project",
        "docs/your-project.md",
        refused,
        ("stack-runs",),
        ("compose", "systemd"),
        of_projects=True,
    ),
)
