"""What the sandbox refuses is one line that names the key; any other error keeps its traceback."""

from pathlib import Path

import pytest

from tests.app.parley_serving.project.projects import command, written

READ_ONLY = "notes/a.txt is read-only: name its folder in project.sandbox.write of parley.toml"
ALONE = "project.sandbox.internet of parley.toml is false, so no other host is reached"
LOGGED = """
import errno, logging, os, socket
log = logging.getLogger("mysite")
def refuse(error):
    try:
        try:
            raise error
        except OSError as found:
            raise RuntimeError("a library's own") from found
    except RuntimeError:
        log.exception("Internal Server Error: %s", "/a/")
refuse(OSError(errno.EROFS, os.strerror(errno.EROFS), "notes/a.txt"))
refuse(OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)))
refuse(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
refuse(OSError(errno.EACCES, os.strerror(errno.EACCES), "notes/a.txt"))
"""
ENDED = "import errno, os; raise OSError(errno.{0}, os.strerror(errno.{0}), 'notes/a.txt')"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a program that logs, and two that end with an error."""
    programs = {"logged": LOGGED, "refused": ENDED.format("EROFS"), "other": ENDED.format("EACCES")}
    return written(tmp_path / "project", mysite__settings="", **programs)


def test_what_is_logged(project: Path) -> None:
    """Whatever raised it, and whatever shape the line has; where nothing is refused, nothing is said of it."""
    lines = command(project, "logged.py", PARLEY_INTERNET="0").stderr.splitlines()
    assert lines[:3] == [
        f"Internal Server Error: /a/: {READ_ONLY}",
        f"Internal Server Error: /a/: Network is unreachable: {ALONE}",
        f"Internal Server Error: /a/: Temporary failure in name resolution: {ALONE}",
    ]
    assert lines[3:5] == ["Internal Server Error: /a/", "Traceback (most recent call last):"]
    open_to_all = command(project, "logged.py").stderr
    assert READ_ONLY in open_to_all
    assert "sandbox.internet" not in open_to_all


def test_what_ends_a_process(project: Path) -> None:
    """The line alone, and an exit status."""
    done = command(project, "refused.py")
    assert (done.returncode, done.stderr) == (1, f"{READ_ONLY}\n")
    other = command(project, "other.py")
    assert other.returncode == 1
    assert "Traceback" in other.stderr
