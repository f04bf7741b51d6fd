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
    """Yield the folder and the release of a source; raises BadInputError for what is none."""
    path = ROOT if named is None else Path(named).expanduser().absolute()
    if path.is_dir():
        yield path, identified(path, str(path))
    elif path.is_file():
        with tempfile.TemporaryDirectory(prefix="parley-") as folder:
            yield unpacked(path, Path(folder))
    else:
        raise BadInputError(f"{path} is neither a checkout nor an archive of one")


def unpacked(archive: Path, folder: Path) -> tuple[Path, str]:
    """Unpack an archive; a single folder in it is the checkout, as most archives have it."""
    try:
        commands.output(["tar", "--extract", "--no-same-owner", "--file", str(archive), "--directory", str(folder)])
    except StackError as error:
        raise BadInputError(f"{archive} cannot be unpacked: {str(error).splitlines()[-1]}") from None
    inside = list(folder.iterdir())
    root = inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
    return root, identified(root, str(archive))


def identified(path: Path, said: str) -> str:
    """Return the release of a checkout; raises BadInputError where something is missing."""
    for part in SHIPPED:
        if not (path / part).exists():
            raise BadInputError(f"{said} is not a checkout of Parley: it has no {part}")
    return release(path)
