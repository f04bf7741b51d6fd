"""What manage.py says where the machine fails it: one line without a traceback, which `up` and a rollout hand on."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.errors import StackError
from deploy.stacks.local import prepare
from tests.checkout import ROOT
from tests.waiting import PATIENCE

SMALL = 20_000  # bytes that a file may have: a full disk to whoever writes more
NOBODY = "postgres://ada:s3cret@127.0.0.1:1/parley"  # nothing listens on port 1


def environment(database: str, **more: str) -> dict[str, str]:
    """Give the variables of the app."""
    return {**os.environ, "PARLEY_ENV": "test", "PARLEY_DATABASE_URL": database, **more}


def manage(
    *arguments: str, database: str, prefix: tuple[str, ...] = (), **more: str
) -> subprocess.CompletedProcess[str]:
    """Run it as the stacks do."""
    return subprocess.run(
        [*prefix, sys.executable, "manage.py", *arguments],
        cwd=ROOT / "app",
        env=environment(database, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_database_that_is_down_is_one_line() -> None:
    """Which server, and why; `up` says the same, and nobody reads the password."""
    done = manage("migrate", database=NOBODY)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("the database: connection failed: ")
    assert 'server at "127.0.0.1", port 1 failed: Connection refused' in done.stderr
    assert done.stderr.count("\n") == 1
    with pytest.raises(StackError) as caught:
        asyncio.run(prepare.database(environment(NOBODY)))
    said = str(caught.value)
    assert said.startswith("manage.py migrate --noinput --verbosity=0 failed: the database: connection failed: ")
    assert "\n" not in said
    assert "s3cret" not in said


def test_a_disk_that_is_full_is_one_line(tmp_path: Path) -> None:
    """For the database, and for the static files."""
    full = ("prlimit", f"--fsize={SMALL}")
    database = f"sqlite:///{tmp_path / 'database.sqlite3'}"
    done = manage("migrate", database=database, prefix=full)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("the database: ")
    done = manage("collectstatic", "--noinput", database=database, prefix=full, PARLEY_STATIC_ROOT=str(tmp_path / "s"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "File too large" in done.stderr


def test_a_database_in_no_folder_is_one_line(tmp_path: Path) -> None:
    """SQLite cannot make it."""
    done = manage("migrate", database=f"sqlite:///{tmp_path}/nowhere/database.sqlite3")
    assert (done.returncode, done.stderr) == (1, "the database: unable to open database file\n")


def test_a_traceback_is_there_for_who_asks(tmp_path: Path) -> None:
    """A file that is missing may be a fault of the code, and one line does not say where."""
    missing = str(tmp_path / "missing")
    command = (
        "import sys, django; from config.settings.select import select_settings; select_settings(); django.setup();"
        " from config import management;"
        f" management.execute_from_command_line = lambda _: open({missing!r}); sys.exit(management.run([]))"
    )
    for level in ("info", "debug"):
        done = subprocess.run(
            [sys.executable, "-c", command],
            cwd=ROOT / "app",
            env=environment("", PARLEY_LOG_LEVEL=level),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == f"{missing}: No such file or directory"
        assert ("Traceback" in done.stderr) == (level == "debug")


def test_a_reader_that_has_gone() -> None:
    """`./parley manage help | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "manage.py", "help"],
        cwd=ROOT / "app",
        env=environment(""),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")
