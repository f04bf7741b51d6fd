"""A small file system of a test's own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs import needs_root


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount it until the block ends; skips for who is not root."""
    needs_root("a file system of its own")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(file: Path) -> None:
    """Write to a file until not a byte is left."""
    with file.open("ab", buffering=0) as more:
        try:
            while True:
                more.write(bytes(4096))
        except OSError:
            pass
    assert os.statvfs(file.parent).f_bavail == 0
