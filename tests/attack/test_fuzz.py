"""Frames, bytes and forms of every kind, through the real servers over PostgreSQL: no 500, no 1011, no traceback."""

import itertools
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, example, given, seed, settings
from hypothesis import strategies as st

from tests.attack.forms import Fields, Forms, pages, routes
from tests.attack.requests import Request, requests
from tests.attack.steps import Step, conversations
from tests.attack.visitors import Visitors
from tests.attack.wire import PING, Gone, WebSocket, framed, header
from tests.docs.test_wire import first_cells
from tests.postgres import named, running_cluster
from tests.running import RunningStack, changed_checkout, running_stack

MINUTES = float(os.environ.get("FUZZ_MINUTES", "0"))  # of each test, with fresh seeds; 0: once
CONVERSATIONS = 200  # and requests: together about a minute on an idle machine of two cores
REQUESTS = 500
# Not nginx's errors, which are resets too; nor Django's about what it refused with 400.
WRONG = re.compile(r"Traceback \(most recent|^web-\S+ .*\[(?:error|critical) *\](?!.*\[django\.security\.)")
INTERNAL_ERROR = 1011
CLOSES = {int(code) for code in first_cells("Close codes") if code != "code"} - {INTERNAL_ERROR}
UNFINISHED = [  # a frame that promises more than comes: nothing after it is answered, only the server's ping ends it
    Step(data=framed(PING, b"", says=125), wild=True, whole=False),
    Step(frame={"type": "history", "room": "lobby", "before": "$seq"}),
]
NO_FIELD = Request(way=0, visitor="admin", method="POST", path="/admin/auth/group/1/change/", query="_to_field=")

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600 + 2 * 60 * MINUTES)]


@dataclass
class Site:
    """A stack with one instance, whose log is read on."""

    stack: RunningStack
    visitors: Visitors
    read: int = 0  # lines of the log

    def look(self) -> None:
        """Let the instance write a line, and see whether one before it is a fault."""
        mark = f"fence-{self.read}.example"
        address = self.stack.pinned(0)
        lines = header(address, Origin=f"https://{mark}", Upgrade="websocket", Connection="Upgrade")
        lines += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        with address.dial(30) as connection:
            connection.sendall(f"GET /ws/chat/ HTTP/1.1\r\n{lines}\r\n".encode())
            assert b" 403 " in connection.recv(100)

        def found() -> int:
            new = itertools.islice(self.stack.lines, self.read, None)
            return next((number for number, line in enumerate(new, 1) if mark in line), 0)

        with self.stack.printed:
            number = self.stack.printed.wait_for(found, 30)
        assert number, "the instance writes no line any more"
        written = self.stack.lines[self.read : self.read + number]
        self.read += number
        assert not [line for line in written if WRONG.search(line)], "".join(written)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A stack over a PostgreSQL, which refuses what SQLite stores; with a person, a room and a closed room."""
    folder = tmp_path_factory.mktemp("fuzz")
    with running_cluster() as cluster:
        root = changed_checkout(folder / "checkout", named(cluster), ("parley.toml", "pool = 6 ", "pool = 8 "))
        with running_stack(folder / "stack", "--instances", "1", root=root) as stack:
            visitors = Visitors(stack, cluster)
            visitors.make()
            site = Site(stack, visitors)
            pids = stack.instances[0].workers()
            yield site
            assert stack.instances[0].workers() == pids, "the worker died"


def fuzz(check: Callable[..., Any], examples: int) -> None:
    """Check so many examples, or as many as fit into FUZZ_MINUTES with a fresh seed each time."""
    phases = [Phase.explicit, Phase.generate]
    if MINUTES:
        phases.append(Phase.shrink)  # slow: a server remembers
    bound = settings(max_examples=examples, phases=phases, database=None)(check)
    if not MINUTES:
        bound()
        return
    until = time.monotonic() + 60 * MINUTES
    while time.monotonic() < until:
        number = random.randrange(2**32)
        print(f"seed {number}")  # noqa: T201 (what a report of a finding needs)
        seed(number)(bound)()


def test_frames_and_bytes(site: Site) -> None:
    """Each conversation goes on to the answer of a last ping, or ends with a close code of the protocol."""

    @given(conversation=conversations(), way=st.booleans(), visitor=st.sampled_from(("guest", "guest", "person")))
    @example(conversation=UNFINISHED, way=False, visitor="guest")
    def check(conversation: list[Step], way: bool, visitor: str) -> None:
        socket = site.visitors.opened(visitor, site.stack.address if way else site.stack.pinned(0))
        with socket.connection:
            code = said(socket, conversation)
            site.look()
            code = code or socket.closed()
        if code:
            site.visitors.doubtful.add(visitor)
        assert code != INTERNAL_ERROR
        assert not code or code in CLOSES or any(step.wild for step in conversation), code

    fuzz(check, CONVERSATIONS)


def said(socket: WebSocket, conversation: list[Step]) -> int:
    """Write the steps, and wait for the answer to a last ping where the server can read one; give the close code."""
    is_whole = True  # what was written so far: the server reads what comes next
    try:
        for number, step in enumerate(conversation):
            if is_whole and step.asks():
                socket.settle(f"before {number}")  # what it needs to know is told
            head, seq = socket.last("head", 0), socket.last("seq", 1)
            learned = {"$epoch": socket.last("epoch", ""), "$head": head, "$beyond": head + 1000, "$seq": seq}
            socket.write(step.written(learned))
            is_whole = is_whole and step.whole
        if is_whole:
            socket.settle("last")
    except Gone as gone:
        return gone.code
    return 0


def test_requests(site: Site) -> None:
    """Every form of the site, as everybody: answered, and never with a 500."""
    forms = found_forms(site)
    assert {"accounts/login/", "rooms/", "admin/accounts/user/<path:object_id>/change/"} <= forms.keys()

    @given(request=requests(forms))
    @example(request=NO_FIELD)
    def check(request: Request) -> None:
        status, text = site.visitors.ask(request)
        site.look()
        assert 200 <= status < 500, text[-2000:]

    fuzz(check, REQUESTS)


def found_forms(site: Site) -> dict[str, Fields]:
    """Read the forms of every page, as each visitor."""
    forms: dict[str, Fields] = {route: {} for route in routes()}
    for visitor in ("nobody", "guest", "person", "admin"):
        for path in pages():
            status, text = site.visitors.ask(Request(way=1, visitor=visitor, method="GET", path=path))
            assert status < 500, (path, text[-2000:])
            Forms(path, forms).feed(text)
    return {route: fields for route, fields in forms.items() if not route.endswith("(?P<url>.*)$")}
