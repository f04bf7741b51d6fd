"""Releases as images: `parley:<release>` each, and one more name for the release that serves."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from deploy.effects import commands
from deploy.errors import BadInputError, StackError
from deploy.stacks.compose.docker import docker
from deploy.stacks.compose.project import Project
from deploy.stacks.compose.sources import Source
from deploy.text.compose.file import INDEX

# What a step of the build wrote, as BuildKit numbers and times it; of pip's errors the first says what it wants.
SAID = re.compile(r"^#\d+ [\d.]+ (?:parley: |ERROR: )(.+)$", re.MULTILINE)


class Images:
    """The images of one project."""

    def __init__(self, project: Project, source: Source) -> None:
        self._project = project
        self.source = source

    def stage(self, source: str | None) -> str:
        """Build a checkout's image, or take an image by its name, and give the release's id; raises BadInputError."""
        folder = self.source.folder if source is None else Path(source)
        if folder.is_dir():
            return self._build(folder)
        if not _exists(str(source)):
            raise BadInputError(f"{source}: neither {self.source.what} nor an image on this machine")
        release = holds(str(source))
        docker("tag", str(source), self._project.of(release))
        return release

    def has(self, release: str) -> bool:
        """Tell whether this machine has it."""
        return _exists(self._project.of(release))

    def keep(self, images: Iterable[str]) -> None:
        """Give images that serve the names of their releases: one that was built over has none otherwise.

        The serving name is missing where it was another project's too, as it was before it followed the project's.
        """
        for image in set(images):
            if not _exists(self._project.image):
                docker("tag", image, self._project.image)
            docker("tag", image, self._project.of(holds(image)))

    @contextmanager
    def serving(self, release: str) -> Iterator[None]:
        """Have the serving name mean this release for a moment: a container is made under the name it will keep."""
        serving = self._project.image
        before = docker("image", "inspect", "--format={{.Id}}", serving)
        docker("tag", self._project.of(release), serving)
        try:
            yield
        finally:
            docker("tag", before, serving)

    def serve(self, release: str) -> None:
        """Move the serving name to this release for good, and let go of all but it and the one before."""
        serving = self._project.image
        before = holds(docker("image", "inspect", "--format={{.Id}}", serving))
        docker("tag", self._project.of(release), serving)
        if before == release:
            return  # it was moved already: which one was before that is not known any more
        kept = {self._project.of(release), self._project.of(before), serving}
        listed = docker("image", "ls", "--format={{.Repository}}:{{.Tag}}", self._project.repository).split()
        for name in set(listed) - kept:
            with suppress(StackError):  # a stopped container still needs it
                docker("image", "rm", name)

    def _build(self, folder: Path) -> str:
        release, context, told = self.source.build(folder)
        name = self._project.of(release)
        if not _exists(name):
            arguments = [f"--build-arg={variable}" for variable in INDEX if variable in os.environ]
            with context as built:
                words = ["--progress=plain", f"--tag={name}", f"--build-arg=VERSION={release}", *arguments, str(built)]
                done = commands.run(["docker", "build", *words])
            if done.status != 0:
                raise StackError(told(refusal(done.output)))
        return release


@cache
def holds(image: str) -> str:
    """Return the id of the release that an image holds; raises StackError for an image of something else."""
    return docker("run", "--rm", "--network=none", "--entrypoint=cat", image, "/opt/parley/RELEASE")


def refusal(output: str) -> str:
    """Say why there is no image: in one line that Parley or pip wrote in the build, else by the last lines of it."""
    said = SAID.findall(output)
    if said:
        return f"the image cannot be built: {said[0]}"
    return "\n".join(["docker build failed:", *output.splitlines()[-commands.LAST_LINES :]])


def _exists(image: str) -> bool:
    return commands.run(["docker", "image", "inspect", image]).status == 0
