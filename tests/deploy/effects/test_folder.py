"""The stack's folder: private, held by one `up`, and with sockets whose paths fit."""

import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.effects import files
from deploy.errors import BadInputError
from deploy.stacks import ports
from deploy.stacks.local import lock
from deploy.stacks.local.layout import SOCKET_PATH_BYTES, Layout


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's: that of pytest, in a run side by side, does not."""
    with tempfile.TemporaryDirectory(prefix="parley-") as name:
        yield Path(name)


def test_a_relative_folder_is_where_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children run elsewhere."""
    monkeypatch.chdir(tmp_path)
    assert Layout.at(Path("x/../y")).dir == tmp_path / "y"


def test_the_folder_is_private(tmp_path: Path) -> None:
    """It holds the key, the database and the sockets."""
    layout = Layout(tmp_path / "new" / "stack")
    layout.make()
    assert layout.dir.stat().st_mode & 0o777 == 0o700


def test_a_deep_folder_has_its_sockets_elsewhere(tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a private folder with the same name each time, gone when the run is over."""
    monkeypatch.setattr("tempfile.tempdir", str(short))
    layout = Layout(tmp_path / ("deep" * 30))
    layout.make()
    path = layout.sockets / "web-64.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert len(os.fsencode(path)) <= SOCKET_PATH_BYTES
    assert Layout(layout.dir).sockets == layout.sockets
    layout.clear_run()
    assert not layout.sockets.exists()


def test_a_socket_folder_that_others_may_enter_is_refused(
    tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name can be guessed by whoever else uses /tmp."""
    monkeypatch.setattr("tempfile.tempdir", str(short))
    layout = Layout(tmp_path / ("deep" * 30))
    layout.sockets.mkdir()
    layout.sockets.chmod(0o755)
    with pytest.raises(BadInputError, match="is not a private folder"):
        layout.make()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """--dir names a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="file cannot be created"):
        Layout(tmp_path / "file").make()


def test_a_second_holder_is_refused_and_one_after_is_not(tmp_path: Path) -> None:
    """One `up` per folder."""
    layout = Layout(tmp_path)
    layout.make()
    with lock.held(layout, patience=0):
        assert lock.is_running(layout)
        with pytest.raises(BadInputError, match="another"), lock.held(layout, patience=0):
            pass
    assert not lock.is_running(layout)
    with lock.held(layout, patience=0):
        pass


def test_what_a_killed_run_left_is_waited_for(tmp_path: Path) -> None:
    """A child holds the inherited lock until it ends; the next run does not start among them."""
    layout = Layout(tmp_path)
    layout.make()
    with lock.held(layout, patience=0) as inherited:
        left = os.dup(inherited)
    with pytest.raises(BadInputError, match="have not ended"), lock.held(layout, patience=0):
        pass
    os.close(left)
    with lock.held(layout, patience=0):
        pass


def test_a_port_in_use_is_named() -> None:
    """Before anything is made."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInputError, match=f"port {port} is in use on 127.0.0.1"):
            ports.available(("127.0.0.1",), port)
        with pytest.raises(BadInputError, match=f"port {port} is in use"):
            ports.metrics(port, 1)


def test_a_port_in_use_by_ipv6_alone_is_named() -> None:
    """By its address: the same port is free on the other family."""
    try:
        taken = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            BadInputError, match=f"^port {port} is in use on ::1 by process {os.getpid()}, .+: choose another$"
        ):
            ports.available(("127.0.0.1", "::1"), port)


def test_free_metrics_ports_are_distinct() -> None:
    """Asked for together."""
    assert len(set(ports.metrics(0, 8))) == 8


def test_a_write_is_whole_or_not_at_all(tmp_path: Path) -> None:
    """A reader never meets half of a file, and a failure leaves the old one and no litter."""
    target = tmp_path / "file"
    files.write(target, "old")
    with pytest.raises(UnicodeEncodeError):
        files.write(target, "new \ud800")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o600


def test_who_looks_whether_a_stack_runs_keeps_none_from_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`drain`, `manage` and `backup` look; an `up` that starts in that moment must not take them for another."""
    layout = Layout(tmp_path)
    layout.make()
    with lock.held(layout, patience=0):
        pass
    looked = threading.Event()
    close, sleep, first = os.close, time.sleep, iter([True])

    def run() -> None:
        with lock.held(layout, patience=1.0):
            pass

    def wait(seconds: float) -> None:
        looked.set()
        sleep(seconds)

    def start_another(descriptor: int) -> None:
        if next(first, False):  # the one that looks, right before it lets the lock go
            runs.append(starter.submit(run))
            runs[0].add_done_callback(lambda _: looked.set())
            assert looked.wait(10)
        close(descriptor)

    runs: list[Future[None]] = []
    monkeypatch.setattr(time, "sleep", wait)
    monkeypatch.setattr(os, "close", start_another)
    with ThreadPoolExecutor(1) as starter:
        assert not lock.is_running(layout)
        runs[0].result(10)
