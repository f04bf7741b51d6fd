"""The folder of backups: what is in it is whole, whatever happened, and only the newest stay."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cli.invocation import run
from deploy.cli.main import app
from deploy.errors import BadInputError
from deploy.operations.backup import backup as backups
from deploy.operations.backup import manifest
from deploy.operations.backup.store import BackupStore
from tests.deploy.operations.backup.conftest import Place


def parley(here: Path, *words: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start `./parley backup …` without the launcher."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-P", "-m", "deploy", "backup", *words],
        env=os.environ | {"PYTHONPATH": str(here)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_only_the_newest_stay(place: Place) -> None:
    """`--keep 2` of four leaves two, the newest, and they verify; strangers' files are left alone."""
    place.write(1, 3)
    folders = [backups.create(place.source, place.store) for _ in range(4)]
    (place.store.folder / "notes").mkdir()
    assert place.store.keep(2) == [folder.name for folder in folders[:2]]
    assert place.store.names() == [folder.name for folder in folders[2:]]
    assert (place.store.folder / "notes").is_dir()
    for name in place.store.names():
        backups.verify(place.source, place.store.path(name))
    assert place.store.path(None) == folders[3]


def test_a_name_that_is_none(place: Place) -> None:
    """One line says what there is."""
    with pytest.raises(BadInputError, match="has no backup"):
        place.store.path(None)
    newest = backups.create(place.source, place.store)
    for name in ("20260101T000000.000Z", "../stack", ""):
        with pytest.raises(BadInputError, match=f"the newest is {newest.name}"):
            place.store.path(name)


def test_two_at_once(tmp_path: Path) -> None:
    """The second is refused, and the first one's part is not cleared away under it."""
    store = BackupStore(tmp_path)
    with store.fresh() as (_, part):
        with pytest.raises(BadInputError, match="another backup is being made"), BackupStore(tmp_path).fresh():
            pass
        assert part.is_dir()


def test_private(place: Place) -> None:
    """It holds password hashes and sessions: nobody else on the machine reads it."""
    folder = backups.create(place.source, place.store)
    for path in (place.store.folder, folder, *folder.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


def test_kill_9_in_the_middle_leaves_no_half_backup(place: Place, here: Path) -> None:
    """Killed while it copies: nothing is listed, nothing verifies, and the next one clears up and is whole."""
    place.write(1, 60_000, "x" * 500)
    where = ("--dir", str(place.layout.dir), "--folder", str(place.store.folder))
    process = parley(here, "create", *where)
    while not list(place.store.folder.glob("*.part/database.sqlite3*")):
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list(place.store.folder.glob("*.part"))
    assert place.store.names() == []
    listed = parley(here, "verify", *where)
    assert "has no backup" in listed.communicate()[1]
    assert listed.returncode == 2
    again = parley(here, "create", *where)
    said, wrong = again.communicate()
    assert (again.returncode, wrong) == (0, "")
    assert manifest.read(place.store.path(None)).rows["chat_entry"] == 60_000
    assert re.search(r": sqlite of .*, \d+ rows, \d+ bytes$", said, re.MULTILINE)
    assert not list(place.store.folder.glob("*.part"))
    backups.verify(place.source, place.store.path(None))


def test_a_full_disk_leaves_no_half_backup(place: Place, here: Path) -> None:
    """A file that cannot grow is one line and exit 1; what was there before stays, and nothing new does."""
    place.write(1, 5)
    first = backups.create(place.source, place.store)
    place.write(6, 20_000, "x" * 500)
    limited = ("prlimit", f"--fsize={2_000_000}")
    process = parley(
        here,
        "create",
        "--dir",
        str(place.layout.dir),
        "--folder",
        str(place.store.folder),
        "--keep",
        "1",
        prefix=limited,
    )
    _, wrong = process.communicate()
    assert process.returncode == 1
    assert wrong.startswith("parley: ")
    assert wrong.count("\n") == 1
    assert place.store.names() == [first.name]
    assert sorted(path.name for path in place.store.folder.iterdir()) == [".lock", first.name]


def test_the_command_line(place: Place, here: Path) -> None:
    """Each command says in a line what it did to what."""
    place.write(1, 7)
    where = ("--dir", str(place.layout.dir), "--folder", str(place.store.folder))

    def say(*words: str) -> str:
        process = parley(here, *words, *where)
        said, wrong = process.communicate()
        assert (process.returncode, wrong) == (0, ""), wrong
        return said

    assert " rows, " in say("create")
    name = place.store.names()[0]
    assert manifest.read(place.store.path(name)).rows["chat_entry"] == 7
    assert say("list").startswith(f"{name}: sqlite of ")
    assert f"{name}: whole: " in say("verify")
    place.layout.database.unlink()
    assert f"\n{name}: restored: " in say("restore", name)  # after what the hook did
    assert len(place.rows()[0]) == 7
    say("create", "--keep", "1")
    assert name not in place.store.names()


@pytest.mark.parametrize("words", [["create"], ["list"], ["verify"], ["prune", "--keep", "1"], ["restore", "x"]])
def test_a_mistyped_folder_is_refused_and_not_made(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither --dir nor, where backups are read, --folder."""
    assert run(app, ["backup", *words, "--dir", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.startswith("parley: ")
    assert list(tmp_path.iterdir()) == []
    if words != ["create"]:
        assert run(app, ["backup", *words, "--folder", str(tmp_path / "nowhere")]) == 2
        assert str(tmp_path / "nowhere") in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["create"], ["list"], ["verify"], ["prune", "--keep", "1"], ["restore", "x"]])
def test_a_file_is_no_folder_of_backups(
    words: list[str], place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Silence would look like a folder without backups."""
    file = tmp_path / "file"
    file.write_text("kept")
    assert run(app, ["backup", *words, "--dir", str(place.layout.dir), "--folder", str(file)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert str(file) in said.err
    assert file.read_text() == "kept"
