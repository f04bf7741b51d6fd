"""Uploaded files in a backup: what they may be called and be, and what is refused."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from deploy.errors import StackError
from deploy.operations.backup import archive, manifest
from deploy.operations.backup.media import MediaEngine
from deploy.stacks.stack import Media
from tests.checkout import ROOT
from tests.disk import small_disk

ODD = ["a b.txt", "ä/ö ü.jpg", "new\nline", "-rf", "..hidden", "a:b", "'\"", "n" * 200]
NOT_UTF8 = b"latin-\xe9.txt"


def digest(folder: Path) -> dict[bytes, tuple[str, bytes, int]]:
    """Say what a folder holds: kind, content and mode of each name, without pipes."""
    found = {}
    for path in folder.rglob("*"):
        name, mode = os.fsencode(path.relative_to(folder)), path.lstat().st_mode & 0o777
        if path.is_symlink():
            found[name] = "link", os.fsencode(path.readlink()), 0
        elif path.is_dir():
            found[name] = "folder", b"", mode
        elif path.is_file():
            found[name] = "file", path.read_bytes(), mode
    return found


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """A folder with what people and their programs leave in one."""
    folder = tmp_path / "media"
    for number, name in enumerate(ODD):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * number * 1000)
    (folder / os.fsdecode(NOT_UTF8)).write_bytes(b"bytes")
    (folder / "empty").mkdir()
    (folder / "closed").mkdir()
    (folder / "closed" / "file").write_text("x")
    (folder / "closed" / "file").chmod(0o640)
    (folder / "closed").chmod(0o555)
    (folder / "link").symlink_to("a b.txt")
    (folder / "nowhere").symlink_to("/nonexistent/file")
    (folder / "folder").symlink_to("ä", target_is_directory=True)
    os.mkfifo(folder / "pipe")
    return folder


def test_there_and_back(media: Path, tmp_path: Path) -> None:
    """Everything but a pipe is as it was, and what was uploaded later is gone."""
    engine = MediaEngine(Media(media))
    before = digest(media)
    copy = tmp_path / "media.tar"
    engine.dump(copy)
    assert engine.read_back(copy) == len(ODD) + 2
    (media / "later").write_text("later")
    (media / "a b.txt").write_text("changed")
    (media / "link").unlink()
    engine.prepare(copy, manifest.sha256(copy))
    assert (media / "later").exists(), "until both are there, nothing is replaced"
    engine.swap()
    assert digest(media) == before
    (media / "more").write_text("goes on")


def test_a_restore_that_was_killed_can_be_repeated(media: Path, tmp_path: Path) -> None:
    """Also between two names; and what it left is in no backup."""
    engine, copy = MediaEngine(Media(media)), tmp_path / "media.tar"
    engine.dump(copy)
    (media / archive.NEW / "half").mkdir(parents=True)
    (media / archive.OLD).mkdir()
    (media / "a b.txt").rename(media / archive.OLD / "a b.txt")
    again = tmp_path / "again.tar"
    engine.dump(again)
    assert engine.read_back(again) == len(ODD) + 1
    engine.prepare(copy, manifest.sha256(copy))
    engine.swap()
    assert engine.read_back(copy) == sum(kind == "file" for kind, _, _ in digest(media).values())
    assert (media / "a b.txt").exists()


def test_files_that_change_while_they_are_read(tmp_path: Path) -> None:
    """One that grows has what it had, one that vanishes is left out, and the archive is whole."""
    folder, stop, grown = tmp_path / "media", threading.Event(), threading.Event()
    folder.mkdir()

    def change() -> None:
        number = 0
        while not stop.is_set():
            with (folder / "grows").open("ab" if number % 100 else "wb") as file:
                file.write(b"x" * 10_000)
            with (folder / "shrinks").open("wb") as file:
                file.write(b"s" * (number % 2) * 1_000_000)
            (folder / f"new-{number}").write_bytes(b"z" * 1000)
            if number > 2:
                (folder / f"new-{number - 3}").unlink()
            number += 1
            grown.set()

    writer = threading.Thread(target=change)
    writer.start()
    try:
        assert grown.wait(10)
        for number in range(10):
            copy = tmp_path / f"{number}.tar"
            MediaEngine(Media(folder)).dump(copy)
            with tarfile.open(copy) as found:
                content = {one.name: found.extractfile(one) for one in found}
                assert "grows" in content
                for name, file in content.items():
                    assert file is not None
                    data = file.read()
                    assert set(data) <= {{"g": ord("x"), "s": ord("s"), "n": ord("z")}[name[0]], 0}
    finally:
        stop.set()
        writer.join()


AGAIN = """
import sys
from pathlib import Path
from deploy.operations.backup import manifest
from deploy.operations.backup.media import MediaEngine
from deploy.stacks.stack import Media
engine, copy = MediaEngine(Media(Path(sys.argv[1]))), Path(sys.argv[2])
engine.dump(copy)
engine.prepare(copy, manifest.sha256(copy))
engine.discard()
for _ in range(2):
    engine.prepare(copy, manifest.sha256(copy))
    engine.swap()
