"""A project's uploaded files and what it keeps in Redis, on `up`: backed up while it runs, restored after its end."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from deploy.effects.client.http_client import HttpClient
from deploy.stacks.local import store
from deploy.stacks.local.layout import Layout
from tests.foreign import TOML, copied, parley
from tests.running import running_stack

# In the lane of test_project.py: the first one installs the project's packages.
pytestmark = [pytest.mark.stack, pytest.mark.browser, pytest.mark.timeout(900)]

KEEPS = f'{TOML}media = "uploads"\n[project.env]\nQUEUE_URL = "{{redis_url}}"\n'
BEFORE = TOML  # of a backup that has neither
KEY = "a-key-of-the-old-server-that-nobody-else-has-ever-seen-1234567"
BILL = b"%PDF of a bill"


async def test_there_and_back(tmp_path: Path, tutorial_packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row, the file and the key are those of the backup; what does not fit is refused, and older ones fit."""
    project, state = copied("tutorial", tmp_path / "project", KEEPS), tmp_path / "a state"
    settings = project / "mysite" / "settings.py"
    read = f'import os\nSECRET_KEY = os.environ.get("KEY_OF_A_SHELL", "{KEY}")\n'
    settings.write_text(f"{settings.read_text()}\n{read}")
    monkeypatch.setenv("KEY_OF_A_SHELL", f"{KEY}-that-the-next-shell-does-not-have")
    state.mkdir()
    (state / "python").symlink_to(tutorial_packages)
    layout = Layout(state)
    options = ("--project", str(project), "--dir", str(state))
    with running_stack(state, "--project", str(project)) as running:
        assert layout.secret_key.read_text() == KEY
        assert await running.line("SECRET_KEY of the project's settings is the site's key from now on")
        assert await running.line("warning: mysite/settings.py has SECRET_KEY in it: ")
        assert not any(KEY in line for line in running.lines)
        (layout.media / "bills").mkdir(parents=True)
        (layout.media / "bills" / "ä 1.pdf").write_bytes(BILL)
        url = store.url(layout, running.state["store_port"])
        with Redis.from_url(url) as redis:
            redis.rpush("celery", "task")
            made = parley("backup", "create", *options)
            assert made.returncode == 0, made.stderr
            assert ", 1 uploaded files, 1 keys of Redis, " in made.stdout
            name = made.stdout.partition(":")[0].rpartition("/")[2]
            redis.flushall()
        (layout.media / "bills" / "ä 1.pdf").unlink()
        (layout.media / "later").write_text("later")
        page = await HttpClient(running.address).get("/chat/lobby/")
        assert page.status == 200
        early = parley("backup", "restore", name, *options)
        assert (early.returncode, early.stderr.count("\n")) == (2, 1)
    (project / "parley.toml").write_text(BEFORE)
    refused = parley("backup", "restore", name, *options)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "has uploaded files, and this project keeps none of that kind" in refused.stderr
    assert (layout.media / "later").exists()
    older = parley("backup", "create", *options)
    assert "keys of Redis" not in older.stdout
    (project / "parley.toml").write_text(KEEPS)
    restored = parley("backup", "restore", name, *options)
    assert restored.returncode == 0, restored.stderr
    assert {path.name: path.read_bytes() for path in layout.media.rglob("*.pdf")} == {"ä 1.pdf": BILL}
    assert [path.name for path in layout.media.iterdir()] == ["bills"]
    stopped = parley("backup", "create", *options)
    assert ", 1 uploaded files, 1 keys of Redis, " in stopped.stdout, stopped.stderr
    name = older.stdout.partition(":")[0].rpartition("/")[2]
    again = parley("backup", "restore", name, *options)
    assert again.returncode == 0, again.stderr
    assert "has no uploaded files: those that are there stay" in again.stdout + again.stderr
    assert (layout.media / "bills" / "ä 1.pdf").read_bytes() == BILL
    with closing(sqlite3.connect(layout.database)) as connection:
        assert connection.execute("SELECT count(*) FROM django_migrations").fetchone() > (0,)
