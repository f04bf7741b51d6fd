"""What serves a project has Django beside it and requirements/serving.txt, and nothing else of ours."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed

from tests.checkout import APP, ROOT
from tests.waiting import PATIENCE

DJANGO = ("django", "asgiref", "sqlparse")
# A backend of Channels: whose settings name it has both.
NEEDS_MORE = {"parley_serving.pubsub": "hiredis"}

IMPORT_ALL = """
import importlib, json, pkgutil, parley_serving
from parley_serving.environment import WrongEnvironmentError
missing = {}
for module in pkgutil.walk_packages(parley_serving.__path__, "parley_serving."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        missing[module.name] = error.name
    except WrongEnvironmentError:
        pass  # a program: it imported what it needs, and then reads the variables
print(json.dumps(missing))
"""

GUNICORN = """
from parley_serving import logs
from parley_serving.worker import DrainingWorker

class Worker(DrainingWorker):
    drain_window = 0

worker_class = Worker
wsgi_app = "site_of_somebody:application"
logconfig_dict = logs.configuration(style="json", level="info")
control_socket_disable = True
"""
SITE = """
import django
from django.conf import settings
from parley_serving import databases
from parley_serving.health import Health
from parley_serving.ids import Ids

settings.configure(DATABASES={"default": databases.from_url("", pool=6)})
django.setup()

async def echo(scope, receive, send):
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})

application = Ids(Health(echo, start=lambda: None, metrics_port=0))
"""


def locked() -> list[str]:
    """The packages of requirements/serving.txt."""
    return re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / "serving.txt").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages as pip would fill it: links to those of this environment that are in the lock."""
    folder = tmp_path_factory.mktemp("bare")
    for name in (*locked(), *DJANGO):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (folder / top).symlink_to(str(found.locate_file(top)))
    return folder


def environment(bare: Path, *more: Path) -> dict[str, str]:
    """Nothing but these folders is searched: -S leaves out this environment's packages."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, (bare, APP, *more)))}


def test_the_lock_names_what_the_contract_does() -> None:
    """And what these need; no package of the chat's."""
    needed = {"gunicorn", "uvicorn", "uvicorn-worker", "websockets", "httptools", "uvloop", "prometheus-client"}
    assert set(locked()) == needed | {"click", "h11"}


def test_every_module_imports_beside_django_alone(bare: Path) -> None:
    """Before any settings: the process reads files for these first."""
    done = subprocess.run(
        [sys.executable, "-S", "-W", "error", "-c", IMPORT_ALL],
        env=environment(bare),
        cwd=bare,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == NEEDS_MORE


@pytest.fixture
def served(bare: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A gunicorn with our worker, which has nothing else to import, on a Unix socket."""
    (tmp_path / "site_of_somebody.py").write_text(SITE)
    (tmp_path / "gunicorn.conf.py").write_text(GUNICORN)
    command = [sys.executable, "-S", "-m", "gunicorn", "--bind", "unix:served.sock"]
    process = subprocess.Popen(
        command,
        env=environment(bare, tmp_path),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the worker too
        process.communicate(timeout=PATIENCE)


def lines(process: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    """What master and worker log; each line is JSON."""
    assert process.stderr is not None
    return map(json.loads, process.stderr)


async def test_a_worker_serves_beside_django_alone(served: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """Pages, a socket and a drain, with the ids and the metrics that a project gets."""
    logged = lines(served)
    async with asyncio.timeout(PATIENCE):
        await asyncio.to_thread(next, (line for line in logged if "Booting worker" in line["event"]))
        path = str(tmp_path / "served.sock")
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=path)) as client:
            ready = await client.get("http://site/readyz")
        assert ready.json()["checks"] == {"database": "ok", "layer": "none", "migrations": "ok", "draining": "no"}
        async with unix_connect(path, "ws://site/") as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            served.terminate()
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        events = await asyncio.to_thread(lambda: [line["event"] for line in logged])
    assert any(event.startswith("drain finished sockets=0") for event in events), events
    assert served.wait(PATIENCE) == 0
