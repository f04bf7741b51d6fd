"""compose/edge.sh with a real nginx: a pair is served once nginx has accepted it, and what was served before stays."""

import http.client
import os
import shutil
import signal
import ssl
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.stacks import certificate
from deploy.text import render
from tests.checkout import ROOT
from tests.deploy.operations.doctor import certificates
from tests.deploy.operations.doctor.certificates import Pair
from tests.running import free_port
from tests.waiting import PATIENCE, until

SCRIPT = ROOT / "compose" / "edge.sh"
PROGRAMS = {  # but openssl
    *("sh", "nginx", "cat", "cksum", "cp", "chmod", "date", "head"),
    *("ln", "mkdir", "mv", "readlink", "rm", "sed", "test"),
}

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not on PATH: install nginx-light")


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """Where somebody puts a pair."""
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """Where nginx reads one."""
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


def lay(folder: Path, first: bytes | None, key: bytes | None) -> None:
    """Put files there."""
    for name, content in {"certificate.pem": first, "key.pem": key}.items():
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).write_bytes(content)


def pair(folder: Path) -> Pair:
    """Read the pair."""
    return (folder / "certificate.pem").read_bytes(), (folder / "key.pem").read_bytes()


def take(given: Path, served: Path) -> tuple[int, str]:
    """Try once; give the exit status and what was said, without its time."""
    done = subprocess.run(["sh", SCRIPT, given, served], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr.partition("1#1: ")[2].strip()


def test_a_pair_that_fits_is_served(given: Path, served: Path) -> None:
    """And so is the next one; nobody but our user and group reads the keys, and the group does, whoever gave them."""
    for mode in (0o600, 0o644, 0o400):
        lay(given, *certificates.unknown())
        (given / "key.pem").chmod(mode)
        assert take(given, served) == (0, "")
        assert pair(served) == pair(given)
        assert stat.S_IMODE((served / "key.pem").stat().st_mode) == 0o640


def test_nginx_is_told_whether_the_certificate_is_an_authoritys(given: Path, served: Path, tmp_path: Path) -> None:
    """Of the one that it serves: one that is refused changes nothing, and a self-signed one takes it back."""
    lines = {True: [render.AUTHORITY], False: []}
    own = certificates.fresh(tmp_path)

    def told() -> list[str]:
        return [path.read_text() for path in (served / "now").glob("authority*.conf")]

    for first, key, is_an_authoritys in (
        (*own, False),
        (*certificates.unknown(), True),
        (*certificates.unknown(), True),
        (*own, False),
    ):
        lay(given, first, key)
        assert take(given, served) == (0, "")
        assert told() == lines[is_an_authoritys]
        assert certificate.is_an_authoritys(first) is is_an_authoritys
        lay(given, certificates.unknown()[0], key)
        assert take(given, served)[0] == 1
        assert told() == lines[is_an_authoritys]


def test_without_openssl_a_pair_is_served(given: Path, served: Path, tmp_path: Path) -> None:
    """And nginx is told nothing."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(str(shutil.which(name)))
    lay(given, *certificates.unknown())
    words: list[str | Path] = ["sh", SCRIPT, given, served]
    variables = {"PATH": str(programs)}
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert pair(served) == pair(given)
    assert not list((served / "now").glob("authority*.conf"))


def test_a_link_that_cannot_be_made_is_a_failure(given: Path, served: Path) -> None:
    """As where a copy of the folder followed its links: `now` is a folder then."""
    (served / "now" / "something").mkdir(parents=True)
    lay(given, *certificates.unknown())
    status, line = take(given, served)
    assert status == 1
    assert line.startswith(f"the pair in {given} is not served: mv: ")


def test_one_that_does_not_stays_outside(given: Path, served: Path) -> None:
    """Whatever is wrong with it is said in a line, and the one before it is still served."""
    good = certificates.unknown()
    lay(given, *good)
    take(given, served)
    first, key = certificates.unknown()
    wrong = {
        "key values mismatch": (first, good[1]),
        "cannot load certificate key": (first, certificates.encrypted(key)),
        "cp: ": (first, None),
        "cannot load certificate ": (b"", key),
    }
    for words, there in wrong.items():
        lay(given, *there)
        status, line = take(given, served)
        assert status == 1
        assert line.startswith(f"the pair in {given} is not served: ")
        assert words in line
        assert "\n" not in line
        assert pair(served) == good
        assert take(given, served) == (1, line), "else it would be said again each time"
    lay(given, first, key)
    assert take(given, served) == (0, "")
    assert pair(served) == (first, key)


@contextmanager
def edge(given: Path, served: Path, folder: Path) -> Iterator[int]:
    """Run it with a configuration, as the container does; give the port."""
    port = free_port()
    temp = "".join(f"{one}_temp_path {folder}/t;" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    pem = f"ssl_certificate {served}/certificate.pem; ssl_certificate_key {served}/key.pem;"
    server = f"server {{ listen 127.0.0.1:{port} ssl; {pem} }}"
    configuration = folder / "nginx.conf"
    configuration.write_text(f"daemon off; pid {folder}/pid; events {{}} http {{ access_log off; {temp} {server} }}\n")
    with (folder / "log").open("w") as log:
        words: list[str | Path] = ["sh", SCRIPT, given, served, configuration]
        process = subprocess.Popen(words, stderr=log, start_new_session=True)
        try:
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until_shown(port: int, wanted: bytes) -> None:
    """Wait until nginx shows this certificate."""
    deadline, shown = time.monotonic() + PATIENCE, ""
    while shown.encode() != wanted:
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)
        try:
            shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
        except OSError as error:
            shown = str(error)


def test_a_key_that_comes_later_is_read_and_a_restart_keeps_what_was_served(
    given: Path, served: Path, tmp_path: Path
) -> None:
    """A certificate whose key is not there yet is told once; nginx starts all the same."""
    good, new = certificates.unknown(), certificates.unknown()
    lay(given, *good)
    log = tmp_path / "log"
    with edge(given, served, tmp_path) as port:
        until_shown(port, good[0])
        lay(given, new[0], good[1])
        deadline = time.monotonic() + PATIENCE
        while "is not served" not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        until_shown(port, good[0])
    with edge(given, served, tmp_path) as port:
        until_shown(port, good[0])
        assert log.read_text().count("is not served") == 1
        lay(given, *new)
        until_shown(port, new[0])


def test_files_of_nginx_that_change_are_read_and_wrong_ones_are_named_once(
    given: Path, served: Path, tmp_path: Path
) -> None:
    """Whoever changed them; with wrong ones nginx serves on as before."""
    lay(given, *certificates.unknown())
    log, configuration = tmp_path / "log", tmp_path / "nginx.conf"

    def answer(port: int) -> bytes:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=ssl._create_unverified_context(), timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read()
        except OSError:
            return b""
        finally:
            connection.close()

    with edge(given, served, tmp_path) as port:
        text = configuration.read_text()
        for word in ("first", "second"):
            configuration.write_text(text.replace("ssl; ", f"ssl; return 200 {word}; "))
            until(lambda word=word: answer(port) == word.encode(), f"nginx answers {word}")  # type: ignore[misc]
        configuration.write_text("nonsense;")
        until(lambda: f"the files in {tmp_path} are not read: " in log.read_text(), "the wrong file is named")
        assert answer(port) == b"second"
        configuration.write_text(text.replace("ssl; ", "ssl; return 200 third; "))
        until(lambda: answer(port) == b"third", "nginx answers third")
        assert log.read_text().count("are not read") == 1


def test_shellcheck_finds_nothing() -> None:
    """For any POSIX shell."""
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not on PATH: install shellcheck")
    done = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True, check=False)
    assert done.stdout == ""
