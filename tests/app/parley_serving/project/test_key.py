"""The key of a project's own settings, as whoever makes the site's reads it."""

import json
from pathlib import Path

import pytest

from tests.app.parley_serving.project.projects import KEY, ran, written

OWN = "the-key-that-the-old-server-had-0123456789-abcdefghijklm"
LOOK = "from parley_serving.project.key import main; main()"


@pytest.mark.parametrize(
    ("text", "key"),
    [(repr(OWN), OWN), ("os.environ['GIVEN']", ""), ("os.environ['GIVEN'] + '-salt'", ""), ("", ""), ("7", "")],
    ids=["its own", "the site's by a variable", "made of the site's", "none", "no text"],
)
def test_a_key_is_the_project_s_own(tmp_path: Path, text: str, key: str) -> None:
    """What it makes of the site's key is none; and what it prints is not taken for an answer."""
    line = f"SECRET_KEY = {text}" if text else ""
    project = written(tmp_path / "project", mysite__settings=f"import os\nprint('hello')\n{line}\n")
    done = ran(project, LOOK, GIVEN=KEY)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"key": key}), done.stderr
