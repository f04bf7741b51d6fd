"""A runbook, done: Diagnosis says whether it is this one, then Mitigation, then Verification."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.effects import commands
from deploy.errors import BadInputError, StackError
from deploy.model.config import ROOT
from deploy.operations.runbooks.page import Block, Page, Stack

SECTIONS = ("Diagnosis", "Mitigation", "Verification")
Say = Callable[[str], object]


def run(
    page: Page,
    stack: Stack,
    sections: Sequence[str],
    env: Mapping[str, str],
    say: Say,
    *,
    site: str | None = None,
    compose: Path | None = None,
) -> None:
    """Run the blocks of these sections on a stack, telling every line as it comes; `site` is whose, under systemd, and
    `compose` a project's file on Compose.

    Raises BadInputError, before anything is run, for a variable that they use and is missing, or for a page that is not
    for this stack; StackError at the first block that fails or does not print what the page says.
    """
    mine = page.of(stack, site, compose)
    if not mine:
        others = ", ".join(sorted(page.stacks()))
        raise BadInputError(f"{page.name} has nothing for the stack {stack}: it is for {others or 'reading'}")
    scripts = "".join(block.script for section in sections for block in mine.get(section, ()))
    if missing := [name for name in page.needs if not env.get(name) and re.search(rf"\$\{{?{name}\b", scripts)]:
        line = " ".join(f"{name}=…" for name in missing)
        raise BadInputError(f"{page.name} needs {', '.join(missing)}: {line} ./parley runbook run {page.name}")
    if stack != "local":  # a folder of `up` that the shell still has: the other stacks' commands refuse it
        env = {key: value for key, value in env.items() if key != "PARLEY_DIR"}
    for section in sections:
        say(f"## {section}")
        for block in mine.get(section, ()):
            _block(block, f"{page.name}: {section}", {**env, "PARLEY_STACK": stack}, say)


def _block(block: Block, where: str, env: Mapping[str, str], say: Say) -> None:
    for line in block.script.splitlines():
        say(f"$ {line}")
    done = commands.shell(block.script, env=env, cwd=ROOT, say=say)
    if done.status:
        raise StackError(f"{where}: ended with {done.status}: {block.script.strip()}")
    if wanted := block.missing(done.output):
        raise StackError(f"{where}: not what the page expects, it may be a different problem: no line matches {wanted}")
