"""A folder of uploaded files as a tar stream: read while people upload, and unpacked as a whole or not at all."""

import hashlib
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from deploy.effects import files
from deploy.errors import StackError

NEW, OLD = ".parley-new", ".parley-old"  # in the folder itself, which may be the root of a volume
ENCODING = {"encoding": "utf-8", "errors": "surrogateescape"}  # a name is bytes, whatever they are
PLACES = 0o777  # of a mode: nobody uploads a setuid program


def pack(folder: Path, out: BinaryIO) -> None:
    """Write what is in a folder, symbolic links last: nothing is ever unpacked through one of them.

    A file has the size that it had when it was opened: what is appended later is not in it, and a file that is gone by
    then is left out. What is neither a file, a folder nor a link is left out too.
    """
    links = []
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, **ENCODING) as archive:  # type: ignore[call-overload]
        for path in _walked(folder):
            status = path.lstat() if path.is_symlink() or path.is_dir() else None
            if status is None:
                _add_file(archive, path, str(path.relative_to(folder)))
            elif stat.S_ISLNK(status.st_mode):
                links.append(path)
            else:
                archive.addfile(_info(str(path.relative_to(folder)), status, tarfile.DIRTYPE))
        for path in links:
            _add_link(archive, path, str(path.relative_to(folder)))


def count(path: Path) -> int:
    """Read an archive from its beginning to its end, and count its files; raises StackError where it is damaged."""
    try:
        with tarfile.open(path, "r:", **ENCODING) as archive:  # type: ignore[call-overload]
            return sum(member.isreg() for member in archive)
    except (tarfile.TarError, EOFError) as error:
        raise StackError(f"{path}: {error}") from None


def prepare(folder: Path, source: IO[bytes], digest: str) -> None:
    """Unpack beside what is there; raises StackError with nothing left where not all of it arrives."""
    files.make_folder(folder)
    discard(folder)
    new = folder / NEW
    new.mkdir(mode=files.PRIVATE_FOLDER)
    try:
        _arrive(source, new, digest)
        os.sync()  # before what is there is removed; of each file by itself it would take a turn of the disk
    except BaseException as error:
        discard(folder)
        if isinstance(error, tarfile.TarError | EOFError):
            raise StackError(f"{folder} was not replaced: {error}") from None
        raise


def swap(folder: Path) -> None:
    """Put what was unpacked in the place of what is there: names are changed, no byte is copied."""
    new, old = folder / NEW, folder / OLD
    old.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
    for path in _entries(folder):
        target = old / path.name
        _remove(target)
        _rename(path, target)
    for path in _entries(new):
        _rename(path, folder / path.name)
    files.sync(folder)
    _remove(new)
    _remove(old)


def discard(folder: Path) -> None:
    """Forget what was unpacked."""
    _remove(folder / NEW)


def _rename(path: Path, target: Path) -> None:
    """Rename; a folder that goes elsewhere is written to itself, so for a moment its owner may."""
    mode = path.lstat().st_mode
    is_closed = stat.S_ISDIR(mode) and not mode & stat.S_IWUSR
    if is_closed:
        path.chmod(mode & PLACES | stat.S_IWUSR)
    path.rename(target)
    if is_closed:
        target.chmod(mode & PLACES)


def _remove(path: Path) -> None:
    """Remove it, with folders that their owner may not write."""
    for above, folders, _ in [] if path.is_symlink() else os.walk(path):
        for one in (Path(above), *(Path(above, name) for name in folders)):
            if not one.is_symlink() and ~(mode := one.stat().st_mode) & stat.S_IRWXU:
                one.chmod(mode & PLACES | stat.S_IRWXU)
    files.remove(path)


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name not in {NEW, OLD}]


def _walked(folder: Path) -> Iterator[Path]:
    """Give all that is in a folder, each folder before what is in it."""

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for above, folders, names in os.walk(folder, onerror=unreadable):
        here = Path(above)
        if here == folder:
            folders[:] = [name for name in folders if name not in {NEW, OLD}]
        for name in sorted([*folders, *names]):
            yield here / name


def _info(name: str, status: os.stat_result, kind: bytes) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.mode, found.mtime = kind, status.st_mode & PLACES, int(status.st_mtime)
    return found


def _add_file(archive: tarfile.TarFile, path: Path, name: str) -> None:
    try:
        # A pipe would wait for somebody who writes; a link was a file a moment ago.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if isinstance(error, PermissionError) or path.is_file():
            raise
        return
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            info = _info(name, status, tarfile.REGTYPE)
            info.size = status.st_size
            archive.addfile(info, _Padded(file))  # type: ignore[arg-type]  # all that it asks for is read()


def _add_link(archive: tarfile.TarFile, path: Path, name: str) -> None:
    try:
        info = _info(name, path.lstat(), tarfile.SYMTYPE)
        info.linkname = str(path.readlink())
    except OSError:  # it is gone
        return
    archive.addfile(info)


class _Padded:
    """A file that is as long as it was when it was opened: one that was cut since has zeros at its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """Give so many bytes."""
        return self._file.read(size).ljust(size, b"\0")


class _Arriving:
    """A stream that is digested as it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._digest = hashlib.sha256()

    def read(self, size: int = 1 << 16) -> bytes:
        """Give the next bytes."""
        data = self._source.read(size)
        self._digest.update(data)
        return data

    def rest(self) -> str:
        """Read what is left, and give the digest of all of it."""
        while self.read():
            pass
        return self._digest.hexdigest()


def _arrive(source: IO[bytes], new: Path, digest: str) -> None:
    arriving = _Arriving(source)
    _unpack(arriving, new)
    if arriving.rest() != digest:
        raise StackError(f"{new.parent} was not replaced: not all of the files arrived")


def _unpack(source: _Arriving, folder: Path) -> None:
    folders: list[tuple[Path, int]] = []
    links: dict[Path, str] = {}
    with tarfile.open(fileobj=source, mode="r|", **ENCODING) as archive:  # type: ignore[call-overload]
        for member in archive:
            path = _inside(folder, member.name)
            if links and (not member.issym() or any(above in links for above in path.parents)):
                raise StackError(f"{member.name!r} comes after a link: this is no backup of uploaded files")
            if member.isdir():
                path.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
                folders.append((path, member.mode))
            elif member.isreg():
                _write(archive, member, path)
            elif member.issym():
                links[path] = member.linkname
            else:
                raise StackError(f"{member.name!r} is neither a file, a folder nor a link")
    for path, target in links.items():
        path.symlink_to(target)
    for path, mode in reversed(folders):  # one that may not be written is written first
        path.chmod(mode & PLACES)


def _inside(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or name.startswith("/"):
        raise StackError(f"{name!r} is no name of a file in a folder")
    return folder / name


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    content = archive.extractfile(member)
    assert content is not None  # noqa: S101 (of a file it is there)
    path.parent.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
    with files.naming(path), path.open("xb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
        file.flush()
        os.fchmod(file.fileno(), member.mode & PLACES)
    os.utime(path, (member.mtime, member.mtime))
