"""What a host without a network installs from: the wheels of the lock, downloaded once."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.checkout import ROOT

LOCK = ROOT / "requirements" / "run.txt"
KEPT = Path(os.environ.get("PARLEY_WHEELS", "/var/tmp/parley-wheels"))
PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_5", "manylinux1")


def wheels(python: str) -> Path:
    """Return a folder with every wheel of the lock for a Python such as 3.13; half a download is none."""
    lock = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    folder = KEPT / f"{lock}-{python}"
    if folder.exists():
        return folder
    new = KEPT / f".{folder.name}.{os.getpid()}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", "--dest", str(new)]
    command += [f"--platform={platform}_x86_64" for platform in PLATFORMS]
    KEPT.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run([*command, "-r", str(LOCK)], check=True, capture_output=True, text=True, timeout=300)
        new.rename(folder)
    except subprocess.CalledProcessError as error:
        raise AssertionError(f"the wheels could not be downloaded: {error.stderr}") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder
