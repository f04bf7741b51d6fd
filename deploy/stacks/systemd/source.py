"""Where a release comes from: this checkout, another one, or an archive of one."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.effects import commands
from deploy.errors import BadInputError, StackError
from deploy.model.config import ROOT
from deploy.model.release import SHIPPED, release


@contextmanager
def opened(named: str | None) -> Iterator[tuple[Path, str]]:
    """Yield the folder and the release of a checkout; raises BadInputError for what is none."""
    path = ROOT if named is None else Path(named).expanduser().absolute()
    with folder_of(path, "a checkout") as folder:
        yield folder, identified(folder, str(path))


@contextmanager
def project(named: str | None, default: Path) -> Iterator[Path]:
    """Yield the folder of a project, with a parley.toml in it; raises BadInputError for what is neither."""
    with folder_of(default if named is None else Path(named).expanduser().absolute(), "the folder of a project") as one:
        yield one


@contextmanager
def folder_of(path: Path, what: str) -> Iterator[Path]:
    """Yield a folder, unpacked where it is an archive of one."""
    if path.is_dir():
        yield path
    elif path.is_file():
        with tempfile.TemporaryDirectory(prefix="parley-") as folder:
            yield unpacked(path, Path(folder))
    else:
        raise BadInputError(f"{path} is neither {what} nor an archive of one")


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack an archive; a single folder in it is what it is of, as most archives have it."""
    try:
        commands.output(["tar", "--extract", "--no-same-owner", "--file", str(archive), "--directory", str(folder)])
    except StackError as error:
        raise BadInputError(f"{archive} cannot be unpacked: {str(error).splitlines()[-1]}") from None
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def identified(path: Path, said: str) -> str:
    """Return the release of a checkout; raises BadInputError where something is missing."""
    for part in SHIPPED:
        if not (path / part).exists():
            raise BadInputError(f"{said} is not a checkout of Parley: it has no {part}")
    return release(path)
