"""Commands of a project with what a worker has: its variables from files, and its settings."""

from pathlib import Path

import pytest

from tests.app.parley_serving.project.projects import command, written

TOOL = """
import os, sys
from django.conf import settings
print(settings.DEBUG, os.environ["STRIPE_KEY"], sys.argv[1:], __name__)
"""


def test_a_file_a_module_and_a_program(tmp_path: Path) -> None:
    """Each as if it had been started itself."""
    (tmp_path / "stripe").write_text("sk_live\n")
    project = written(tmp_path / "project", mysite__settings="DEBUG = True\n", mysite__tool=TOOL, tool=TOOL)
    variables = {"PARLEY_FILES": f"STRIPE_KEY={tmp_path}/stripe"}
    said = "False sk_live ['--now'] __main__\n"
    assert command(project, "tool.py", "--now", **variables).stdout == said
    assert command(project, "-m", "mysite.tool", "--now", **variables).stdout == said
    assert command(project, "django-admin", "--version", **variables).stdout[:1].isdecimal()


def test_a_value_that_each_process_fills_in(tmp_path: Path) -> None:
    """From a file that all of them read, of two releases in a rollout; a brace that is none of these stays."""
    (tmp_path / "who").write_text("{instance} of {release}, {{instance}}\n")
    (tmp_path / "secret").write_text("{instance}\n")
    project = written(
        tmp_path / "project", mysite__settings="", who="import os; print(os.environ['WHO'], os.environ['KEY'])"
    )
    done = command(
        project,
        "who.py",
        PARLEY_FILES=f"WHO={tmp_path}/who,KEY={tmp_path}/secret",
        PARLEY_PLACED="WHO",
        PARLEY_INSTANCE="web-7",
        PARLEY_RELEASE="1.2.3",
    )
    assert done.stdout == "web-7 of 1.2.3, {instance} {instance}\n", done.stderr


@pytest.mark.parametrize("text", ['{"a": 1}', "{0}", "{", "{instance.name}", "{release!x}"])
def test_a_value_with_another_place_is_a_line(tmp_path: Path, text: str) -> None:
    """The file is of a later parley.toml than the process, where the value was no text with places."""
    (tmp_path / "who").write_text(f"{text}\n")
    project = written(tmp_path / "project", mysite__settings="", who="")
    done = command(project, "who.py", PARLEY_FILES=f"WHO={tmp_path}/who", PARLEY_PLACED="WHO")
    assert (done.returncode, done.stdout) == (3, "")
    line = f"PARLEY_PLACED: WHO: {tmp_path}/who has another place than {{instance}} or {{release}}"
    assert done.stderr.strip().splitlines()[-1].endswith(line), done.stderr
    assert "Traceback" not in done.stderr


def test_no_command(tmp_path: Path) -> None:
    """One line."""
    project = written(tmp_path / "project", mysite__settings="")
    for words in ((), ("nothing-of-this-name",), ("-m",)):
        done = command(project, *words)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith("python -m parley_serving FILE | PROGRAM | -m MODULE")
    assert command(project, "nothing-of-this-name").stderr.endswith(
        "arguments: nothing-of-this-name is neither a file nor a program of this environment\n"
    )
