"""--project and PARLEY_PROJECT: a command that knows no projects says so, and does nothing to the reference chat."""

import pytest
import typer

from deploy.cli.main import app
from deploy.cli.project import require_known
from deploy.errors import BadInputError
from tests.foreign import parley

COMMAND = typer.main.get_command(app)
KNOWN = [
    "runbook run drain",
    "secret-key show --stack systemd",
    "install --dry-run",
    "uninstall",
    "render systemd --out .",
    "up",
    "check",
    "doctor",
    "watch",
    "manage",
    "drain web-1",
    "metrics web-1",
    "pid web-1",
    "drill run worker-kill",
    "render nginx --out x",
    "render compose",
    "rollout --stack compose",
    "rollback --stack compose",
    *(f"backup {name}" for name in ("create", "list", "prune --keep 1", "verify", "restore x")),
]
OTHERS = [
    "drill list",
]


@pytest.mark.parametrize("words", KNOWN)
def test_these_know_projects(words: str) -> None:
    """By the option, and by the variable."""
    require_known(COMMAND, [*words.split(), "--project", "x"], {})
    require_known(COMMAND, words.split(), {"PARLEY_PROJECT": "x"})


@pytest.mark.parametrize("words", OTHERS)
def test_the_others_say_so(words: str) -> None:
    """In one line with the command's name."""
    for given, variables in (
        ([*words.split(), "--project=x"], {}),
        (words.split(), {"PARLEY_PROJECT": "x"}),
    ):
        with pytest.raises(BadInputError, match=r"^[a-z ]+: not yet for a project: "):
            require_known(COMMAND, given, variables)
    require_known(COMMAND, words.split(), {})


def test_what_is_about_parley_itself_does_not_mind() -> None:
    """A shell that has the variable may run the tests, and read help."""
    for words in (["test", "tests/docs"], ["bench", "idle"], ["adopt", "x"], ["backup", "create", "--help"], []):
        require_known(COMMAND, words, {"PARLEY_PROJECT": "x"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("up --project {}/nowhere", "parley: {}/nowhere is not a folder\n"),
        ("up --project {}", "parley: {} has no parley.toml: `./parley adopt {}` writes it\n"),
        (
            "drill list --project {}",
            "parley: drill list: not yet for a project: it works on the reference chat alone",
        ),
    ],
)
def test_bad_input_is_one_line(tmp_path: object, words: str, said: str) -> None:
    """And exit status 2."""
    done = parley(*words.replace("{}", str(tmp_path)).split())
    assert done.returncode == 2
    assert done.stderr.startswith(said.replace("{}", str(tmp_path)))
    assert done.stderr.count("\n") == 1
