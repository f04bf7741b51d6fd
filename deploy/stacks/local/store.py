"""The Redis that keeps what a project gives it (queues, sessions, a cache): the layer's may lose everything."""

import secrets
from pathlib import Path

from deploy.effects import files
from deploy.stacks.local.layout import Layout
from deploy.stacks.secret_key import KEY_BYTES

FILE = "redis.conf"


def ensure(layout: Layout, port: int) -> None:
    """Write its configuration; the password is made once, for what was stored outlasts a start."""
    files.make_folder(layout.store)
    if not _password(layout).exists():
        files.write(_password(layout), secrets.token_urlsafe(KEY_BYTES))
    lines = {
        "port": str(port),
        "bind": "127.0.0.1",
        "requirepass": _read(layout),
        "appendonly": "yes",
        "dir": f'"{layout.store}"',
        "loglevel": "warning",
    }
    files.write(layout.store / FILE, "".join(f"{name} {value}\n" for name, value in lines.items()))


def url(layout: Layout, port: int) -> str:
    """Return its address; empty where there is none."""
    return f"redis://:{_read(layout)}@127.0.0.1:{port}/0" if port else ""


def _password(layout: Layout) -> Path:
    return layout.store / "password"


def _read(layout: Layout) -> str:
    return _password(layout).read_text(encoding="ascii")
