"""Projects of somebody else under `up`: a copy in a folder of its own, with a parley.toml, and what is run on it."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.checkout import ROOT

PROJECTS = ROOT / "tests" / "projects"
COMMAND_SECONDS = 100  # within a test's own time
TOML = """
[site]
name = "tutorial"
[project]
asgi = "mysite.asgi:application"
settings = "mysite.settings"
"""


def copied(name: str, folder: Path, toml: str = TOML) -> Path:
    """Copy a project, and write its parley.toml beside its manage.py."""
    shutil.copytree(PROJECTS / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "parley.toml").write_text(toml, encoding="utf-8")
    return folder


def digest(folder: Path) -> str:
    """Digest the names and the contents of all that a folder holds."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(str(path.relative_to(folder)).encode() + b"\0")
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


def parley(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "deploy", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=COMMAND_SECONDS,
        check=False,
    )
