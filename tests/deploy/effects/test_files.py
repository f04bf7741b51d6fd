"""A disk that is full: the line names the file, and the exit status says that it was the machine."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.effects import files
from deploy.errors import BadInputError, StackError

Write = Callable[[Path], object]


def test_a_write_that_fails_names_its_file_and_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system says "No space left on device", and not where."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    source = tmp_path / "source"
    source.touch()
    ways: tuple[Write, ...] = (
        lambda path: files.write(path, "text"),
        lambda path: files.copy(source, path),
    )
    for write in ways:
        with pytest.raises(OSError, match=r"No space left on device: '.*/key'"):
            write(tmp_path / "key")
        assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, StackError), (errno.EDQUOT, StackError), (errno.EROFS, BadInputError)],
    ids=["full", "over its quota", "read-only"],
)
def test_a_folder_that_cannot_be_made(
    number: int, kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the machine that is full, and the place that was badly chosen."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(kind, match=f"cannot be created: {os.strerror(number)}"):
        files.make_folder(tmp_path / "new")
