"""What an image is built from: a checkout, or the folder of a project."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from deploy.effects.progress import say
from deploy.errors import BadInputError
from deploy.model import release as releases
from deploy.model.config import ROOT, Config, load
from deploy.stacks.compose.context import Context


class Build(NamedTuple):
    """One release that is to be built."""

    release: str
    context: AbstractContextManager[Path]  # the folder that Docker builds
    told: Callable[[str], str]  # pip's words about a copy → the same about the file that was copied


class Source(Protocol):
    """What a rollout's releases come from."""

    @property
    def what(self) -> str:
        """Say it to people."""

    @property
    def folder(self) -> Path:
        """Where the next release is, unless another folder is named."""

    def release(self) -> str:
        """Return the id of the release that its folder would be now."""

    def build(self, folder: Path) -> Build:
        """Return what is built of a folder; raise BadInputError for a folder of none."""


class Checkout:
    """Parley with the reference chat: the checkout is what is built."""

    what = "the folder of a checkout"
    folder = ROOT

    def release(self) -> str:
        """Digest what ships."""
        return releases.release()

    def build(self, folder: Path) -> Build:
        """Take the folder as it is: its .dockerignore says what ships."""
        if not (folder / "Dockerfile").is_file():
            raise BadInputError(f"{folder} is not a checkout: it has no Dockerfile")
        return Build(releases.release(folder), nullcontext(folder), lambda said: said)


@dataclass(frozen=True)
class Foreign:
    """A project: what is built is a copy of its files, and of what it needs of Parley."""

    folder: Path
    env: str
    what: str = "the folder of a project"

    def release(self) -> str:
        """Digest its files, its requirements and its [project]."""
        return Context.of(load(env=self.env, project=self.folder), lambda _: None).release

    def build(self, folder: Path) -> Build:
        """Copy it, for as long as the build takes."""
        found = Context.of(load(env=self.env, project=folder), say)
        return Build(found.release, found.written(), found.told)


def of(config: Config, env: str) -> Source:
    """Return where the releases of a stack come from."""
    return Checkout() if config.is_own else Foreign(config.folder, env)
