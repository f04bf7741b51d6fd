"""docs/limits.md, every limit in one table: `PYTHONPATH=app:. .venv/bin/python -m tests.docs.limits`.

What is refused is told here; the numbers and their reasons come from the three `limits.py` and from parley.toml.
"""

import ast
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.checkout import ROOT

PAGE = ROOT / "docs" / "limits.md"
PACKAGES = ("parley_serving", "accounts", "chat")  # each has its own: what one may import, it may not know
HEAD = """\
# Limits

Written by `PYTHONPATH=app:. python -m tests.docs.limits` from the three `limits.py` of the app and from parley.toml:
change those. Each number has its reason there.

Numbers of parley.toml are written with a dot and can be changed by an operator; the others are constants of the code. A
frame that is refused has no log line of its own, because a flood of frames must not become one of lines: the metric
counts it, and a socket that goes on is closed, with a line. nginx writes the 429 into its access log, and has no
metrics. An address is an IPv4 address, or the /64 of an IPv6 address.

## What is refused

"""


class Row(NamedTuple):
    """One limit that refuses: `numbers` are constants of a limits.py, or keys of parley.toml with a dot."""

    what: str
    per: str
    numbers: str
    answer: str
    metric: str
    line: str = ""  # of the app's log, `…` for what differs


FLOODED = "a socket is closed for flooding: …"
REFUSED = "`parley_refused_total{code}`"
TURNED_AWAY = "`parley_turned_away_total{limit}`"
WAITS = "too many wait: limit=… address=… waiting=…"
LOCKED = "a log-in is locked: too many tries of …"
BAN = "no new guest is let in: address=… is that of person …, who is banned"
NGINX = "429, by nginx"
ROWS = (
    Row("pages and forms", "address", "nginx.pages_per_second nginx.pages_burst", NGINX, ""),
    Row("pages and forms under way", "address", "nginx.pages_per_address", NGINX, ""),
    Row("handshakes", "address", "nginx.handshakes_per_second nginx.handshakes_burst", NGINX, ""),
    Row("open sockets", "address", "nginx.sockets_per_address", NGINX, ""),
    Row("pages that wait", "instance", "PAGES_WAITING", "503, `Retry-After`", TURNED_AWAY, WAITS),
    Row("pages that wait", "address, instance", "PAGES_WAITING_PER_ADDRESS", "503, `Retry-After`", TURNED_AWAY, WAITS),
    Row(
        "open sockets",
        "instance; person; address",
        "app.sockets app.sockets_per_user app.sockets_per_address",
        "close 1013",
        TURNED_AWAY,
        "a socket is refused, too many are open: person … address=…",
    ),
    Row(
        "bytes of a frame",
        "frame",
        "app.frame_bytes",
        "close 1009",
        "`parley_malformed_total`",
        "a socket is closed for what it sent: …",
    ),
    Row(
        "frames that are parsed, of any opcode",
        "socket",
        "CONTROL_PER_SECOND CONTROL_BURST",
        "close 4429",
        "`parley_flooded_total`",
        FLOODED,
    ),
    Row(
        "fragments of a message",
        "message",
        "FRAGMENTS EMPTY_FRAGMENTS",
        "close 4429",
        "`parley_flooded_total`",
        FLOODED,
    ),
    Row("frames of the chat", "socket", "app.frames_per_second app.burst", "`rate_limited`", REFUSED),
    Row("the same, in times of one socket", "person, instance", "PERSON_TIMES", "`rate_limited`", REFUSED),
    Row(
        "frames refused in a row",
        "socket",
        "FLOOD_FRAMES",
        "close 4429",
        "`parley_flooded_total`",
        "a socket is closed for flooding: … frames refused in a row",
    ),
    Row(
        "handshakes after closes with 4429",
        "session, instance",
        "FLOODS_AT_ONCE FLOOD_AGAIN_SECONDS HELD_SECONDS",
        "429, after a second",
        "`parley_handshakes_refused_total`",
        "handshake refused: … …",
    ),
    Row("frames that are no JSON", "socket", "BAD_FRAMES", "`bad_frame`, then close 1007", REFUSED),
    Row("rooms", "socket", "ROOMS_PER_SOCKET", "`not_allowed`", REFUSED),
    Row("characters of a message", "message", "TEXT_CHARACTERS", "`too_long`", REFUSED),
    Row(
        "messages read",
        "person, instance",
        "ROWS ROWS_PER_SECOND",
        "`rate_limited`",
        REFUSED,
        "person … reads too many messages and is refused for now",
    ),
    Row(
        "claims of a lost history",
        "person, room",
        "CLAIMS_PER_PERSON CLAIM_SECONDS",
        "`rate_limited`",
        REFUSED,
        "room …: person … claims too often that its log lost entries",
    ),
    Row(
        "claims of a lost history",
        "room",
        "CLAIMS CLAIM_SECONDS",
        "`rate_limited`",
        REFUSED,
        "room …: person … claims too often that its log lost entries",
    ),
    Row(
        "rooms made",
        "person",
        "ROOMS_A_DAY DAY_SECONDS",
        "429",
        REFUSED,
        "user … made … of … within a day: one more is refused",
    ),
    Row(
        "people let into rooms",
        "person",
        "MEMBERS_A_DAY DAY_SECONDS",
        "429",
        REFUSED,
        "user … made … of … within a day: one more is refused",
    ),
    Row(
        "log-ins and log-outs that wait for their session",
        "instance",
        "SESSIONS_WAITING",
        "`unavailable`",
        REFUSED,
        "too many wait for their session: …",
    ),
    Row("log-ins that wait", "instance", "LOG_INS_WAITING", "503, `Retry-After`; `unavailable`", TURNED_AWAY, WAITS),
    Row(
        "log-ins that wait",
        "address, instance",
        "LOG_INS_WAITING_PER_ADDRESS",
        "503, `Retry-After`; `unavailable`",
        TURNED_AWAY,
        WAITS,
    ),
    Row(
        "sign-ups that wait",
        "instance; address",
        "SIGN_UPS_WAITING SIGN_UPS_WAITING_PER_ADDRESS",
        "503, `Retry-After`",
        TURNED_AWAY,
        WAITS,
    ),
    Row(
        "guests that wait",
        "instance; address",
        "GUESTS_WAITING GUESTS_WAITING_PER_ADDRESS",
        "503, `Retry-After`",
        TURNED_AWAY,
        WAITS,
    ),
    Row(
        "wrong passwords",
        "username, address",
        "TRIES_PER_PERSON TRY_SECONDS",
        "400; `rate_limited`",
        TURNED_AWAY,
        LOCKED,
    ),
    Row(
        "wrong passwords",
        "username, browsers in which its person came in",
        "TRIES_PER_PERSON TRY_SECONDS",
        "the try counts for the address",
        "",
    ),
    Row(
        "wrong passwords, from where the person is new",
        "username",
        "TRIES_PER_USERNAME TRY_SECONDS",
        "400; `rate_limited`",
        TURNED_AWAY,
        LOCKED,
    ),
    Row(
        "wrong passwords, of people who are new there",
        "address",
        "TRIES_PER_ADDRESS TRY_SECONDS",
        "400; `rate_limited`",
        TURNED_AWAY,
        LOCKED,
    ),
    Row(
        "people made: guests, sign-ups, log-outs of sockets",
        "address",
        "PEOPLE_PER_ADDRESS PEOPLE_SECONDS",
        "429, `Retry-After`; close 4401",
        TURNED_AWAY,
        "nobody new is let in: address=… made … people",
    ),
    Row("new guests after a ban", "address", "BANNED_ADDRESS_SECONDS", "403", REFUSED, BAN),
    Row(
        "new people after a ban",
        "browser",
        "BROWSER_PEOPLE BROWSER_SECONDS",
        "403",
        REFUSED,
        "nobody new is let in from the browser of person …, who is banned",
    ),
)


