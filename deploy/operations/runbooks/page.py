"""A page of docs/runbooks, read: what it needs, and for each section the shell blocks and what they print."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.errors import BadInputError
from deploy.model.config import ROOT

FOLDER = ROOT / "docs" / "runbooks"
INDEX = "README"
SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verification", "Rollback")
Stack = Literal["local", "compose", "systemd"]
HEADINGS: dict[str, Stack] = {"up": "local", "Compose": "compose", "systemd": "systemd"}
ANYTHING = "…"
# A name of the default site on a host: not the command ./parley, its file parley.toml, .parley of `up`, nor a metric.
_NAME = re.compile(r"(?<![\w.-])(?<!\./)parley(?![\w]|\.toml\b)")

_FILE = re.compile(r"(?<=-f )docker-compose\.prod\.yml\b")

_TITLE = re.compile(r"# (.+)")
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_PART = re.compile(r"^### (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n?```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
_NEEDS = re.compile(r"^Needs: (.+(?:\n.+)*)", re.MULTILINE)
_OF_CHAT = re.compile(r"^For the reference chat alone: (.+(?:\n.+)*)", re.MULTILINE)
_VARIABLE = re.compile(r"`([A-Z][A-Z_]*)`")


@dataclass(frozen=True)
class Block:
    """A script of bash, the lines that it prints among others (`…`: any text), and whose it is; None: every stack's."""

    script: str
    says: tuple[str, ...]
    stack: Stack | None

    def of_site(self, name: str) -> "Block":
        """Return it for another site of a host under systemd: what a page calls `parley` has that site's name there."""
        script, says = _NAME.sub(name, self.script), tuple(_NAME.sub(name, line) for line in self.says)
        return Block(script, says, self.stack)

    def of_project(self, compose: Path) -> "Block":
        """Return it for a project on Compose: the file that a page calls by its name is this one."""
        return Block(_FILE.sub(shlex.quote(str(compose)), self.script), self.says, self.stack)

    def missing(self, output: str) -> str | None:
        """Name the first line that the output does not have, in their order; None: it is as the page says."""
        lines = iter([" ".join(line.split()) for line in output.splitlines()])
        for wanted in self.says:
            parts = (re.escape(part) for part in " ".join(wanted.split()).split(ANYTHING))
            pattern = re.compile(".*".join(parts))
            if not any(pattern.fullmatch(line) for line in lines):
                return wanted
        return None


@dataclass(frozen=True)
class Page:
    """One runbook."""

    name: str
    text: str

    @property
    def title(self) -> str:
        """What an operator would say."""
        found = _TITLE.match(self.text)
        return found[1] if found else self.name

    @property
    def needs(self) -> tuple[str, ...]:
        """The variables that its blocks use."""
        found = _NEEDS.search(self.text)
        return tuple(_VARIABLE.findall(found[1])) if found else ()

    @property
    def of_chat(self) -> str:
        """Why it is for the reference chat alone; empty: it is for every project."""
        found = _OF_CHAT.search(self.text)
        return " ".join(found[1].split()) if found else ""

    @property
    def sections(self) -> dict[str, str]:
        """{heading: text}, as they stand."""
        _, *rest = _SECTION.split(self.text)
        return dict(zip(rest[::2], rest[1::2], strict=True))

    def blocks(self, section: str) -> Iterator[Block]:
        """Give a section's blocks, every stack's, in their order; raises BadInputError for a heading that is none."""
        first, *rest = _PART.split(self.sections.get(section, ""))
        parts = [(None, first), *((self._stack(head), text) for head, text in zip(rest[::2], rest[1::2], strict=True))]
        for stack, text in parts:
            for script, says in _BLOCK.findall(text):
                yield Block(script, tuple(line for line in says.splitlines() if line.strip()), stack)

    def stacks(self) -> set[Stack]:
        """Name the stacks that have commands of their own here; none: the commands are the same on all."""
        return {block.stack for section in SECTIONS for block in self.blocks(section) if block.stack}

    def of(self, stack: Stack, site: str | None = None, compose: Path | None = None) -> dict[str, list[Block]]:
        """Return {section: the blocks that a stack runs}, without the sections that have none.

        For a site under systemd with its name, for a project on Compose with its file.
        """
        mine = {name: [one for one in self.blocks(name) if one.stack in {None, stack}] for name in SECTIONS}
        if site:
            mine = {name: [one.of_site(site) for one in found] for name, found in mine.items()}
        if compose:
            mine = {name: [one.of_project(compose) for one in found] for name, found in mine.items()}
        return {name: found for name, found in mine.items() if found}

    def _stack(self, heading: str) -> Stack:
        if heading not in HEADINGS:
            raise BadInputError(f"{self.name}.md: {heading} is not a stack: {', '.join(HEADINGS)}")
        return HEADINGS[heading]


def names() -> list[str]:
    """Name the pages."""
    return sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != INDEX)


def read(name: str) -> Page:
    """Read one; raises BadInputError where there is none of this name."""
    path = Path(FOLDER / f"{name}.md")
    if name not in names():
        raise BadInputError(f"no runbook {name}: `./parley runbook list` prints them")
    return Page(name, path.read_text(encoding="utf-8"))
