"""G, L2, L3, D: gunicorn, uvicorn and how they end."""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient, guest
from deploy.effects.client.websocket_client import connect as our_socket
from deploy.text.environment import instance
from tests.checkout import ROOT
from tests.pitfalls.pages import seen
from tests.pitfalls.serving import (
    hung_up,
    in_this_loop,
    listens,
    our_gunicorn,
    process,
    redis,
    stock_gunicorn,
    until,
)
from tests.pitfalls.stock import told
from tests.running import RunningStack, free_port
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack


async def which(connection: ClientConnection) -> int:
    """Return the pid of the process behind a socket of the stock room."""
    await connection.send(json.dumps({"echo": "who?"}))
    async with asyncio.timeout(PATIENCE):
        return int(json.loads(await connection.recv())["pid"])


async def get(port: int, path: str = "/") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        answered = await reader.read()
    writer.close()
    return answered


@pytest.mark.parametrize(
    ("identity", "worker"),
    [("G2", "uvicorn_worker.UvicornWorker"), ("L3", "stock.hopeful.Worker")],
    ids=["g2-stock", "l3-obvious-fix"],
)
async def test_g2_l3_a_cleanup_that_hangs_is_ended_by_the_timeout(identity: str, worker: str) -> None:
    """Stock: after HUP the old worker waits for its consumers until gunicorn's `timeout`, whatever else is set."""
    options = ("--timeout", "4", "--graceful-timeout", "1")
    with stock_gunicorn(*options, worker=worker, STOCK_HANGS="1") as served:
        async with connect(served.url) as socket:
            old = await which(socket)
            served.process.send_signal(signal.SIGHUP)
            await hung_up(socket)
        await served.prints(rf"WORKER TIMEOUT \(pid:{old}\)")
        if identity == "G2":
            seen("G2", served.printed)
        else:
            seen("L3", served.printed)


async def test_g4_max_requests_takes_the_sockets_along() -> None:
    """Stock: five pages, and everybody's socket is closed."""
    with stock_gunicorn("--max-requests", "5") as served:
        async with connect(served.url) as socket:
            await which(socket)
            for _ in range(5):
                await get(served.port)
            seen("G4", await hung_up(socket), await served.prints("(?s).*Maximum request limit.*"))


async def test_g4_ours_has_no_such_limit(stack: RunningStack) -> None:
    """A hundred pages, and the socket is the same."""
    address = stack.pinned(0)
    async with our_socket(address, await guest(address, "Stays")) as socket:
        await socket.welcome()
        for _ in range(100):
            assert (await HttpClient(address).get("/healthz")).status == 200
        await socket.join("lobby")


async def test_g6_a_killed_worker_leaves_ghosts() -> None:
    """Stock: nobody runs disconnect(); the group lists who is gone for a day."""
    with redis() as own, stock_gunicorn(STOCK_REDIS=str(own)) as served:
        async with connect(served.url) as socket:
            os.kill(await which(socket), signal.SIGKILL)
            said = await hung_up(socket)
        seen("G6", said, await served.prints("(?s).*was sent SIGKILL.*"))
        async with client.Redis(unix_socket_path=str(own)) as direct:
            assert await direct.zcard("asgi:group:room") == 1


async def test_g7_whoever_is_up_takes_them_all() -> None:
    """Stock: of two workers one is busy while 20 come; it gets none, and none moves when it is back."""
    with stock_gunicorn("-w", "2", "--timeout", "60") as served:
        await until(lambda: len(served.children) == 2)
        await served.prints("Application startup complete", 2)
        frozen = served.children[0]
        os.kill(frozen, signal.SIGSTOP)
        async with AsyncExitStack() as exits:
            sockets = [await exits.enter_async_context(connect(served.url)) for _ in range(20)]
            os.kill(frozen, signal.SIGCONT)
            assert {await which(socket) for socket in sockets} == set(served.children) - {frozen}


async def test_g7_ours_are_spread_by_count(stack: RunningStack) -> None:
    """nginx counts open sockets over all instances."""
    async with AsyncExitStack() as exits:
        cookie = await guest(stack.address, "Counted")
        instances = []
        for _ in range(20):
            socket = await exits.enter_async_context(our_socket(stack.address, cookie))
            instances.append((await socket.welcome())["instance"])
        assert len(set(instances)) == 2
        assert min(instances.count(name) for name in set(instances)) >= 8, "but for some that are just being closed"


FORWARDED = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: %s\r\n\r\n"


async def test_g11_over_a_unix_socket_nobody_is_trusted(tmp_path: Path) -> None:
    """Stock: https and the address are lost; with `*` both are there."""
    answers = []
    for number, options in enumerate(({}, {"forwarded_allow_ips": "*"})):
        path = tmp_path / f"web-{number}.sock"
        async with in_this_loop(told.application, path=path, **options):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(FORWARDED % b"203.0.113.9")
            answers.append((await asyncio.wait_for(reader.read(), PATIENCE)).rpartition(b"\r\n\r\n")[2])
            writer.close()
    assert answers == [b"http None", b"https 203.0.113.9"]


async def test_g11_ours_believes_nginx_over_its_socket(tmp_path: Path) -> None:
    """Our settings, with the variables that an instance is given: both are there."""
    env: dict[str, Any] = instance("web-1", tmp_path / "web.sock", "") | {"PARLEY_ENV": "local"}
    command = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "stock.told:application")
    with process(*command, cwd=ROOT / "app", **env) as served:
        await served.prints("Booting worker")
        reader, writer = await asyncio.open_unix_connection(tmp_path / "web.sock")
        writer.write(FORWARDED % b"203.0.113.9")
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
    assert answer.rpartition(b"\r\n\r\n")[2] == b"https 203.0.113.9"


