"""Asks an instance for /readyz over its unix socket."""

import http.client
import socket
import time
from pathlib import Path

from deploy.errors import StackError
from deploy.model.config import Config
from deploy.stacks.systemd import systemctl
from deploy.text.systemd.places import Places

ATTEMPT_SECONDS = 5.0
READY_SECONDS = 90.0
PAUSE = 0.1


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ATTEMPT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ATTEMPT_SECONDS)
        self.sock.connect(str(self._path))


def ready(at: Places, number: int) -> bool:
    """Tell whether an instance says that it is ready."""
    connection = _Connection(at.socket(number))
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait(at: Places, config: Config) -> None:
    """Wait until every instance is ready; raises StackError with the last lines of the first that is not in time."""
    deadline = time.monotonic() + READY_SECONDS
    for number in range(1, config.app.instances + 1):
        while not ready(at, number):
            if time.monotonic() > deadline:
                lines = systemctl.last_lines(at.unit(number))
                raise StackError("\n".join([f"web-{number} was not ready within {READY_SECONDS:g} s", *lines]))
            time.sleep(PAUSE)
