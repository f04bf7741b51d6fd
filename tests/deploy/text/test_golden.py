"""What each environment is rendered to is what golden/ shows."""

from pathlib import Path

import pytest

from tests.deploy.text.golden import FOLDER, texts

AGAIN = "if that is meant: .venv/bin/python -m tests.deploy.text.golden, and read git diff"


def test_there_are_no_other_files() -> None:
    """A file that is no longer rendered is no longer shown."""
    assert {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()} == set(texts()), AGAIN


@pytest.mark.parametrize("name", sorted(texts()))
def test_it_is_what_is_rendered(name: str) -> None:
    """Line by line."""
    assert texts()[name].splitlines() == Path(FOLDER / name).read_text().splitlines(), AGAIN


def test_no_secret_is_in_any_of_them() -> None:
    """staging's passwords are in parley.toml, and go nowhere that others read."""
    assert [name for name, text in texts().items() if "secret@" in text or ":secret" in text] == []
