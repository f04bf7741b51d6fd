"""Migrations only expand: while a release is rolled out, and after a rollback, the one before runs on its schema."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from deploy.effects.client.http_client import HttpClient, guest
from deploy.effects.client.websocket_client import connect
from parley_serving.contracting import Judge
from tests.running import RunningStack, running_stack

OURS = ("accounts", "chat")


def test_every_migration_of_the_chat_expands_only() -> None:
    """A contraction waits for the release after the one that no longer needs what it takes away.

    Each is judged as a rollout judges it: everything before it is there already, and serves.
    """
    loader = MigrationLoader(None)
    judged, breaking = 0, []
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app in OURS:
            before, judge = loader.project_state([(app, name)], at_end=False), Judge(connection)
            breaking += [f"{migration}: {operation.describe()}" for operation, _ in judge.breaking(migration, before)]
            judged += 1
    assert breaking == []
    assert judged >= 12


def git(here: Path, *words: str) -> str | None:
    """Ask git; None where it does not know, as in an unpacked archive, or is not there."""
    if shutil.which("git") is None:
        return None
    done = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None if done.returncode == 0 else None


def before_the_last_migration(here: Path, target: Path) -> Path:
    """Unpack the newest commit that had fewer migrations; a checkout without history has only itself."""
    added = git(here, "log", "-1", "--diff-filter=A", "--format=%H", "--", "app/*/migrations/0*.py")
    commit = added and git(here, "rev-parse", "--verify", "--quiet", f"{added}^")
    if not commit:
        return here
    target.mkdir()
    packed = subprocess.run(["git", "-C", str(here), "archive", commit], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(target)], input=packed.stdout, check=True)
    return target


def its_python(root: Path, here: Path, target: Path) -> str:
    """Return a Python with a release's own packages: ours, unless its lock is another one."""
    lock = root / "requirements" / "run.txt"
    if lock.read_bytes() == (here / "requirements" / "run.txt").read_bytes():
        return sys.executable
    python = str(target / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", str(target)], check=True)
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(lock))
    subprocess.run([python, *install], check=True)
    return python


@pytest.fixture
def before(tmp_path: Path, here: Path) -> Iterator[RunningStack]:
    """The code of the commit before the newest migration, on a database that has all of today's."""
    directory = tmp_path / "stack"
    directory.mkdir(mode=0o700)
    environment = {"PARLEY_ENV": "test", "PARLEY_DATABASE_URL": f"sqlite:///{directory / 'parley.sqlite3'}"}
    subprocess.run(
        [sys.executable, "-P", "manage.py", "migrate", "--verbosity", "0"],
        cwd=here / "app",
        env=os.environ | environment | {"PYTHONPATH": str(here / "app")},
        check=True,
    )
    root = before_the_last_migration(here, tmp_path / "before")
    with running_stack(directory, root=root, python=its_python(root, here, tmp_path / "python")) as stack:
        yield stack


@pytest.mark.stack
async def test_the_code_before_runs_on_the_schema_of_now(before: RunningStack) -> None:
    """People come as guests and with a password, chat, and resume."""
    ada = await guest(before.address, "Ada")
    somebody = HttpClient(before.address)
    form = {"username": "grace", "password1": "correct horse 1", "password2": "correct horse 1"}
    assert (await somebody.post("/accounts/signup/", form)).status == 302
    async with connect(before.address, ada) as one, connect(before.address, somebody.cookie) as two:
        joined = await one.join("lobby")
        await two.join("lobby")
        sent = await one.send_text("lobby", "from the release before")
        assert (await two.entry("lobby", sent["seq"]))["text"] == "from the release before"
        await two.send_text("lobby", "and on")
    async with connect(before.address, ada) as again:
        resumed = await again.join("lobby", after=sent["seq"], epoch=joined["epoch"])
        assert resumed["recovered"] is True
        assert [entry["text"] for entry in resumed["entries"]] == ["and on"]
