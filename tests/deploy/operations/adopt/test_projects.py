"""The projects of tests/projects: what adopt writes is all that is needed, and their folders stay as they are."""

import shutil
from pathlib import Path

import pytest

from deploy.model.project import Project
from tests.checkout import ROOT
from tests.deploy.operations.adopt.folders import adopted, digest

PROJECTS = ROOT / "tests" / "projects"


def copied(name: str, folder: Path) -> Path:
    """Copy a project, without what a run of it has left."""
    return Path(
        shutil.copytree(PROJECTS / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"))
    )


def described(project: Project) -> dict[str, object]:
    """Return what it says beside the defaults."""
    said = project.model_dump(exclude_defaults=True)
    return {**said, "settings": project.settings.module}


def test_the_tutorial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its apps are not installed here, so it is read as text."""
    folder = copied("tutorial", tmp_path)
    before = digest(folder)
    config = adopted(folder, imports=True)
    assert config.site.name == "mysite"
    assert described(config.project) == {
        "asgi": "mysite.asgi:application",
        "settings": "mysite.settings",
        "database": "sqlite",
    }
    assert config.project.sockets == ("/ws/",)
    assert config.app.instances == 2
    assert digest(folder) == before
    printed = capsys.readouterr().out
    assert "sockets /ws/, read as text" in printed
    assert "a rollout asks each new instance for a handshake at /ws/ alone" in printed
    assert "No module named 'daphne'" in printed
    assert "SECRET_KEY (settings.py:6) is not used" in printed


def test_the_tutorial_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it says when it is imported is the same."""
    folder = copied("tutorial", tmp_path)
    read_as_text = adopted(folder, imports=True)
    (folder / "parley.toml").unlink()
    settings = folder / "mysite" / "settings.py"
    settings.write_text(settings.read_text().replace("    'daphne',\n", ""))
    assert adopted(folder, imports=True).project == read_as_text.project
    assert "sockets /ws/, imported" in capsys.readouterr().out


def test_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its production settings, with the variables that they read; both prefixes of its sockets."""
    folder = copied("token", tmp_path)
    before = digest(folder)
    config = adopted(folder, imports=True)
    assert config.site.name == "token"
    assert described(config.project) == {
        "asgi": "server.asgi:application",
        "settings": "server.settings.production",
        "requirements": ("requirements/production.txt",),
        "sockets": ("/rooms/", "/socket/"),
        "database": "sqlite",
        "env": {"ALLOWED_HOSTS": "{hosts}", "SECRET_KEY": "{secret_key}", "REDIS_URL": "{layer_url}"},
    }
    assert digest(folder) == before
    printed = capsys.readouterr().out
    assert "server.settings.production, named production; also there: server.settings.development" in printed
    assert "sockets /rooms/ /socket/, imported" in printed


def test_plain_django(tmp_path: Path) -> None:
    """No socket and no layer, and the path of its events."""
    folder = copied("plain", tmp_path)
    before = digest(folder)
    config = adopted(folder, imports=True)
    assert described(config.project) == {
        "asgi": "plain.asgi:application",
        "settings": "plain.settings",
        "sockets": (),
        "streams": ("/events/",),
        "layer": "none",
        "database": "sqlite",
        "env": {"SECRET_KEY": "{secret_key}"},
    }
    assert digest(folder) == before


def test_a_library(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its production settings, by parts and by file; the folder of its uploads, and one beat beside its worker."""
    folder = copied("library", tmp_path)
    before = digest(folder)
    config = adopted(folder)
    assert config.site.name == "library"
    said = described(config.project)
    processes = {
        "celery": {"run": "celery -A config worker"},
        "beat": {"run": "celery -A config beat -s /tmp/library-beat", "single": True},
    }
    assert said == {
        "asgi": "config.asgi:application",
        "settings": "config.settings.production",
        "requirements": ("requirements/production.txt",),
        "media": "uploads",
        "env": {
            "REDIS_URL": "{redis_url}",
            "DJANGO_SECRET_KEY": "{secret_key}",
            "DJANGO_ALLOWED_HOSTS": "{hosts}",
            "POSTGRES_HOST": "{database_host}",
            "POSTGRES_PORT": "{database_port}",
            "POSTGRES_DB": "{database_name}",
            "POSTGRES_USER": "{database_user}",
            "POSTGRES_PASSWORD": "{database_password}",
        },
        "processes": processes,
    }
    assert config.app.instances == 2
    assert digest(folder) == before
    printed = capsys.readouterr().out
    assert "the database is the one of POSTGRES_HOST, POSTGRES_PORT, " in printed


def test_a_press(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a worker of Channels hears on a channel by name needs the core layer, and the worker."""
    folder = copied("press", tmp_path)
    before = digest(folder)
    config = adopted(folder)
    assert described(config.project) == {
        "asgi": "press.asgi:application",
        "settings": "press.settings",
        "layer": "core",
        "database": "sqlite",
        "env": {"SECRET_KEY": "{secret_key}", "ALLOWED_HOSTS": "{hosts}", "REDIS_URL": "{layer_url}"},
        "processes": {"channels": {"run": "manage.py runworker prints"}},
    }
    assert digest(folder) == before
    assert "layer core: a ChannelNameRouter" in capsys.readouterr().out
