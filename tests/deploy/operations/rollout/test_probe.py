"""The rollout's message, through instances that answer and instances that do not."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.effects.client.address import Address
from deploy.errors import StackError
from deploy.model.config import load
from deploy.operations.rollout import probe as probes
from deploy.operations.rollout.probe import Ticket, probe, through
from deploy.operations.rollout.steps import open_ticket
from tests.deploy.operations.rollout.fake import FakeStack
from tests.running import RunningStack, free_port
from tests.waiting import PATIENCE


def run_probe(here: Path, bind: str, ticket: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a stack does, with the ticket as its stdin."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "deploy", "probe", bind],
        env=os.environ | {"PYTHONPATH": str(here)},
        input=ticket,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.stack
async def test_a_message_comes_back_from_the_instance_that_is_asked(stack: RunningStack, here: Path) -> None:
    """Each instance by itself: both give a number of the same room's log."""
    given = json.loads(await stack.manage("probe"))
    ticket = json.dumps({"site": stack.url, **given})
    seqs = []
    for instance in stack.instances:
        done = await asyncio.to_thread(run_probe, here, f"unix:{instance.socket}", ticket)
        assert done.returncode == 0, done.stderr
        assert str(instance.socket) in done.stdout
        seqs.append(int(done.stdout.split("message ")[1].split()[0]))
    assert seqs[1] == seqs[0] + 1


@pytest.mark.stack
async def test_a_probe_that_is_not_let_in_fails(stack: RunningStack) -> None:
    """An instance that takes sockets and no messages is not ready for people."""
    address = stack.pinned(0)
    with pytest.raises(StackError, match="no message comes through"):
        await through(address, Ticket(site=stack.url, cookie="sessionid=wrong", room="_probe"))


def test_an_instance_that_is_not_there(here: Path) -> None:
    """One line, exit 1."""
    ticket = json.dumps({"site": "https://localhost", "cookie": "a=b", "room": "_probe"})
    done = run_probe(here, f"127.0.0.1:{free_port()}", ticket)
    assert done.returncode == 1
    assert done.stderr.startswith("parley: no message comes through: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("bind", "ticket"), [("nonsense", "{}"), ("unix:/x", "{}"), ("unix:/x", '{"site": 1}')])
def test_bad_input(here: Path, bind: str, ticket: str) -> None:
    """A bind or a ticket that is none is one line, exit 2."""
    done = run_probe(here, bind, ticket)
    assert done.returncode == 2
    assert done.stderr.startswith("parley: probe: ")


class Answering:
    """The socket of an instance that answers; it notes what it is asked."""

    def __init__(self) -> None:
        self.did: list[tuple[object, ...]] = []

    async def welcome(self) -> None:
        self.did.append(("welcome",))

    async def join(self, room: str) -> None:
        self.did.append(("join", room))

    async def echo(self, room: str, text: str) -> int:
        self.did.append(("echo", room, text))
        return 7


def test_what_a_probe_does_and_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way of a message, with the ticket's cookie, past nginx; and the seq that it came back with."""
    socket = Answering()

    @asynccontextmanager
    async def connect(address: Address, cookie: str) -> AsyncIterator[Answering]:
        socket.did.append(("connect", address.origin, address.path, cookie))
        yield socket

    ticket = json.dumps({"site": "https://localhost:8443/", "cookie": "sessionid=x", "room": "_probe"})
    monkeypatch.setattr(probes, "connect", connect)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(ticket.encode())))
    assert probe("unix:/run/web-1.sock") == "probe: message 7 came back from unix:/run/web-1.sock"
    assert socket.did == [
        ("connect", "https://localhost:8443", Path("/run/web-1.sock"), "sessionid=x"),
        ("welcome",),
        ("join", "_probe"),
        ("echo", "_probe", "probe"),
    ]


def test_an_instance_is_dialled_without_tls() -> None:
    """Past nginx there is none, whatever the site's URL says; the Host and the Origin stay the site's."""
    site = Address.at("https://chat.example.com")
    for way in (site.bound("unix:/run/x.sock"), site.bound("[::1]:8000"), site.bound("127.0.0.1:8000")):
        assert way.is_believed
        assert way.tls is None
        assert way.origin == site.origin
        assert way.forwarded["X-Forwarded-Proto"] == "https"
    assert site.bound("[::1]:8000").via == ("::1", 8000)
    assert site.through("127.0.0.1", 1).tls is not None


def test_a_project_s_named_sockets_are_asked_too(tmp_path: Path) -> None:
    """Each once, after the prefixes: below one there may be no consumer at all."""
    config = load({"project": {"sockets": ["/ws/"], "drill": {"sockets": ["/ws/a/", "/ws/"]}, "hooks": {"probe": ""}}})
    ticket = json.loads(open_ticket(FakeStack(tmp_path, config=config), "any"))
    assert ticket == {"site": "https://localhost:8443/", "health": "", "sockets": ["/ws/", "/ws/a/"]}
    asked = json.loads(open_ticket(FakeStack(tmp_path, config=config), "any", ["/"]))
    assert asked == ticket | {"pages": ["/"]}
