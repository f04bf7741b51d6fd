"""The only writer of files: whole or not at all, private unless said otherwise."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.errors import BadInputError, StackError

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EIO}  # the machine's fault, and nobody's who typed a path


def make_folder(path: Path, mode: int = PRIVATE_FOLDER) -> None:
    """Make a folder and its parents; raise BadInputError where that is not allowed or a file is in the way."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in FULL:
            raise StackError(f"{path} cannot be created: {error.strerror}") from None
        raise BadInputError(f"{path} cannot be created: {error.strerror}") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise BadInputError(f"{path} cannot be written")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have an error say which file it was: of a write, the system does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def write(path: Path, content: str | bytes, mode: int = PRIVATE_FILE) -> None:
    """Replace a file in one step, so that a reader or a crash never meets half of it."""
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with naming(path), os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def copy(source: Path, target: Path, mode: int = PRIVATE_FILE) -> None:
    """Copy a file's content to one that is not there, safe from power loss; what fails leaves none."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with naming(target), os.fdopen(descriptor, "wb") as file, source.open("rb") as content:
            shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def link(path: Path, target: Path) -> None:
    """Have a symbolic link there that leads to the target, in one step."""
    if path.is_symlink() and path.readlink() == target:
        return
    new = path.with_name(f".{path.name}.new")
    remove(new)
    new.symlink_to(target)
    new.replace(path)


def sync(path: Path) -> None:
    """Have a file, or a folder's names, outlast a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(folder: Path, texts: dict[str, str]) -> None:
    """Write {name: text} into a folder."""
    make_folder(folder)
    for name, text in texts.items():
        write(folder / name, text)


def rotate(path: Path) -> None:
    """Keep the last run's log beside the new one."""
    if path.exists():
        path.replace(path.with_name(path.name + ".1"))


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_text(word: str) -> bool:
    """Tell whether a word of the command line, or a path, was UTF-8."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