"""


def test_a_user_that_is_not_root_restores_a_folder_that_nobody_may_write(media: Path, tmp_path: Path) -> None:
    """It is replaced, given back as it was, and removed again; and so is one below it."""
    (media / "closed").chmod(0o755)
    (media / "closed" / "below").mkdir()
    (media / "closed" / "below" / "file").write_text("x")
    for name in ("closed/below", "closed"):
        (media / name).chmod(0o555)
    before = digest(media)
    bare = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*bare, sys.executable, "-c", AGAIN, str(media), str(tmp_path / "media.tar")]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    assert digest(media) == before


@pytest.mark.parametrize("cut", [1, 600, 5000, -1])
def test_what_arrives_cut_short_replaces_nothing(media: Path, tmp_path: Path, cut: int) -> None:
    """Wherever it ends."""
    engine, copy, before = MediaEngine(Media(media)), tmp_path / "media.tar", digest(media)
    engine.dump(copy)
    whole = manifest.sha256(copy)
    copy.write_bytes(copy.read_bytes()[:cut])
    with pytest.raises(StackError, match=r"was not replaced"):
        engine.prepare(copy, whole)
    assert digest(media) == before


def test_no_link_is_made_through_a_link(media: Path, tmp_path: Path) -> None:
    """It would lie outside, like the file of whoever wrote such an archive."""
    stream, outside = io.BytesIO(), tmp_path / "outside"
    outside.mkdir()
    with tarfile.open(fileobj=stream, mode="w") as made:
        for name, to in (("through", str(outside)), ("through/evil", "/etc/passwd")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, to
            made.addfile(link)
    before, data = digest(media), stream.getvalue()
    with pytest.raises(StackError, match="'through/evil' comes after a link"):
        archive.prepare(media, io.BytesIO(data), hashlib.sha256(data).hexdigest())
    assert (digest(media), list(outside.iterdir())) == (before, [])


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "through/outside"])
def test_nothing_is_unpacked_outside(media: Path, tmp_path: Path, name: str) -> None:
    """Not by a name, and not through a link."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as made:
        link = tarfile.TarInfo("through")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        made.addfile(link)
        file = tarfile.TarInfo(name)
        file.size = 3
        made.addfile(file, io.BytesIO(b"bad"))
    before = digest(media)
    with pytest.raises(StackError):
        archive.prepare(media, io.BytesIO(stream.getvalue()), hashlib.sha256(stream.getvalue()).hexdigest())
    assert digest(media) == before
    assert not (tmp_path / "outside").exists()


def test_a_full_disk_changes_nothing(media: Path, tmp_path: Path) -> None:
    """Neither where the backup goes, nor where the files are."""
    (media / "large").write_bytes(b"x" * 3_000_000)
    copy = tmp_path / "media.tar"
    MediaEngine(Media(media)).dump(copy)
    with small_disk(tmp_path / "small", 2) as disk:
        with pytest.raises(OSError, match=f"No space left on device: '{disk}/media.tar'"):
            MediaEngine(Media(media)).dump(disk / "media.tar")
        (disk / "media.tar").unlink()
        (disk / "there").write_text("stays")
        with pytest.raises(OSError, match="No space left on device"):
            MediaEngine(Media(disk)).prepare(copy, manifest.sha256(copy))
        assert digest(disk) == {b"there": ("file", b"stays", 0o644)}
