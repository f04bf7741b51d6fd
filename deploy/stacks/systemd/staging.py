"""A release under /opt: what ships of a checkout, an environment of its own, its static files."""

import os
import secrets
import shutil
import sys
from pathlib import Path

from deploy.effects import commands, files
from deploy.errors import StackError
from deploy.model.release import shipped
from deploy.text import environment
from deploy.text.systemd import places

# Debian's own: 3.11 or newer on 12 and on 13. Not the checkout's, which may lie in somebody's home.
PYTHON = "/usr/bin/python3"
LOCK = "requirements/run.txt"


def stage(source: Path, folder: Path, release: str, wheels: Path | None) -> None:
    """Make a release's folder; what an earlier attempt left there is removed first. Raises StackError."""
    files.remove(folder)
    folder.mkdir(mode=0o755)
    try:
        copy(source, folder)
        install(source, folder / ".venv", wheels)
        collect(folder)
    except BaseException:
        files.remove(folder)
        raise
    files.write(folder / places.STAMP, f"{release}\n", 0o644)  # last: without it the folder is no release


def staged(folder: Path) -> bool:
    """Tell whether a release is whole."""
    return (folder / places.STAMP).is_file()


def copy(source: Path, folder: Path) -> None:
    """Copy what ships, for everybody to read and for root alone to write."""
    for path in shipped(source):
        target = folder / path.relative_to(source)
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o644)


def install(source: Path, venv: Path, wheels: Path | None) -> None:
    """Make Parley's environment from a checkout's lock: each file is checked against its hash."""
    env = {**environment.clean(os.environ), "PIP_ROOT_USER_ACTION": "ignore"}
    commands.output([PYTHON, "-I", "-m", "venv", "--without-pip", str(venv)], env=env)  # nothing of this folder
    pip = [sys.executable, "-I", "-m", "pip", "--python", str(venv / "bin" / "python"), "install", "--quiet"]
    pip += ["--no-input", "--disable-pip-version-check", "--no-cache-dir", "--require-hashes", "--only-binary=:all:"]
    if wheels := wheels or brought(source):
        pip += ["--no-index", "--find-links", str(wheels)]
    done = commands.run([*pip, "-r", str(source / LOCK)], env=env)
    if done.status != 0:
        raise StackError(f"pip could not install requirements/run.txt:\n{done.output}")


def brought(source: Path) -> Path | None:
    """Return the wheels that lie in a checkout, for a host without a network."""
    return source / "wheels" if (source / "wheels").is_dir() else None


def collect(folder: Path) -> None:
    """Collect the static files, and compile what nobody may write beside later."""
    app = folder / "app"
    env = environment.clean(os.environ) | {
        "PARLEY_ENV": "production",
        "PARLEY_SECRET_KEY": secrets.token_hex(32),  # for this one command: production does not load without (A11)
        "PARLEY_HOSTS": "build",
        "PARLEY_ORIGINS": "https://build",
        "PARLEY_DATABASE_URL": "sqlite://",
        "PARLEY_LAYER_URL": "none://",
        "PARLEY_STATIC_ROOT": str(folder / places.COLLECTED),
    }
    python = str(folder / places.PYTHON)
    commands.output([python, "-m", "compileall", "-q", "app", "deploy"], env=env, cwd=folder)
    commands.output([python, "manage.py", "collectstatic", "--noinput", "--verbosity=0"], env=env, cwd=app)
