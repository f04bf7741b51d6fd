"""A clone on a machine whose git changes line ends: the shell, nginx and Docker read what was committed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.waiting import PATIENCE


def git(*words: str, cwd: Path = ROOT) -> bytes:
    """Run git with nobody's settings."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "safe.directory=*", *words]  # the checkout may be somebody else's
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, check=True, timeout=PATIENCE).stdout


@pytest.mark.parametrize("setting", ["autocrlf=true", "autocrlf=input", "eol=crlf"])
def test_no_clone_gets_other_line_ends(setting: str, tmp_path: Path) -> None:
    """`git -c core.autocrlf=true clone`, which is what Git for Windows does: no file has a CR, and it starts."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("no clone of git here")
    # What is here now, committed or not, in a repository of its own.
    source, clone = tmp_path / "source", tmp_path / "clone"
    for name in git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().split("\0"):
        if name and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    me = ("-c", "user.name=me", "-c", "user.email=me@localhost")
    git("init", "--quiet", cwd=source)
    git("add", "--all", cwd=source)
    git(*me, "commit", "--quiet", "--message=all", cwd=source)
    git("-c", f"core.{setting}", "clone", "--quiet", str(source), str(clone), cwd=tmp_path)
    changed = [
        str(path.relative_to(clone))
        for path in clone.rglob("*")
        if path.is_file()
        and ".git" not in path.parts
        and path.read_bytes() != (source / path.relative_to(clone)).read_bytes()
    ]
    assert changed == []
    assert b"\r" not in (clone / "parley").read_bytes()
    subprocess.run(["sh", "-n", str(clone / "parley")], check=True, timeout=PATIENCE)
