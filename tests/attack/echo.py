"""An application that returns every message, behind the worker of a copy of this checkout."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.pitfalls.serving import listens, process
from tests.running import changed_checkout, free_port

PATH = "/ws/echo/"
LARGEST = 16 * 1024 * 1024  # Autobahn's largest message
CHANGES = (
    ("parley.toml", "frame_bytes = 65536 ", f"frame_bytes = {LARGEST} "),
    (  # a message of 16 MiB in pieces of 64 bytes is more frames than anybody may send
        "app/parley_serving/server.py",
        "budget = Budget.above(frames_per_second=env.frames_per_second, burst=env.burst, frame_bytes=env.frame_bytes)",
        "budget = Budget(1e9, 1e9, 1_000_000)",
    ),
    (
        "app/config/asgi.py",
        "chat: Any = Handshake(ChatConsumer.as_asgi())\n",
        """chat: Any = Handshake(ChatConsumer.as_asgi())


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        try:
            await send({**event, "type": "websocket.send"})
        except OSError:  # the client went away
            return


""",
    ),
    (
        "app/config/asgi.py",
        '                path("ws/chat/", chat),\n',
        '                path("ws/chat/", chat),\n                path("ws/echo/", echo),\n',
    ),
)


def echoing_checkout(folder: Path) -> Path:
    """Copy what runs of this checkout, with the echo under PATH beside the chat."""
    return changed_checkout(folder, *CHANGES)


@contextlib.contextmanager
def echo_past_nginx(root: Path) -> Iterator[str]:
    """Run one gunicorn of such a checkout on a port, as the stacks do, and give its address."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    command = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "config.asgi:application")
    with process(
        *command,
        cwd=root / "app",
        port=port,
        PYTHONPATH="",
        PATH=os.environ["PATH"],
        PARLEY_ENV="local",
        PARLEY_BIND=address,
        PARLEY_ORIGINS=f"http://{address}",
        PARLEY_LAYER_URL="none://",
        PARLEY_FRAME_BYTES=str(LARGEST),
    ):
        listens(port)
        yield f"http://{address}"
