"""What the pages name is there: links, files, tests, commands."""

import itertools
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from deploy.cli.main import app
from tests.checkout import ROOT
from tests.docs.pages import PAGES, blocks, commands, name, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?:app|deploy|nginx|tests|docs|requirements|\.ci)/[\w./-]*")
TEST = re.compile(r"tests/[\w/]+\.py::\w+(?:\[[^\]]+\])?")
COMMAND = re.compile(r"^\./parley |\$\(\./parley ", re.MULTILINE)
EXAMPLE = "app/board/"  # the app that docs/adapting.md makes; its own test runs it


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the hosting sites make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_resolve(page: Path) -> None:
    """Files are there, and so are the headings inside them; other sites are not asked."""
    for target in LINK.findall(prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_exist(page: Path) -> None:
    """Every path of ours that a page writes as code."""
    for code in CODE.findall(prose(page)):
        path = code.partition("::")[0]
        if PATH.fullmatch(path) and not path.startswith(EXAMPLE):
            assert (ROOT / path).exists(), code


def test_tests_exist() -> None:
    """Every test that a page names is one that pytest collects, its parameter included."""
    named = {one for page in PAGES for one in TEST.findall(page.read_text())}
    files = sorted({one.partition("::")[0] for one in named})
    command = [sys.executable, "-P", "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    collected = set(done.stdout.splitlines())
    collected |= {one.partition("[")[0] for one in collected}  # a name without its parameters stands for all of them
    assert named
    assert named <= collected, named - collected


def first(text: str) -> Iterator[str]:
    """Give the words of a script's first command."""
    bare = re.sub(r"\s#.*", "", text)  # shlex takes the end of the line for a part of the comment
    words = shlex.shlex(bare, posix=True, punctuation_chars="();<>|&\n")
    words.whitespace = " \t"
    words.whitespace_split = True
    return itertools.takewhile(lambda word: word[0] not in words.punctuation_chars, words)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each `./parley …` in a shell block parses, with its options and arguments; none is run."""
    if page.parent.name == "runbooks":
        monkeypatch.setenv("PARLEY_STACK", "compose")  # as their own index has it said once
    texts = [block.text for block in blocks(page) if block.language == "sh"]
    for words in [list(first(text[found.end() :])) for text in texts for found in COMMAND.finditer(text)]:
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands"):
            assert words[0] in command.commands, words
            command = command.commands[words.pop(0)]
        given = ["1" if word[0] == "$" else word for word in words]  # which may stand for a name and for a number
        command.make_context(command.name, given)  # raises for an option that is not there


def test_the_road_of_compose_is_walked() -> None:
    """Each command of that section is one that a test in tests/deploy/stacks/compose runs, by `RunningCompose.road`."""
    walked = "".join(path.read_text() for path in (ROOT / "tests/deploy/stacks/compose").glob("*.py"))
    lines = commands(ROOT / "docs/deploying.md", "Docker Compose")
    assert lines
    assert [line for line in lines if f'"{line}"' not in walked] == []


def test_the_variables_of_compose_are_explained() -> None:
    """What the page puts into .env is in .env.example."""
    texts = [block.text for block in blocks(ROOT / "docs/deploying.md") if block.language == "ini"]
    found = re.findall(r"^(\w+)=", "".join(texts), re.MULTILINE)
    example = (ROOT / ".env.example").read_text()
    assert found
    assert [one for one in found if f"#{one}=" not in example] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_merge_is_left_open(page: Path) -> None:
    """The marks of a conflict are text to every other check."""
    assert not re.findall(r"^(?:<{7}|>{7}) .*", page.read_text(encoding="utf-8"), re.MULTILINE)
