"""`./parley adopt`: it writes one file, is safe to repeat, and says in one line what it cannot do."""

import os
import sys
from pathlib import Path

import pytest

from deploy.cli.invocation import run
from deploy.cli.main import app
from deploy.errors import BadInputError
from deploy.model.config import load
from deploy.operations.adopt import look
from deploy.operations.adopt.command import adopt as run_adopt
from tests.deploy.operations.adopt.folders import (
    CHAT,
    CONSUMERS,
    PLAIN,
    SETTINGS,
    adopt,
    adopted,
    digest,
    project,
    refused,
)


def test_it_is_safe_to_repeat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A parley.toml that says the same stays, comments and all."""
    folder = project(tmp_path / "site", PLAIN)
    adopted(folder)
    file = folder / "parley.toml"
    file.write_text(file.read_text() + "# a word of its owner\n")
    kept = file.read_text()
    assert adopt(folder) == 0
    assert file.read_text() == kept
    assert "it says the same" in capsys.readouterr().out


def test_what_differs_is_shown_and_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The owner's value is not overwritten."""
    folder = project(tmp_path / "site", CHAT)
    adopted(folder)
    file = folder / "parley.toml"
    file.write_text(file.read_text().replace('"/ws/"', '"/sockets/"'))
    kept = file.read_text()
    capsys.readouterr()
    assert adopt(folder) == 1
    printed = capsys.readouterr()
    assert '-sockets = ["/sockets/"]\n+sockets = ["/ws/"]\n' in printed.out
    assert printed.err.startswith(f"parley: {file} is there and was not changed")
    assert printed.err.count("\n") == 1
    assert file.read_text() == kept


def test_another_folder(tmp_path: Path) -> None:
    """Its paths are whole ones, and the project's folder gets no file."""
    folder, out = project(tmp_path / "site", PLAIN), tmp_path / "out"
    before = digest(folder)
    assert adopt(folder, "--out", str(out)) == 0
    assert f'path = "{folder}"\n' in (out / "parley.toml").read_text()
    assert f'requirements = ["{folder}/requirements.txt"]\n' in (out / "parley.toml").read_text()
    assert digest(folder) == before
    assert not (folder / "parley.toml").exists()


def test_a_folder_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says where the file is instead."""
    folder = project(tmp_path / "site", PLAIN)
    monkeypatch.setattr("deploy.operations.adopt.command.ROOT", tmp_path / "checkout")
    can = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder and can(path, mode))
    assert adopt(folder) == 0
    place = tmp_path / "checkout" / ".parley" / "mysite"
    assert (place / "parley.toml").exists()
    assert f"{folder} cannot be written: name {place} to --project" in capsys.readouterr().out


def test_a_path_with_spaces_and_umlauts(tmp_path: Path) -> None:
    """It is written as it is."""
    folder = project(tmp_path / "größe und maß" / "src", PLAIN)
    config = adopted(folder.parent)
    assert (config.project.path, config.site.name) == ("src", "mysite")


@pytest.mark.parametrize(("name", "inside"), [("a:b", ""), ("site", "src:1/")])
def test_a_path_that_python_cannot_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, inside: str
) -> None:
    """It is refused before anything is made: a colon ends a folder of PYTHONPATH."""
    folder = project(tmp_path / name, {f"{inside}{key}": text for key, text in PLAIN.items()})
    state = tmp_path / "state"
    assert "holds ':', which Python takes for the end of a folder" in refused(capsys, folder, "--dir", str(state))
    assert not state.exists()


def test_a_folder_of_state_that_python_cannot_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the project's environment is made in it."""
    folder = project(tmp_path / "site", PLAIN)
    assert run(app, ["adopt", str(folder), "--dir", str(tmp_path / "a:b")]) == 2
    assert "a:b holds ':', which Python takes" in capsys.readouterr().err
    assert not (tmp_path / "a:b").exists()


NONE_NAMED = "names no settings module: no DJANGO_SETTINGS_MODULE"
OLD = "Parley serves Channels 3 and 4: upgrade the project first"


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"manage.py": None}, "has no manage.py: name the folder of a Django project"),
        (
            {"a/manage.py": "", "b/manage.py": "", "manage.py": None},
            "more than one manage.py: name one of its folders: a, b",
        ),
        ({"manage.py": "print()", "mysite/asgi.py": ""}, NONE_NAMED),
        ({"mysite/settings.py": None}, "names the settings mysite.settings, and the project has no such module"),
        ({"mysite/settings.py": "SECRET_KEY = 'k'\nDEBUG = (\n"}, "mysite/settings.py:2: '(' was never closed"),
        ({"mysite/asgi.py": None}, "has no asgi.py with an `application`"),
        (
            {"mysite/settings.py": "ASGI_APPLICATION = 'mysite.other.app'", "mysite/asgi.py": None},
            "ASGI_APPLICATION is 'mysite.other.app', and the project has no such application",
        ),
        ({"requirements.txt": "django\nchannels==2.4.0\n"}, f"requirements.txt:2: channels==2.4.0: {OLD}"),
        ({"requirements.txt": "channels<3\n"}, f"requirements.txt:1: channels<3: {OLD}"),
    ],
)
def test_what_cannot_be_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str | None], line: str
) -> None:
    """One line, exit 2, and nothing written."""
    whole = {name: text for name, text in {**PLAIN, **files}.items() if text is not None}
    assert line in refused(capsys, project(tmp_path / "site", whole))


