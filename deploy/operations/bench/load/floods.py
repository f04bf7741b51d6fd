"""Every flood: what one connection of an attacker does until it is refused, and how many a client has at once."""

import base64
import os
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from deploy.operations.bench.load.elsewhere import elsewhere
from deploy.operations.bench.load.frames import CLOSE, CONTINUATION, FIN, OPCODE, PING, PONG, TEXT, Parser, masked
from deploy.operations.bench.load.honest import ROOM
from deploy.operations.bench.load.plan import Attack, Plan
from deploy.operations.bench.options import HONEST, LONG

UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
END = b"\r\n\r\n"
REFUSALS = (OSError, HTTPException, ValueError)  # the connection, the answer or what is in it
SECONDS = 30.0  # that an attacker waits for an answer: longer than any measurement
STUCK_SECONDS = 1.0  # then nobody reads any more what it writes, and it comes again
BINARY = 0x2
FRAMES = 2_000  # written at once: 14 kB, so that the attacker spends its time in the kernel
FEW, MANY = 4, 40  # connections of a client: two to each instance; below every limit of one address
PAGES = 50  # of each kind on one connection: nginx closes it after 1000
UNREAD = 100  # pages of history that a slow reader asks for: 10 MB that somebody has to keep
BUFFER = 4096  # of the kernel, for who does not read
PASSWORD = "correct horse battery"  # noqa: S105 (of nobody)


class Client:
    """One attacker: an address of its own, a person with a session, and connections that block."""

    def __init__(self, plan: Plan, attack: Attack, number: int) -> None:
        self.address = elsewhere(plan, attack.port)
        self.cookie = plan.cookies[HONEST + number]

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """Connect with TLS."""
        with self.address.dial(SECONDS) as connection:
            yield connection

    def ask(self, connection: socket.socket, method: str, path: str, cookie: str, body: str = "") -> HTTPResponse:
        """Send a request and read the answer to it; a fault of the server is no answer, and ends the run."""
        self.send(connection, f"{method} {path}", f"Cookie: {cookie}", body=body)
        response = HTTPResponse(connection, method=method)
        response.begin()
        response.read()
        if response.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RuntimeError(f"{method} {path} is answered {response.status}")
        return response

    def send(self, connection: socket.socket, what: str, *lines: str, body: str = "", origin: str = "") -> None:
        """Send a request."""
        named = {"Host": self.address.host, "Origin": origin or self.address.origin, **self.address.forwarded}
        if body:
            named |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        head = [f"{what} HTTP/1.1", *lines, *(f"{name}: {value}" for name, value in named.items())]
        connection.sendall("\r\n".join([*head, "", body]).encode())

    def post(self, connection: socket.socket, path: str, **fields: str) -> HTTPResponse:
        """Send a form; the token of CSRF is whatever the cookie says."""
        token = secrets.token_hex(16)
        form = urlencode({**fields, "csrfmiddlewaretoken": token})
        return self.ask(connection, "POST", path, f"csrftoken={token}", form)

    def shake(self, connection: socket.socket, *lines: str, cookie: str = "", origin: str = "") -> bytes:
        """Ask for a socket, and read to the end of the answer's head and what came with it."""
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = [*UPGRADE, f"Sec-WebSocket-Key: {key}", f"Cookie: {cookie or self.cookie}"]
        self.send(connection, "GET /ws/chat/", *upgrade, *lines, origin=origin)
        read = b""
        while END not in read:
            if not (more := connection.recv(65_536)):
                raise ConnectionError("cut")
            read += more
        return read

    @contextmanager
    def opened(self, cookie: str = "") -> Iterator["Opened"]:
        """Have a socket; raises ConnectionError where the handshake is refused."""
        with self.connected() as connection:
            answer = self.shake(connection, cookie=cookie)
            if b" 101 " not in answer.partition(b"\r\n")[0]:
                raise ConnectionError("refused")
            yield Opened(connection, answer.partition(END)[2])


class Opened:
    """A socket of an attacker."""

    def __init__(self, connection: socket.socket, unread: bytes) -> None:
        self.connection = connection
        self._unread = unread
        self._feed = Parser().feed

    def write(self, **frame: object) -> None:
        """Send one frame of the protocol."""
        self.connection.sendall(masked(TEXT, msgspec.json.encode(frame)))

    def is_closed(self) -> bool:
        """Read what is there by now; tell whether the end is in it."""
        patience = self.connection.gettimeout()
        self.connection.settimeout(0)
        try:
            while data := self._unread or self.connection.recv(65_536):
                self._unread = b""
                if any(first & OPCODE == CLOSE for first, _ in self._feed(data)):
                    return True
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            self.connection.settimeout(patience)
        return True

    def until(self, *types: str) -> dict[str, object]:
        """Read on to a frame of one of these types; raises ConnectionError where the server closes."""
        while data := self._unread or self.connection.recv(65_536):
            self._unread = b""
            for first, payload in self._feed(data):
                if first & OPCODE == CLOSE:
                    raise ConnectionError("closed")
                if first == TEXT and (frame := msgspec.json.decode(payload))["type"] in types:
                    return frame  # type: ignore[no-any-return]  # an object, as protocol.md has it
        raise ConnectionError("cut")


