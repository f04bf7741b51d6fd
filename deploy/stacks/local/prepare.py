"""What the app needs before it can run: database, first room, static files."""

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy import files, runner
from deploy.config import ROOT
from deploy.errors import BadInputError, StackError
from deploy.stacks.local.layout import Layout

APP = ROOT / "app"
LOCK = ROOT / "requirements" / "app.txt"
MANIFEST = "staticfiles.json"


def require(layout: Layout) -> None:
    """Raise BadInputError for a folder in which no stack was made: it may be mistyped, and is not made now."""
    if not layout.secret_key.exists():
        raise BadInputError(f"nothing has been made in {layout.dir} yet: run `./parley up` first")


async def manage(env: Mapping[str, str], *arguments: str) -> None:
    """Run a command of Django's manage.py; raise StackError with what it said."""
    done = await runner.run_beside([sys.executable, "manage.py", *arguments], env=env, cwd=APP)
    if done.status != 0:
        said = f"\n{done.output}" if "\n" in done.output else f" {done.output}"
        raise StackError(f"manage.py {' '.join(arguments)} failed:{said}")


async def database(env: Mapping[str, str]) -> None:
    """Bring the database to the newest schema, and make the first room if there is none."""
    await manage(env, "migrate", "--noinput", "--verbosity=0")
    await manage(env, "bootstrap")


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