def test_a_file_that_is_no_python_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where Python names none: of a NUL byte, or of an encoding that it does not know."""
    whole = {**PLAIN, "mysite/old.py": "a = 1\nb = '\0'\n", "mysite/odd.py": "# coding: nonsense\n"}
    folder = project(tmp_path / "site", whole)
    adopted(folder)
    printed = capsys.readouterr().out
    assert f"{folder}/mysite/old.py:2: it has a NUL byte\n" in printed
    assert f"{folder}/mysite/odd.py: unknown encoding: nonsense\n" in printed


@pytest.mark.parametrize("name", ["mysite/queue.py", "requirements.txt", "mysite/urls.py", ".env", "deploy/manage.py"])
def test_only_regular_files_are_read(tmp_path: Path, name: str) -> None:
    """A FIFO of such a name is waited for by nobody."""
    folder = project(tmp_path / "site", {key: text for key, text in PLAIN.items() if key != name})
    (folder / name).parent.mkdir(exist_ok=True)
    os.mkfifo(folder / name)
    adopted(folder)


def test_a_parley_toml_that_is_a_fifo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, as of any other that cannot be read."""
    folder = project(tmp_path / "site", PLAIN)
    os.mkfifo(folder / "parley.toml")
    assert adopt(folder) == 2
    assert capsys.readouterr().err == f"parley: {folder}/parley.toml is not a regular file\n"
    with pytest.raises(BadInputError, match="is not a regular file"):
        load(project=folder)


def test_a_byte_order_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Editors of Windows write one: in a parley.toml it is passed over, of UTF-16 it is one line."""
    folder = project(tmp_path / "site", PLAIN)
    adopted(folder)
    file = folder / "parley.toml"
    text = file.read_text()
    file.write_text(text, encoding="utf-8-sig")
    assert load(project=folder).site.name == "mysite"
    capsys.readouterr()
    assert adopt(folder) == 0
    assert "it says the same" in capsys.readouterr().out
    file.write_text(text, encoding="utf-16")
    with pytest.raises(BadInputError) as error:
        load(project=folder)
    assert str(error.value) == f"{file} is not UTF-8"


def test_requirements_as_powershell_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In UTF-16, as `up` reads them too."""
    folder = project(tmp_path / "site", PLAIN)
    (folder / "requirements.txt").write_text("django\nchannels==2.4.0\n", encoding="utf-16")
    assert f"requirements.txt:2: channels==2.4.0: {OLD}" in refused(capsys, folder)


def test_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a file nor what is not there."""
    assert "is not a folder" in refused(capsys, tmp_path / "none")
    (tmp_path / "file").write_text("")
    assert "is not a folder" in refused(capsys, tmp_path / "file")


def test_consumers_of_channels_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are in the routing as they are."""
    routing = CHAT["chat/routing.py"].replace(".as_asgi()", "")
    folder = project(tmp_path / "site", {**CHAT, "chat/routing.py": routing})
    assert "chat/routing.py:4: a consumer without as_asgi(), as in Channels 2" in refused(capsys, folder)


def test_settings_that_do_not_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Their own error with its file and line; the rest is read as text."""
    folder = project(tmp_path / "site", {**CHAT, "mysite/settings.py": f"import secret_one\n{SETTINGS}"})
    assert adopted(folder, imports=True).project.sockets == ("/ws/",)
    printed = capsys.readouterr().out
    assert f"{folder}/mysite/settings.py:1: ModuleNotFoundError: No module named 'secret_one'" in printed
    assert "sockets /ws/, read as text" in printed


def test_settings_that_hang(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are killed, and what they left running too."""
    monkeypatch.setattr(look, "SECONDS", 0.5)
    text = f"import threading\nthreading.Event().wait()\n{SETTINGS}"
    adopted(project(tmp_path / "site", {**PLAIN, "mysite/settings.py": text}), imports=True)
    assert "it did not import within 0.5 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        'open(__file__ + ".log", "w")',
        'import os; os.mkdir(os.path.dirname(__file__) + "/logs")',
        'import sqlite3; sqlite3.connect("db.sqlite3")',
        'import subprocess; subprocess.run(["touch", __file__ + ".log"])',
        'import socket; socket.create_connection(("127.0.0.1", 1))',
    ],
)
def test_the_project_changes_nothing_meanwhile(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    """What its settings would write, start or reach is refused, and said with its line."""
    folder = project(tmp_path / "site", {**PLAIN, "mysite/settings.py": f"{line}\n{SETTINGS}"})
    before = digest(folder)
    adopted(folder, imports=True)
    assert digest(folder) == before
    assert f"{folder}/mysite/settings.py:1: PermissionError" in capsys.readouterr().out


def test_the_project_prints_what_it_wants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no part of the answer."""
    folder = project(tmp_path / "site", {**CHAT, "mysite/settings.py": f"print('{{}}')\n{SETTINGS}"})
    assert adopted(folder, imports=True).project.sockets == ("/ws/",)
    assert "imported with" in capsys.readouterr().out


def test_an_environment_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The one in its folder is used, and its packages are none of the project's modules."""
    folder = project(tmp_path / "site", CHAT)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (folder / ".venv" / "bin" / "python").chmod(0o755)
    (folder / ".venv" / "other.py").write_text(CONSUMERS.replace("self.channel_layer.group_add", "channel_layer.send"))
    run_adopt(folder)
    printed = capsys.readouterr().out
    assert f"imported with {folder}/.venv/bin/python" in printed
    assert "layer" not in printed
