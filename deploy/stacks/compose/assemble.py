"""Inside the image of a project, while it is built: its own build commands, what it says of itself, its static files.

`python -E -m deploy.stacks.compose.assemble`, from Dockerfile.project.
"""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from deploy.effects import commands, files
from deploy.errors import BadInputError, StackError
from deploy.stacks.local import examine, prepare
from deploy.stacks.local.application import Application, Facts
from deploy.stacks.secret_key import KEY_BYTES
from deploy.text.compose import places, words

READABLE = 0o644


class Build(msgspec.Struct):
    """build.json: what context.py says of the project."""

    folder: str  # the working directory of its processes
    root: str  # where its build commands run
    commands: list[str]
    env: dict[str, str]
    media: str = ""  # where the volume of uploaded files is


def main() -> int:
    """Do all of it; return the exit status."""
    try:
        assemble(msgspec.json.decode(places.BUILD.read_bytes(), type=Build))
    except (BadInputError, StackError) as error:
        sys.stderr.write(f"parley: {error}\n")
        return 1
    return 0


def assemble(build: Build) -> None:
    """Run each part; raise BadInputError for the first that fails."""
    env = {**os.environ, **build.env, "PARLEY_SECRET_KEY": secrets.token_urlsafe(KEY_BYTES)}
    env["PATH"] = f"{places.VENV / 'bin'}:{env['PATH']}"
    for command in build.commands:
        run(command, env, Path(build.root))
    application = Application(
        is_own=False,
        python=places.VENV / "bin" / "python",
        folder=Path(build.folder),
        server=(),
        manage=words.PROJECT.manage[1:],
    )
    facts = asyncio.run(examine.examine(application, env, say))
    require_kept(build, facts)
    files.make_folder(places.COLLECTED, 0o755)
    is_hashed = facts.has_static and asyncio.run(prepare.collect(application, env, say))
    files.write(places.HASHED, str(int(is_hashed)), READABLE)
    files.write(places.FACTS, json.dumps(msgspec.to_builtins(facts)), READABLE)


def require_kept(build: Build, facts: Facts) -> None:
    """Raise BadInputError where uploaded files would not be on their volume."""
    found = facts.media_root and os.path.normpath(Path(build.folder, facts.media_root))
    if build.media and found and found != build.media:
        raise BadInputError(
            f"project.media: MEDIA_ROOT is {found} in the image, and the volume is at {build.media}:"
            f' write media = "{found}"'
        )


def run(command: str, env: Mapping[str, str], folder: Path) -> None:
    """Run a command of [project].build."""
    done = commands.shell(command, env=env, cwd=folder, say=say)
    if done.status != 0:
        last = (done.output.splitlines() or ["it said nothing"])[-1]
        raise BadInputError(f"project.build: `{command}` failed: {last}")


def say(line: str) -> None:
    """Write a line where the build shows it."""
    sys.stdout.write(f"{line}\n")


def facts() -> Facts | None:
    """Return what the project of this image said of itself; None: the image is the reference chat's."""
    try:
        return Facts.of(json.loads(places.FACTS.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
