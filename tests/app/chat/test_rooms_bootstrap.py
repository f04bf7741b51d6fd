"""What a fresh installation starts with."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from chat.models import Room
from tests.waiting import PATIENCE


def bootstrap() -> str:
    """Run the command and return its line."""
    out = io.StringIO()
    call_command("bootstrap", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_lobby() -> None:
    """The first run makes the lobby, public and open to guests; the second leaves everything as it is."""
    assert "made the room lobby" in bootstrap()
    lobby = Room.objects.get()
    assert (lobby.slug, lobby.kind, lobby.guests) == ("lobby", Room.Kind.PUBLIC, True)
    Room.objects.update(title="Entrance", guests=False)
    assert "nothing to do" in bootstrap()
    lobby.refresh_from_db()
    assert (lobby.title, lobby.guests) == ("Entrance", False)


@pytest.mark.django_db
def test_an_operator_may_take_the_lobby_away() -> None:
    """A room that was taken away on purpose does not come back with the next start."""
    Room.objects.create(slug="hall", title="Hall")
    assert "nothing to do" in bootstrap()
    assert not Room.objects.filter(slug="lobby").exists()


def test_two_instances_at_once(tmp_path: Path, here: Path) -> None:
    """Two processes that boot at the same moment on one database make one lobby between them."""
    environment = os.environ | {"PARLEY_ENV": "test", "PARLEY_DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}"}
    manage = [sys.executable, "-P", "manage.py"]
    options = {"cwd": here / "app", "env": environment | {"PYTHONPATH": str(here / "app")}}
    subprocess.run([*manage, "migrate", "--verbosity", "0"], check=True, **options)  # type: ignore[call-overload]
    running = [
        subprocess.Popen([*manage, "bootstrap"], stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]
        for _ in range(3)
    ]
    lines = [process.communicate(timeout=PATIENCE)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sum("made the room lobby" in line for line in lines) == 1