def constants(package: str) -> dict[str, tuple[Any, str]]:
    """Return each constant of a package's limits.py with its value and its reason."""
    source = (ROOT / "app" / package / "limits.py").read_text()
    lines, found = source.splitlines(), {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = " ".join(lines[node.lineno - 1 : node.end_lineno])
            value = eval(compile(ast.Expression(node.value), "limits", "eval"), {"__builtins__": {}})
            found[node.targets[0].id] = (value, text.partition("  # ")[2].removesuffix(")").strip())
    return found


def number(name: str) -> str:
    """Write a number with its name."""
    if "." in name:
        section, key = name.split(".")
        return f"`{name}` {tomllib.loads((ROOT / 'parley.toml').read_text())[section][key]}"
    [value] = [found[name][0] for found in map(constants, PACKAGES) if name in found]
    return f"`{name}` {value}"


def named() -> set[str]:
    """Return every number that a row has."""
    return {name for row in ROWS for name in row.numbers.split()}


def text() -> str:
    """Write the page."""
    return HEAD + "\n".join([*_refusals(), "", *_others()]) + "\n"


def _refusals() -> Iterator[str]:
    yield "| what is counted | per | numbers | answer to one more | metric | log line |"
    yield "|---|---|---|---|---|---|"
    for row in ROWS:
        numbers = ", ".join(map(number, row.numbers.split()))
        line = f"`{row.line}`" if row.line else ""
        yield f"| {row.what} | {row.per} | {numbers} | {row.answer} | {row.metric} | {line} |"


def _others() -> Iterator[str]:
    yield "## All constants"
    for package in PACKAGES:
        yield f"\n### app/{package}/limits.py\n\n| constant | number | why |\n|---|---|---|"
        for name, (value, why) in constants(package).items():
            yield f"| `{name}` | {value} | {why} |"


if __name__ == "__main__":
    PAGE.write_text(text())
