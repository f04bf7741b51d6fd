"""The pages of docs/pitfalls: their sections, and whether what a page promises to be seen was seen."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.checkout import ROOT
from tests.docs.pages import blocks

FOLDER = ROOT / "docs" / "pitfalls"
HEADINGS = ["Symptom", "Cause", "Fix", "Where it stands here", "How to notice it", "Test"]
DOCTOR = "How the doctor sees it"  # before the tests, where a check of its does
HOLE = "…"  # in a symptom: a number, a path or a name that differs each time


@dataclass(frozen=True)
class Page:
    """One pitfall's page; its file is named by its id."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name.partition("-")[0]

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def headings(self) -> list[str]:
        return re.findall(r"^## (.+)$", self.text, re.MULTILINE)

    def section(self, heading: str) -> str:
        return self.text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]

    @property
    def symptoms(self) -> list[str]:
        """The exact lines that users search for."""
        first = self.section("Symptom")
        found = [block.text for block in blocks(self.path) if block.language == "text" and block.text in first]
        return [line for text in found for line in text.splitlines() if line]


def pages() -> list[Page]:
    """Return every page that has an id."""
    return [Page(path) for path in sorted(FOLDER.glob("[A-Z]*-*.md"))]


def seen(identity: str, *outputs: str) -> None:
    """Fail unless each line of the page's symptom is in what was really printed."""
    (page,) = (page for page in pages() if page.id == identity)
    output = "\n".join(outputs)
    assert page.symptoms
    for line in page.symptoms:
        pattern = ".*?".join(map(re.escape, line.split(HOLE)))
        assert re.search(pattern, output), f"the page of {identity} says {line!r}, and this was seen:\n{output[-4000:]}"
