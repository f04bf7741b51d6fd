"""A project that cannot be served is one line and exit status 2, before anything of it runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.errors import BadInputError
from deploy.model.config import load
from deploy.stacks.local import unused
from deploy.stacks.packages import Environment, require_channels
from tests.checkout import ROOT
from tests.foreign import TOML, copied, digest
from tests.running import free_port

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]  # the first one installs the project's packages


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give the tutorial's project, which has nothing wrong yet."""
    return copied("tutorial", tmp_path / "project")


def up(project: Path, python: Path | None = None) -> str:
    """Start it, expect that it is refused in one line, and return the line; nothing of the project has changed."""
    state = project.parent / "state"
    if python:
        state.mkdir()
        (state / "python").symlink_to(python)
    before = digest(project)
    command = [sys.executable, "-P", "-m", "deploy", "up", "--port", str(free_port()), "--dir", str(state)]
    done = subprocess.run(
        [*command, "--project", str(project)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=200,
        check=False,
    )
    said = done.stderr.removeprefix("parley: ")
    assert (done.returncode, said.count("\n")) == (2, 1), done.stdout + done.stderr
    assert digest(project) == before
    assert "starting it again" not in done.stdout
    assert not (state / "run" / "state.json").exists()
    return said.rstrip("\n")


def test_no_manage_py(project: Path) -> None:
    """Where it should be is in the line."""
    (project / "manage.py").unlink()
    assert up(project) == f"{project}/parley.toml: project.path: {project} has no manage.py"
    assert not (project.parent / "state").exists()


def test_a_folder_for_sys_path_that_is_not_there(project: Path) -> None:
    """Python would pass over it without a word."""
    (project / "parley.toml").write_text(f'{TOML}paths = ["libs"]')
    assert up(project) == f"{project}/parley.toml: project.paths: {project}/libs is not a folder"


@pytest.mark.parametrize("key", ["processes.jobs", "schedule.jobs"])
def test_a_command_that_a_shell_would_take(project: Path, key: str) -> None:
    """None reads it, of a process and of a job."""
    at = ', at = "04:00"' if key.startswith("schedule") else ""
    (project / "parley.toml").write_text(f'{TOML}{key} = {{run = "cd mysite && celery"{at}}}')
    said = up(project)
    assert said.startswith(f"{project}/parley.toml: project.{key}: 'cd mysite && celery' is no `manage.py COMMAND`, ")


def test_requirements_that_are_not_there(project: Path) -> None:
    """Nothing is made for them."""
    (project / "parley.toml").write_text(f'{TOML}requirements = ["requirements/base.txt"]')
    missing = f"{project}/requirements/base.txt"
    assert up(project) == f"{project}/parley.toml: project.requirements: {missing} is not there"


def test_requirements_that_do_not_resolve(project: Path) -> None:
    """Package, version and Python; the environment is not half made."""
    (project / "requirements.txt").write_text("Django==5.2.1\nDjango==4.2.1\n")
    (project / "parley.toml").write_text(f'{TOML}python = "3.11"')
    said = up(project)
    assert said.startswith(
        f"the requirements of {project} cannot be installed: Python 3.11: Cannot install Django==4.2.1"
    )
    assert [path.name for path in (project.parent / "state" / "python").iterdir()] == ["pip.log"]


def test_settings_that_cannot_be_imported(project: Path, tutorial_packages: Path) -> None:
    """Their own error, with file and line."""
    settings = project / "mysite" / "settings.py"
    text = settings.read_text()
    settings.write_text(text + "import os\nPAYMENTS = os.environ['PAYMENTS_KEY']\n")
    number = len(text.splitlines()) + 2
    assert up(project, tutorial_packages) == f"{settings}:{number}: KeyError: 'PAYMENTS_KEY'"


def test_settings_that_are_no_python(project: Path, tutorial_packages: Path) -> None:
    """The line that cannot be read."""
    settings = project / "mysite" / "settings.py"
    settings.write_text("DEBUG = = True\n")
    assert up(project, tutorial_packages) == f"{settings}:1: SyntaxError: invalid syntax"


def test_an_application_that_is_none(project: Path, tutorial_packages: Path) -> None:
    """The module is there, the name in it is not."""
    (project / "parley.toml").write_text(TOML.replace("asgi:application", "asgi:app"))
    said = up(project, tutorial_packages)
    assert said.endswith("mysite.asgi:app is no application: mysite.asgi has no callable app")


def test_an_application_that_raises(project: Path, tutorial_packages: Path) -> None:
    """The line of the project, and not that of a package below it."""
    routing = project / "chat" / "routing.py"
    routing.write_text("from channels.nowhere import Router\n")
    assert up(project, tutorial_packages) == f"{routing}:1: ModuleNotFoundError: No module named 'channels.nowhere'"


def test_a_release_command_that_fails(project: Path, tutorial_packages: Path) -> None:
    """No instance has been started."""
    (project / "parley.toml").write_text(f'{TOML}release = ["migrate --noinput", "loaddata nothing"]')
    said = up(project, tutorial_packages)
    assert said.startswith("project.release: `manage.py loaddata nothing` failed: ")


def test_a_prefix_of_sockets_that_is_another_place(project: Path, tutorial_packages: Path) -> None:
    """nginx serves static files there."""
    (project / "parley.toml").write_text(f'{TOML}sockets = ["/static/"]')
    assert "/static/" in up(project, tutorial_packages)


@pytest.mark.parametrize("version", ["1.1.8", "2.4.0"])
def test_channels_that_no_worker_can_serve(tmp_path: Path, version: str) -> None:
    """Before 3 an application was called in another way."""
    with pytest.raises(BadInputError, match=rf"^Channels {version} is too old"):
        require_channels(Environment(tmp_path, "3.11.7", {"channels": version}))


def test_keys_that_up_does_not_use_are_named(project: Path) -> None:
    """Each in a line of its own; what is not set is not named, nor what the doctor and a restore call."""
    more = 'packages = ["ffmpeg"]\n[project.hooks]\n'
    more += 'probe = "x"\ncleanup = "x"\nafter_restore = "x"\n'
    (project / "parley.toml").write_text(TOML + more)
    assert list(unused.lines(load(project=project))) == [
        "project.packages: has no effect under up: it is for installed stacks",
        "project.hooks.cleanup: has no effect under up",
    ]
    assert list(unused.lines(load())) == []
