"""What a backup has beside the database: uploaded files, and the data of the Redis that keeps them."""

from pathlib import Path
from typing import Literal, Protocol

from deploy.operations.backup.kept import ContainerStoreEngine, StoreEngine
from deploy.operations.backup.media import MediaEngine, VolumeMedia
from deploy.operations.backup.source import Source
from deploy.stacks.stack import HostStore


class PartEngine(Protocol):
    """What copies something beside the database."""

    @property
    def name(self) -> Literal["media", "store"]:
        """What it is in a manifest."""

    @property
    def file(self) -> str:
        """Its file in a backup."""

    @property
    def what(self) -> str:
        """What is counted in it."""

    def dump(self, target: Path) -> None:
        """Copy it while the stack runs."""

    def read_back(self, path: Path) -> int:
        """Read a whole copy, and count what is in it; raises StackError where it is damaged."""

    def prepare(self, path: Path, digest: str) -> None:
        """Bring a copy beside what is there; raises StackError with nothing changed."""

    def swap(self) -> None:
        """Have what was brought replace what is there."""

    def discard(self) -> None:
        """Remove what was brought."""


def parts(source: Source) -> list[PartEngine]:
    """Give what copies the rest of this source's data."""
    found: list[PartEngine] = []
    if media := source.media:
        found.append(VolumeMedia(media) if media.deploy else MediaEngine(media))
    if keeps := source.store:
        found.append(StoreEngine(keeps) if isinstance(keeps, HostStore) else ContainerStoreEngine(keeps))
    return found