class Flood(NamedTuple):
    """What one connection does, over and over; and how many connections a client has."""

    attack: Callable[[Client], None]
    connections: int = FEW


def frames(client: Client, opcode: int, payload: bytes = b"", start: bytes = b"") -> None:
    """Write the same frame until the server closes, after one that begins a message."""
    data = masked(opcode, payload) * FRAMES
    with client.opened() as opened:
        opened.connection.settimeout(STUCK_SECONDS)
        opened.connection.sendall(start)
        while not opened.is_closed():
            opened.connection.sendall(data)


def handshakes(client: Client) -> None:
    """Come in and go."""
    with client.opened():
        pass


def refused(client: Client) -> None:
    """Shake hands with 130 headers, and from another site: the library refuses the one, the app the other."""
    with client.connected() as connection:
        client.shake(connection, *["X-H: 1"] * 130)
    with client.connected() as connection:
        client.shake(connection, origin="https://elsewhere.example")


def history(client: Client) -> None:
    """Read the longest pages, one after the other."""
    with client.opened() as opened:
        while True:
            opened.write(type="history", room=ROOM, before=LONG, limit=200)
            opened.until("history", "error")


def joins(client: Client) -> None:
    """Resume from the beginning, again and again."""
    with client.opened() as opened:
        opened.write(type="join", room=ROOM)
        epoch = opened.until("joined")["epoch"]
        while True:
            opened.write(type="join", room=ROOM, after=1, epoch=epoch)
            opened.until("joined", "error")


def pages(client: Client) -> None:
    """Load the list of rooms and the page of one."""
    with client.connected() as connection:
        for path in ("/", f"/rooms/{ROOM}/") * PAGES:
            client.ask(connection, "GET", path, client.cookie)


def sign_ups(client: Client) -> None:
    """Become somebody new, with a password to hash."""
    with client.connected() as connection:
        name = f"flood-{secrets.token_hex(6)}"
        passwords = {"password1": PASSWORD, "password2": PASSWORD}
        client.post(connection, "/accounts/signup/", username=name, name="Flood", **passwords)


def guests(client: Client) -> None:
    """Become a guest, in a new browser each time."""
    with client.connected() as connection:
        client.post(connection, "/accounts/guest/", name="Flood")


def log_outs(client: Client) -> None:
    """Come as a guest, and log out again and again: each makes another guest."""
    with client.connected() as connection:
        answer = client.post(connection, "/accounts/guest/", name="Flood")
    cookies = [value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie") or []]
    session = next((cookie for cookie in cookies if cookie.startswith("sessionid=")), "")
    if not session:
        raise ValueError(f"no guest: {answer.status}")
    with client.opened(session) as opened:
        opened.until("welcome")
        while True:
            opened.write(type="logout")
            opened.until("welcome", "error")


def slow_readers(client: Client) -> None:
    """Be in the room, ask for everything, and read nothing."""
    with client.opened() as opened:
        opened.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        opened.write(type="join", room=ROOM)
        for _ in range(UNREAD):
            opened.write(type="history", room=ROOM, before=LONG, limit=200)
        time.sleep(SECONDS)


FLOODS = {
    "text": Flood(partial(frames, opcode=TEXT, payload=b'{"type":"ping"}')),
    "binary": Flood(partial(frames, opcode=FIN | BINARY, payload=b"x")),
    "close": Flood(partial(frames, opcode=FIN | CLOSE)),
    "ping": Flood(partial(frames, opcode=FIN | PING)),
    "pong": Flood(partial(frames, opcode=FIN | PONG)),
    "continuation": Flood(partial(frames, opcode=FIN | CONTINUATION)),
    "empty": Flood(partial(frames, opcode=TEXT)),
    "fragments": Flood(partial(frames, opcode=CONTINUATION, payload=b"x", start=masked(TEXT & ~FIN, b"x"))),
    "handshakes": Flood(handshakes),
    "refused": Flood(refused),
    "history": Flood(history, MANY),
    "joins": Flood(joins, MANY),
    "pages": Flood(pages, MANY),
    "sign-ups": Flood(sign_ups, MANY),
    "guests": Flood(guests, MANY),
    "log-outs": Flood(log_outs, MANY),
    "slow-readers": Flood(slow_readers, MANY),
}
