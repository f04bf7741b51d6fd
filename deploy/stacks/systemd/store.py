"""The Redis that keeps what a project gives it: its port and its password, made once, in the file that it reads."""

import secrets
import socket
from pathlib import Path

from deploy.effects import files
from deploy.stacks.secret_key import KEY_BYTES
from deploy.text.systemd.places import Places

LOOPBACK = "127.0.0.1"


def make(path: Path) -> None:
    """Write it, with a port that nobody has now."""
    with socket.create_server((LOOPBACK, 0)) as found:
        port = found.getsockname()[1]
    lines = {"bind": LOOPBACK, "port": port, "requirepass": secrets.token_urlsafe(KEY_BYTES)}
    files.write(path, "".join(f"{name} {value}\n" for name, value in lines.items()))


def url(at: Places) -> str:
    """Return its address; empty where there is none."""
    if not at.store_conf.is_file():
        return ""
    lines = at.store_conf.read_text(encoding="utf-8").splitlines()
    said = dict(line.split(" ", 1) for line in lines if " " in line)
    return f"redis://:{said['requirepass']}@{LOOPBACK}:{said['port']}/0"
