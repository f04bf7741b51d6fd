"""`up` under faults: what is killed comes back, what is stopped is gone, a second run finds the first one's things."""

import contextlib
import datetime as dt
import http.client
import json
import os
import re
import select
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import ROOT
from tests.deploy.operations.doctor import certificates
from tests.programs import bring_redis
from tests.running import free_port
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


def parley(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run another command to its end."""
    command = [sys.executable, "-P", "-m", "deploy", *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)


class Up:
    """One run of `up` in a folder of its own."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        self.folder = folder
        self.port = port
        self.arguments = ["up", "--port", str(port), "--dir", str(folder), *options]
        command = [sys.executable, "-P", "-m", "deploy", *self.arguments]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        bring_redis(folder)
        self.log = folder.parent / "up.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=env, start_new_session=True)

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "run" / "state.json").read_text()))

    def ready(self) -> None:
        """Wait until the run has written where it is."""
        self.until(lambda: self.process.poll() is not None or (self.folder / "run" / "state.json").exists())
        assert self.process.poll() is None, self.log.read_text()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition with a bound."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def pids(self) -> dict[str, int | None]:
        state = self.state
        own = {instance["name"]: instance["pid"] for instance in state["instances"]}
        return {"nginx": state["nginx_pid"], "redis": state["redis_pid"], **own}

    def processes(self) -> list[int]:
        """Everything that runs because of this folder: the holders of its inherited lock."""
        lock = (self.folder / "run" / "children.lock").stat()
        return [pid for pid in running() if (lock.st_dev, lock.st_ino) in open_files(pid)]

    def answers(self) -> bool:
        """Tell whether /readyz says yes through nginx; a 502 while the instances start is a no."""
        trust = ssl.create_default_context(cafile=str(self.folder / "tls" / "certificate.pem"))
        try:
            with urllib.request.urlopen(f"https://localhost:{self.port}/readyz", context=trust, timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def header(self, name: str, host: str) -> str | None:
        """Ask for a page under a host's name, and return a header of the answer."""
        connection = http.client.HTTPSConnection("localhost", self.port, context=ssl._create_unverified_context())
        with contextlib.closing(connection):
            connection.request("GET", "/readyz", headers={"Host": f"{host}:{self.port}"})
            return connection.getresponse().headers[name]


def running() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def open_files(pid: int) -> set[tuple[int, int]]:
    found = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            status = link.stat()
            found.add((status.st_dev, status.st_ino))
    except OSError:
        return found
    return found


def wait_end(pid: int) -> None:
    """Wait for a process that need not be ours."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], PATIENCE)[0]
    finally:
        os.close(handle)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place with a short path."""
    with tempfile.TemporaryDirectory(prefix="parley-up-") as name:
        yield Path(name) / "stack"


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Up]]:
    """Starts `up` in the folder, and ends whatever is left of it."""
    runs: list[Up] = []
    port = free_port()

    def begin(*options: str) -> Up:
        runs.append(Up(folder, port, *options))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.process.terminate()
            run.process.wait(PATIENCE)


def test_what_is_killed_comes_back_and_what_is_stopped_is_gone(start: Callable[..., Up], folder: Path) -> None:
    """Every process, killed with -9, is running again; and SIGTERM leaves no process and no socket."""
    up = start()
    up.ready()
    before = up.pids()
    for pid in before.values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    up.until(lambda: all(pid and pid != before[name] for name, pid in up.pids().items()))
    up.until(up.answers)

    second = parley(*up.arguments)
    assert second.returncode == 2
    assert second.stderr == f"parley: {folder} is in use: another `./parley up` runs there\n"

    assert up.processes() != []
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(PATIENCE) == 0
    assert up.processes() == []
    assert not list((folder / "run").glob("*.sock"))
    assert not (folder / "run" / "state.json").exists()


def test_nothing_outlives_a_killed_up_and_the_next_finds_its_things(start: Callable[..., Up], folder: Path) -> None:
    """kill -9 of `up` itself; the next run waits for what is still draining, and keeps key, certificate and rooms."""
    first = start("--instances", "1")
    first.ready()
    kept = [folder / "secret_key", folder / "tls" / "certificate.pem"]
    before = [path.read_bytes() for path in kept]
    left = [pid for pid in first.processes() if pid != first.process.pid]
    first.process.kill()
    first.process.wait()
    (folder / "run" / "state.json").unlink()
    (folder / "moving" / "given").mkdir(parents=True)  # of a killed move, with all rows in it
    second = start("--instances", "1")
    second.ready()
    for pid in left:
        wait_end(pid)
    assert second.answers()
    assert not (folder / "moving").exists()
    assert [path.read_bytes() for path in kept] == before
    with sqlite3.connect(folder / "parley.sqlite3") as database:
        assert database.execute("select count(*) from chat_room where slug = 'lobby'").fetchone() == (1,)
    database.close()


def test_an_interrupt_while_it_starts_stops_it(start: Callable[..., Up], folder: Path) -> None:
    """Ctrl-C needs no running stack."""
    up = start("--instances", "1")
    up.until((folder / "nginx" / "nginx.conf").exists)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(PATIENCE) in {0, 130}
    assert up.processes() == []


def test_a_drained_instance_ends_and_comes_back(start: Callable[..., Up], folder: Path) -> None:
    """`./parley drain web-1` returns when the old one has ended; `up` has started the next."""
    up = start()
    up.ready()
    old = up.pids()["web-1"]
    done = parley("drain", "web-1", "--dir", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"web-1 has drained and ended after \d+\.\d s\n", done.stdout)
    up.until(lambda: up.pids()["web-1"] not in {None, old})
    up.until(up.answers)


def test_a_pair_of_ones_own_is_served_and_stays(start: Callable[..., Up], folder: Path) -> None:
    """One of six days, for another name than localhost; the doctor finds nothing wrong with its dates."""
    first, key = certificates.unknown(dt.timedelta(days=5), "chat.example.com")
    (folder / "tls").mkdir(parents=True)
    for name, content in {"certificate.pem": first, "key.pem": key}.items():
        (folder / "tls" / name).write_bytes(content)
    up = start("--instances", "1")
    up.ready()
    assert ssl.get_server_certificate(("127.0.0.1", up.port)).encode() == first
    assert f"certificate: your own, {folder}/tls/certificate.pem" in up.log.read_text()
    assert up.header("strict-transport-security", "chat.example.com") == "max-age=31536000"
    assert up.header("strict-transport-security", "localhost") is None
    checks = ("certificate-lasts", "certificate-is-the-files", "hsts-as-modelled", "nginx-files-are-the-model")
    done = parley("doctor", *(word for check in checks for word in ("--only", check)), "--dir", str(folder))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    up.process.terminate()
    assert up.process.wait(PATIENCE) == 0
    assert [(folder / "tls" / name).read_bytes() for name in ("certificate.pem", "key.pem")] == [first, key]


def test_a_pair_that_cannot_be_served_is_refused(folder: Path) -> None:
    """In one line, before anything is made."""
    (folder / "tls").mkdir(parents=True)
    (folder / "tls" / "key.pem").write_bytes(certificates.unknown()[1])
    done = parley("up", "--port", str(free_port()), "--dir", str(folder))
    assert done.returncode == 2
    assert re.fullmatch(rf"parley: {folder}/tls/key.pem is there without certificate.pem: .*\n", done.stderr)
    assert [path.name for path in folder.rglob("*")] == ["tls", "key.pem"]
