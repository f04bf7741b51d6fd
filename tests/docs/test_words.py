"""What a user reads has the field's words: pages, `--help` of every command, error lines."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from deploy.cli.main import app
from tests.checkout import ROOT
from tests.docs.pages import PAGES, name, prose
from tests.docs.words import faults

SAYING = {"BadInputError", "StackError", "BadParameter", "NotApplicable", "fail", "require", "Check", "Rule", "Reading"}
SAYING |= {"say", "_say", "echo"}
FILES = ("parley.toml", ".env.example")  # whose comments explain a setting
# Pages whose phrases are still to be rewritten, each when an issue touches it: this list only gets shorter.
TO_DO = {
    "CHANGELOG.md",
}
TO_DO_FOLDERS = ("docs/decisions/", "docs/pitfalls/", "docs/runbooks/")


def to_do(page: Path) -> bool:
    """Tell whether only the old words are refused here, not the phrases yet; a folder's index is done."""
    return name(page) in TO_DO or (name(page).startswith(TO_DO_FOLDERS) and page.name != "README.md")


def quoted(page: Path) -> str:
    """Return a page's prose, without the targets of its links."""
    return re.sub(r"\]\([^)]*\)", "]", prose(page))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_has_plain_words(page: Path) -> None:
    """Without its commands and, for the old words, its code."""
    assert list(faults(quoted(page), idiom=not to_do(page))) == []


def test_what_is_to_do_is_still_to_do() -> None:
    """A page that has become plain leaves the list."""
    plain = [one for one in TO_DO if not list(faults(quoted(ROOT / one)))]
    assert plain == [], "take these pages out of TO_DO"


def helps(command: Any, path: str = "./parley") -> Iterator[tuple[str, str]]:
    """Give the whole help of a command and of those below it, hidden ones too."""
    with typer.Context(command, info_name=path, terminal_width=10_000, max_content_width=10_000) as context:
        yield path, command.get_help(context)
    for word, below in getattr(command, "commands", {}).items():
        yield from helps(below, f"{path} {word}")


def test_help_has_plain_words() -> None:
    """Each command's."""
    found = dict(helps(typer.main.get_command(app)))
    assert {"./parley up", "./parley backup create", "./parley bench fanout", "./parley runbook run"} <= found.keys()
    assert {path: list(faults(text)) for path, text in found.items() if list(faults(text))} == {}


def said(file: Path) -> Iterator[tuple[int, str]]:
    """Give what a file's errors, checks, rules and lines say, without what is filled in, with the line's number."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in SAYING:
            for argument in node.args:
                constants = [one.value for one in ast.walk(argument) if isinstance(one, ast.Constant)]
                yield argument.lineno, "".join(one for one in constants if isinstance(one, str))


@pytest.mark.parametrize("file", FILES)
def test_settings_have_plain_words(file: str) -> None:
    """The comments that an operator reads beside each setting."""
    assert list(faults((ROOT / file).read_text())) == []


def test_lines_have_plain_words() -> None:
    """Errors and progress of deploy, with the doctor's sentences and fixes."""
    lines = [
        (f"{file.relative_to(ROOT)}:{number}", text)
        for file in sorted((ROOT / "deploy").rglob("*.py"))
        for number, text in said(file)
    ]
    assert len(lines) > 300
    assert {where: found for where, text in lines if (found := list(faults(text)))} == {}


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("The patient did not answer.", "target"),
        ("`./parley check` prints the rules between its numbers.", "configuration rules"),
        ("Where there is none the log carries the chat.", "messages still arrive, through the database"),
        ("Start the stack of `up`.", "local stack"),
    ],
)
def test_an_old_word_is_found(text: str, better: str) -> None:
    """With the better one."""
    [found] = faults(text)
    assert found.endswith(f"write {better!r}")


@pytest.mark.parametrize("text", ["`Target` is the target.", "releases side by side", "on the server side"])
def test_code_and_plain_words_pass(text: str) -> None:
    """Names of the code stay what they are until they are renamed."""
    assert list(faults(text)) == []
