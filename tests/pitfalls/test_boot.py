"""A: what stops a project at its start, or lets it start without sockets."""

import asyncio
import http.client
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect, unix_connect
from websockets.exceptions import InvalidStatus

from deploy.effects.client.http_client import HttpClient, guest
from parley_serving.protocol import PreparedProtocol
from parley_serving.worker import DrainingWorker
from tests.checkout import ROOT
from tests.pitfalls.pages import seen
from tests.pitfalls.serving import HERE, our_gunicorn, process, stock_uvicorn
from tests.running import RunningStack, free_port
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack

MEANT = """\
from stock.prepared import django_application  # must come first
from stock.people import User
from channels.routing import ProtocolTypeRouter

application = ProtocolTypeRouter({"http": django_application})
"""


def sort(path: Path) -> None:
    """Sort a file's imports as an editor does when it saves."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "I", "--fix", "-q", str(path)]
    subprocess.run([*command[:-1], "--no-cache", command[-1]], check=True, timeout=PATIENCE)


def boots(folder: Path) -> subprocess.CompletedProcess[str]:
    """Start gunicorn on the application in this folder, and stop it when it serves."""
    bind = f"127.0.0.1:{free_port()}"
    command = (sys.executable, "-m", "gunicorn", "-k", "uvicorn_worker.UvicornWorker", "-b", bind, "main:application")
    env: dict[str, Any] = {
        "PYTHONPATH": f"{HERE}:{folder}",
        "DJANGO_SETTINGS_MODULE": "stock.settings",  # as an image sets it
        "PYTHONDONTWRITEBYTECODE": "1",  # sorted within a second, the file has the size and time of its old bytecode
    }
    with process(*command, "--no-control-socket", cwd=folder, **env) as served:
        if "startup" in served.until("Application startup complete|Reason: Worker failed to boot"):
            served.process.terminate()
        return subprocess.CompletedProcess(command, served.end(), served.printed)


def test_a1_a_sorter_moves_the_import_up(tmp_path: Path) -> None:
    """The same file boots as it was written, and does not once its imports are sorted."""
    main = tmp_path / "main.py"
    main.write_text(MEANT)
    assert boots(tmp_path).returncode == 0
    sort(main)
    assert main.read_text().index("people") < main.read_text().index("prepared")
    done = boots(tmp_path)
    assert done.returncode == 3
    seen("A1", done.stdout)


def test_a1_ours_is_left_as_it_is(tmp_path: Path) -> None:
    """Sorted by the same tool, our asgi.py has not a byte changed."""
    ours = ROOT / "app" / "config" / "asgi.py"
    copy = Path(shutil.copy(ours, tmp_path / "asgi.py"))
    sort(copy)
    assert copy.read_bytes() == ours.read_bytes()


async def test_a2_without_a_library_the_handshake_is_a_page(tmp_path: Path) -> None:
    """Stock: 404 to the client, two lines in the log, and the server runs on as if nothing were."""
    port = free_port()
    command = (sys.executable, "-m", "stock.bare", "stock.asgi:application", "--port", str(port))
    with process(*command, port=port) as served:
        await served.prints("Uvicorn running on")
        with pytest.raises(InvalidStatus) as refused:
            async with connect(served.url):
                pass
        seen("A2", await served.prints("(?s).*No supported WebSocket.*"), str(refused.value))


def test_a2_ours_does_not_boot_without_a_library(tmp_path: Path) -> None:
    """The worker names a class, so that what is missing ends the start."""
    hide = (
        "import sys; sys.modules['websockets'] = None; sys.argv = sys.argv[1:]; "
        "from gunicorn.app.wsgiapp import run; run()"
    )
    command = (sys.executable, "-c", hide, "gunicorn", "-c", "gunicorn.conf.py", "config.asgi:application")
    with process(*command, cwd=ROOT / "app", PYTHONPATH="", PARLEY_ENV="local") as served:
        assert served.end() != 0
    assert "websockets" in served.printed.splitlines()[-1]


def test_a2_ours_names_the_class_that_speaks() -> None:
    """With `auto` what is installed decides: a handshake without a library would be a page again."""
    config = uvicorn.Config(lambda: None, **DrainingWorker.CONFIG_KWARGS)
    config.load()
    assert isinstance(DrainingWorker.CONFIG_KWARGS["ws"], type)
    assert config.ws_protocol_class is PreparedProtocol


def test_a2_ours_asks_for_a_library_by_name() -> None:
    """Not through an extra of uvicorn's alone, which may bring another one some day."""
    wanted = (ROOT / "requirements" / "serving.in").read_text()
    locked = (ROOT / "requirements" / "serving.txt").read_text()
    assert re.search(r"^websockets\b", wanted, re.MULTILINE)
    assert re.search(r"^websockets==", locked, re.MULTILINE)


async def test_a4_plain_django_takes_no_websocket() -> None:
    """Stock: `startproject`'s own application answers a handshake with 500 and a traceback."""
    with stock_uvicorn("stock.plain:application") as served:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(served.url):
                pass
        seen("A4", await served.prints("(?s).*Django can only handle.*"), str(refused.value))


async def test_a4_ours_routes_both(stack: RunningStack) -> None:
    """A page and a handshake, of one application."""
    assert (await HttpClient(stack.pinned(0)).get("/healthz")).status == 200
    cookie = await guest(stack.pinned(0), "Router")
    address = stack.pinned(0)
    headers = {"Cookie": cookie, "Origin": address.origin, **address.forwarded}
    way = unix_connect(str(address.path), uri=f"ws://{address.host}/ws/chat/", additional_headers=headers)
    async with way as connection, asyncio.timeout(PATIENCE):
        assert "welcome" in str(await connection.recv())


PROBE = "10.0.0.7"


def probe(port: int, path: str, host: str) -> tuple[int, bytes]:
    """Ask as a platform does: by plain http, under whatever name it knows."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    said = answer.status, answer.read()
    connection.close()
    return said


async def test_a8_a_probe_is_refused_by_its_host_or_sent_away() -> None:
    """Stock: a platform's probe asks by address and plain http, and is told 400, or 301 to where it cannot go."""
    told = []
    for env in ({}, {"STOCK_SSL_REDIRECT": "1"}):
        with stock_uvicorn(**env) as served:
            told += [(await asyncio.to_thread(probe, served.port, "/", host))[0] for host in (PROBE, "localhost")]
            if not env:
                seen("A8", await served.prints("(?s).*Invalid HTTP_HOST.*400 Bad Request.*"))
    assert told == [400, 200, 400, 301]


async def test_a8_ours_answers_a_probe_whatever_it_is_called(stack: RunningStack) -> None:
    """By address, by plain http, straight at the instance."""
    for path in ("/healthz", "/readyz"):
        reader, writer = await asyncio.open_unix_connection(stack.instances[0].socket)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {PROBE}\r\nConnection: close\r\n\r\n".encode())
        assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 200 ")
        writer.close()


def test_a8_ours_is_the_app_without_a_stack_too(tmp_path: Path) -> None:
    """No instance needs a database to say that it lives."""
    with our_gunicorn(tmp_path, PARLEY_DATABASE_URL="sqlite:////nowhere/none.sqlite3") as served:
        served.until("Booting worker")
        assert probe(served.port, "/healthz", PROBE) == (200, b"ok")
