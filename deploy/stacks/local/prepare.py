"""What the project needs before it can run: its release commands, its static files."""

import hashlib
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.effects import files, processes
from deploy.errors import BadInputError, StackError
from deploy.model.config import ROOT, Config
from deploy.stacks.local.application import Application
from deploy.stacks.local.layout import Layout

Say = Callable[[str], object]

APP = ROOT / "app"
LOCK = ROOT / "requirements" / "app.txt"
MANIFEST = "staticfiles.json"


def require(layout: Layout) -> None:
    """Raise BadInputError for a folder in which no stack was made: it may be mistyped, and is not made now."""
    if not layout.secret_key.exists():
        raise BadInputError(f"nothing has been made in {layout.dir} yet: run `./parley up` first")


async def manage(env: Mapping[str, str], *arguments: str) -> None:
    """Run a command of Django's manage.py; raise StackError with what it said."""
    done = await processes.run_beside([sys.executable, "manage.py", *arguments], env=env, cwd=APP)
    if done.status != 0:
        said = f"\n{done.output}" if "\n" in done.output else f" {done.output}"
        raise StackError(f"manage.py {' '.join(arguments)} failed:{said}")


async def database(env: Mapping[str, str]) -> None:
    """Bring the database to the newest schema, and make the first room if there is none."""
    await manage(env, "migrate", "--noinput", "--verbosity=0")
    await manage(env, "bootstrap")


async def release(config: Config, application: Application, env: Mapping[str, str], say: Say) -> None:
    """Run [project].release, one command after the other; raise BadInputError for the first that fails."""
    for command in config.project.release:
        words = shlex.split(command)
        if application.is_own:
            await manage(env, *words)
            continue
        done = await processes.run_beside(application.command(*words), env=env, cwd=application.folder)
        lines = done.output.splitlines()
        for line in lines:
            say(line)
        if done.status != 0:
            raise BadInputError(f"project.release: `manage.py {command}` failed: {(lines or ['it said nothing'])[-1]}")


async def collect(application: Application, env: Mapping[str, str], say: Say) -> bool:
    """Collect a project's static files; tell whether hashed names went well. Raises BadInputError where none do."""
    said = ""
    for is_hashed in (True, False):
        told = {**env, "PARLEY_STATIC_HASHED": str(int(is_hashed))}
        command = application.command("collectstatic", "--noinput", "--verbosity=0")
        done = await processes.run_beside(command, env=told, cwd=application.folder)
        said = (done.output.splitlines() or ["it said nothing"])[-1]
        if done.status == 0:
            return is_hashed
        if is_hashed:
            say(f"static files keep their names, because collectstatic fails with hashed ones: {said}")
    raise BadInputError(f"`manage.py collectstatic` failed: {said}")


async def static(env: Mapping[str, str], layout: Layout) -> None:
    """Collect static files unless the app is the same as the last time. Old hashed names stay (pitfalls A11)."""
    stamp = layout.static.parent / "static.stamp"
    now = _fingerprint()
    if stamp.exists() and stamp.read_bytes() == now.encode() and (layout.static / MANIFEST).exists():
        return
    await manage(env, "collectstatic", "--noinput", "--verbosity=0")
    files.write(stamp, now)


def _fingerprint() -> str:
    """Digest the names, sizes and times of all that collectstatic may read: the app's files, and the lock's."""
    digest = hashlib.sha256(LOCK.read_bytes())
    for folder, _, names in sorted(os.walk(APP)):
        for name in sorted(name for name in names if not name.endswith(".pyc")):
            path = Path(folder, name)
            status = path.stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()