async def test_g12_trusting_everybody_trusts_the_visitor() -> None:
    """Stock over TCP: by default the proxy's word is dropped; with `*` the visitor's own word wins."""
    answers = []
    for believed in ("192.0.2.1", "*"):
        async with in_this_loop(told.application, forwarded_allow_ips=believed) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            writer.write(FORWARDED % b"6.6.6.6, 198.51.100.7")
            answers.append((await asyncio.wait_for(reader.read(), PATIENCE)).rpartition(b"\r\n\r\n")[2])
            writer.close()
    assert answers == [b"http 127.0.0.1", b"https 6.6.6.6"]


async def test_g19_files_run_out() -> None:
    """Stock: 64 files, and more who come. uvloop drops them without a line; asyncio's own loop says what it is."""
    said = []
    for loop in ("uvloop", "asyncio"):
        port = free_port()
        command = (sys.executable, "-m", "uvicorn", "stock.asgi:application", "--port", str(port), "--loop", loop)
        with process("prlimit", "--nofile=64", *command, port=port) as served:
            await served.prints("Uvicorn running on")
            visitors = [await asyncio.open_connection("127.0.0.1", port) for _ in range(80)]
            if loop == "asyncio":
                said.append(await served.prints("(?s).*Too many open files.*"))
            else:
                with pytest.raises(WebSocketException) as refused:
                    await connect(served.url)
                said.append(str(refused.value))
                assert "Too many" not in served.printed
            for _, writer in visitors:
                writer.close()
    seen("G19", *said)


def migrated(folder: Path) -> None:
    """Make the database of our_gunicorn."""
    env = os.environ | {"PARLEY_ENV": "local", "PARLEY_DATABASE_URL": f"sqlite:///{folder}/parley.sqlite3"}
    command = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity=0"]
    subprocess.run(command, cwd=ROOT / "app", env=env, check=True, timeout=PATIENCE)


NUMBERS = {"PARLEY_DRAIN_SECONDS": "2", "PARLEY_CLOSE_SECONDS": "1", "PARLEY_UVICORN_GRACEFUL_SECONDS": "1"}


@pytest.mark.parametrize(("graceful", "finished"), [("1", False), ("30", True)], ids=["too short", "as the rule says"])
async def test_l2_the_times_add_up(tmp_path: Path, graceful: str, finished: bool) -> None:
    """gunicorn kills a drain that takes longer than its own patience, ends with 0, and says nothing."""
    migrated(tmp_path)
    with our_gunicorn(tmp_path, PARLEY_GRACEFUL_SECONDS=graceful, **NUMBERS) as served:
        await asyncio.to_thread(listens, served.port)
        address = Address.at(f"http://127.0.0.1:{served.port}")
        async with our_socket(address, await guest(address, "Stays")) as socket:
            await socket.welcome()
            served.process.terminate()
            said = await hung_up(socket.connection)
        assert served.end() == 0
        assert ("drain finished" in served.printed) is finished
        assert ("1012" in said) is finished, said
        if not finished:
            seen("L2", said)


async def test_d1_a_shell_in_between_keeps_the_signal() -> None:
    """Stock: `CMD gunicorn …; …` in the shell form. The shell ends, the server hears nothing."""
    port = free_port()
    python = shlex.quote(sys.executable)  # a checkout may lie in a path with a space
    line = f"{python} -m gunicorn -k uvicorn_worker.UvicornWorker -b 127.0.0.1:{port} --no-control-socket"
    with process("sh", "-c", f"{line} stock.asgi:application; true", port=port) as served:
        await served.prints("Application startup complete")
        async with connect(served.url) as socket:
            served.process.terminate()
            await asyncio.to_thread(served.process.wait, PATIENCE)
            assert await which(socket), "it chats on: only SIGKILL will end it"
        assert "Handling signal" not in served.printed


def test_d1_ours_has_no_shell() -> None:
    """The exec form in the image, and lists in the compose file."""
    (command,) = re.findall(r"^CMD (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert json.loads(command)[0] == "python"
    assert "ENTRYPOINT" not in (ROOT / "Dockerfile").read_text()
    compose = (ROOT / "docker-compose.prod.yml").read_text()
    web = compose.split("\n  web:\n", 1)[1].split("\n\n", 1)[0]
    assert "entrypoint" not in web


async def test_d2_killed_while_it_ends() -> None:
    """Stock: a container that is still ending after its grace is killed, as Docker does after 10 s."""
    with stock_gunicorn("--graceful-timeout", "30", "--timeout", "60", STOCK_HANGS="1") as served:
        async with connect(served.url) as socket:
            await which(socket)
            served.process.terminate()
            await served.prints("Handling signal: term")
            await hung_up(socket)
            await served.prints("Waiting for (background tasks|connections)|Waiting for")
            assert served.process.poll() is None, "its grace is over, and it is not"
            served.process.kill()
            assert served.process.wait(PATIENCE) == -signal.SIGKILL


def test_d2_ours_waits_longer_than_gunicorn_does() -> None:
    """The rendered grace is above gunicorn's own patience."""
    compose = (ROOT / "docker-compose.prod.yml").read_text()
    web = compose.split("\n  web:\n", 1)[1]
    (grace,) = re.findall(r"stop_grace_period: (\d+)s", web.split("\n\n", 1)[0])
    (graceful,) = set(re.findall(r'PARLEY_GRACEFUL_SECONDS: "?(\d+)', compose))
    assert int(grace) > int(graceful)
