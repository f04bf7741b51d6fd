"""What the sandbox refuses is one line that names the key; any other error keeps its traceback."""

from pathlib import Path

import pytest

from tests.app.parley_serving.project.projects import command, written

READ_ONLY = "notes/a.txt is read-only: name its folder in project.sandbox.write of parley.toml"
ALONE = "project.sandbox.internet of parley.toml is false, so no other host is reached"
LOGGED = """
import _socket, errno, logging, os, socket, sys, urllib.error, urllib.request
log = logging.getLogger("mysite")
def tried(act):
    try:
        try:
            act()
        except OSError as found:
            raise RuntimeError("a library's own") from found
    except RuntimeError:
        log.exception("Internal Server Error: %s", "/a/")
def refuse(error):
    def act():
        raise error
    tried(act)
def look_up(host, *_):
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
_socket.getaddrinfo = look_up
refuse(OSError(errno.EROFS, os.strerror(errno.EROFS), "notes/a.txt"))
refuse(OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)))
tried(lambda: socket.create_connection(("site.invalid", 80)))
try:
    urllib.request.urlopen("http://site.invalid/")
except urllib.error.URLError:
    log.exception("Internal Server Error: %s", "/b/")
print("-", file=sys.stderr)
refuse(OSError(errno.EACCES, os.strerror(errno.EACCES), "notes/a.txt"))
print("-", file=sys.stderr)
tried(lambda: socket.create_connection(("redis", 6379)))
print("-", file=sys.stderr)
refuse(OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)))
"""
READ_ONLY_ERROR = "OSError(errno.EROFS, os.strerror(errno.EROFS), 'notes/a.txt')"
ENDED = "import errno, os; raise OSError(errno.{0}, os.strerror(errno.{0}), 'notes/a.txt')"
BUG = f"""
import errno, logging, os
try:
    raise {READ_ONLY_ERROR}
except OSError:
    try:
        {{}}["a bug"]
    except KeyError:
        logging.exception("Internal Server Error: /a/")
    raise KeyError("another bug")
"""
WRONG = f"""
import errno, logging, os
try:
    raise {READ_ONLY_ERROR}
except OSError:
    logging.exception("%s and %s", "one")
print("goes on")
"""
THREAD = f"""
import errno, os, threading
def write():
    raise {READ_ONLY_ERROR}
def other():
    raise KeyError("a bug")
for one in (write, other):
    started = threading.Thread(target=one)
    started.start()
    started.join()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with programs that log, and two that end with an error."""
    programs = {"logged": LOGGED, "refused": ENDED.format("EROFS"), "other": ENDED.format("EACCES")}
    more = {"bug": BUG, "wrong": WRONG, "thread": THREAD}
    return written(tmp_path / "project", mysite__settings="", **programs, **more)


def test_what_is_logged(project: Path) -> None:
    """Whatever raised it, and whatever shape the line has; a host of the stack's own that is away is no refusal."""
    said, *others = command(project, "logged.py", PARLEY_INTERNET="0").stderr.split("-\n")
    assert said.splitlines() == [
        f"Internal Server Error: /a/: {READ_ONLY}",
        f"Internal Server Error: /a/: Network is unreachable: {ALONE}",
        f"Internal Server Error: /a/: Temporary failure in name resolution: {ALONE}",
        f"Internal Server Error: /b/: Temporary failure in name resolution: {ALONE}",
    ]
    assert len(others) == 3
    for one in others:
        assert one.splitlines()[:2] == ["Internal Server Error: /a/", "Traceback (most recent call last):"]
    open_to_all = command(project, "logged.py", PARLEY_INTERNET="1").stderr
    assert READ_ONLY in open_to_all
    assert "sandbox.internet" not in open_to_all


def test_without_a_sandbox_nothing_is_shortened(project: Path) -> None:
    """As under `up`."""
    assert "sandbox" not in command(project, "logged.py").stderr
    assert "Traceback" in command(project, "refused.py").stderr


def test_a_bug_after_one_keeps_its_traceback(project: Path) -> None:
    """It was raised while the refusal was handled, and not for it."""
    said = command(project, "bug.py", PARLEY_INTERNET="0").stderr
    assert "KeyError: 'a bug'" in said
    assert said.endswith("KeyError: 'another bug'\n")


def test_a_wrong_line_does_not_raise_into_the_program(project: Path) -> None:
    """Nor does it without us."""
    done = command(project, "wrong.py", PARLEY_INTERNET="0")
    assert (done.returncode, done.stdout) == (0, "goes on\n")
    assert "--- Logging error ---" in done.stderr


def test_what_ends_a_thread(project: Path) -> None:
    """The line alone; a bug keeps its traceback."""
    line, *rest = command(project, "thread.py", PARLEY_INTERNET="0").stderr.splitlines()
    assert line == READ_ONLY
    assert rest[-1] == "KeyError: 'a bug'"


def test_what_ends_a_process(project: Path) -> None:
    """The line alone, and an exit status."""
    done = command(project, "refused.py", PARLEY_INTERNET="1")
    assert (done.returncode, done.stderr) == (1, f"{READ_ONLY}\n")
    other = command(project, "other.py", PARLEY_INTERNET="1")
    assert other.returncode == 1
    assert "Traceback" in other.stderr
