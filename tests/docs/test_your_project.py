"""docs/your-project.md has every key of [project], and its commands are those that a test walks."""

import re
from collections.abc import Iterator

from pydantic import BaseModel

from deploy.model.project import Drill, Hooks, Project, Sandbox, Settings
from tests.checkout import ROOT
from tests.docs.pages import commands

PAGE = ROOT / "docs" / "your-project.md"
INNER: dict[str, type[BaseModel]] = {"settings": Settings, "sandbox": Sandbox, "hooks": Hooks, "drill": Drill}


def keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Give each key of a table, and of the tables in it."""
    for name in model.model_fields:
        if name in INNER and not above:
            yield from keys(INNER[name], f"{name}.")
        else:
            yield above + name


def test_every_key_of_a_project_is_explained() -> None:
    """And no other, in the model's order."""
    section = PAGE.read_text().split("## parley.toml\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE) == list(keys(Project))


def test_its_commands_are_walked() -> None:
    """By tests/deploy/stacks/local/test_adopted.py, which reads them from the page."""
    assert commands(PAGE, "Quick start") == [
        "./parley adopt ../mysite",
        "./parley check --project ../mysite",
        "./parley up --project ../mysite",
    ]
