"""The pages of the documentation, and what stands in them."""

import re
from pathlib import Path
from typing import NamedTuple

from tests.checkout import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language and its text."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [Block(language, text) for language, text in FENCE.findall(page.read_text())]


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def commands(page: Path, heading: str) -> list[str]:
    """Return the lines of the shell blocks below a heading, up to the next of its rank."""
    section = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    (text,) = (one for one in section if one.startswith(f"{heading}\n"))
    return [line for language, block in FENCE.findall(text) if language == "sh" for line in block.splitlines()]


def name(page: Path) -> str:
    """Name a page by its path, for a test's id."""
    return str(page.relative_to(ROOT))
