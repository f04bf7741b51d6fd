"""The websocket's opening request and answer: the same header bytes for every peer."""

import base64
import os
import re
from typing import NamedTuple

from deploy.operations.bench.load.plan import Plan

OFFER = "permessage-deflate; client_max_window_bits"  # what browsers offer
END = b"\r\n\r\n"
MOST_BYTES = 65_536


class Opened(NamedTuple):
    """The answer to the request, and what came behind it."""

    status: int
    deflate: bool
    takeover: bool
    rest: bytes


def request(plan: Plan, path: str, cookie: str) -> bytes:
    """Write the request of one member."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {plan.host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Origin: {plan.origin}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        f"Cookie: {cookie}",
        # As nginx adds them: an instance trusts them over its unix socket.
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: https",
    ]
    if plan.browser:
        lines.append(f"Sec-WebSocket-Extensions: {OFFER}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def answer(data: bytes) -> Opened | None:
    """Read the answer; None while it is not complete; raises ValueError for what is no HTTP."""
    head, end, rest = data.partition(END)
    if not end:
        if len(data) > MOST_BYTES:
            raise ValueError("the answer to a handshake has no end")
        return None
    match = re.match(rb"HTTP/1\.1 (\d{3})", head)
    if match is None:
        raise ValueError(f"no HTTP answer: {head[:60]!r}")
    extensions = re.search(rb"\r\nsec-websocket-extensions:([^\r]*)", head, re.IGNORECASE)
    chosen = extensions.group(1).lower() if extensions else b""
    return Opened(
        int(match.group(1)), b"permessage-deflate" in chosen, b"server_no_context_takeover" not in chosen, rest
    )
