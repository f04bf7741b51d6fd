"""What a host without a network installs from: the wheels of the lock, and those of projects, downloaded once."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.stacks import packages, requirements
from tests.checkout import ROOT

LOCK = ROOT / "requirements" / "run.txt"
KEPT = Path(os.environ.get("PARLEY_WHEELS", "/var/tmp/parley-wheels"))
PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_5", "manylinux1")


def wheels(python: str, project: Path | None = None) -> Path:
    """Return a folder with every wheel of the lock for a Python such as 3.13, and of a project's requirements."""
    lock = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    own = _kept(f"{lock}-{python}", [["--require-hashes", "-r", str(LOCK)]], python)
    if project is None:
        return own
    file = str(project)
    asked = [*requirements.serving(), packages.LAYER_PIN, packages.DATABASE_PIN]
    digest = hashlib.sha256("\n".join([lock, project.read_text(), *asked]).encode()).hexdigest()[:12]
    return _kept(f"{digest}-{python}", [["-r", file], asked], python, own)


def _kept(name: str, asked: Sequence[Sequence[str]], python: str, more: Path | None = None) -> Path:
    """Return the folder of this name; half a download is none."""
    folder = KEPT / name
    if folder.exists():
        return folder
    new = KEPT / f".{folder.name}.{os.getpid()}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", "--dest", str(new)]
    command += [f"--platform={platform}_x86_64" for platform in PLATFORMS]
    KEPT.mkdir(parents=True, exist_ok=True)
    try:
        if more:
            shutil.copytree(more, new)
        for words in asked:
            subprocess.run([*command, *words], check=True, capture_output=True, text=True, timeout=300)
        new.rename(folder)
    except subprocess.CalledProcessError as error:
        raise AssertionError(f"the wheels could not be downloaded: {error.stderr}") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder
