"""A whole drill on a server that has nothing to break: workload, fault, checker, and what is left when one fails."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.websocket_client import Frame
from deploy.errors import BadInputError, StackError
from deploy.operations.drill.faults import FAULTS, Fault, Scene, client, database
from deploy.operations.drill.faults import redis as redis_faults
from deploy.operations.drill.faults.nginx import reload_nginx
from deploy.operations.drill.faults.worker import the_worker
from deploy.operations.drill.report import lines
from deploy.operations.drill.run import Workload, drill, run
from tests.deploy.operations.drill.fake import Fake, Peer
from tests.deploy.operations.drill.front import Front, front_of

SMALL = Workload(clients=4, rate=20, seconds=1.0, seed=7, least=20)


@dataclass
class FakeStack:
    """A stack without processes."""

    address: Address
    database: Path | None
    redis_socket: Path | None = None

    async def names(self) -> tuple[str, ...]:
        return ("web-1",)

    async def pid(self, name: str) -> int | None:
        return {"nobody": 1}.get(name)

    async def ready(self, name: str) -> bool:
        return name in await self.names()


@pytest.fixture
async def front(fake: Fake) -> AsyncIterator[Front]:
    """A site with a guest form."""
    async with front_of(fake) as front:
        yield front


@pytest.fixture
def stack(front: Front, tmp_path: Path) -> FakeStack:
    """The site as a stack."""
    return FakeStack(front.address, tmp_path / "parley.sqlite3")


async def restart(fake: Fake) -> None:
    for peer in list(fake.peers):
        await peer.connection.close(1012)


def kept_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.jsonl"))


async def test_a_drill_passes_where_everything_resumes(fake: Fake, stack: FakeStack, tmp_path: Path) -> None:
    """All sockets are closed in the middle: everybody resumes, nothing is broken, and the journals are kept."""
    verdict = await drill(stack, Fault("restart", "", lambda _: restart(fake)), SMALL, tmp_path)
    assert (verdict.outcome, verdict.counts) == ("passed", {})
    assert verdict.acknowledged == verdict.asked >= 20
    assert (verdict.reconnects, verdict.resumed, verdict.closed) == (4, 4, {1012: 4})
    assert verdict.recover_seconds is not None
    assert kept_in(tmp_path) == [f"w-{number}.jsonl" for number in range(4)]


async def test_a_roll_that_left_somebody_alone_proves_nothing(fake: Fake, stack: FakeStack) -> None:
    """Three of four are moved: the run does not count, and says whose socket stayed."""

    async def most(_: Scene) -> None:
        for peer in list(fake.peers)[1:]:
            await peer.connection.close(1012)

    verdict = await drill(stack, Fault("roll", "", most, moves=True), SMALL)
    assert (verdict.outcome, verdict.counts) == ("unknown", {})
    assert len(verdict.unknown) == 1
    assert "was never moved to another instance" in verdict.unknown[0]


async def test_a_server_that_cannot_resume_fails_by_name(fake: Fake, stack: FakeStack) -> None:
    """With resume off in the server the same drill is red, with the violation named for it."""

    async def forget(peer: Peer, frame: Frame) -> bool:
        frame = {**frame, "after": None}
        await fake.on_join(peer, frame)
        return True

    fake.bend("join", forget)
    verdict = await drill(stack, Fault("restart", "", lambda _: restart(fake)), SMALL)
    assert (verdict.outcome, set(verdict.counts)) == ("failed", {"bad_recovery"})


async def test_a_server_without_keys_fails_by_name(fake: Fake, stack: FakeStack) -> None:
    """With keys off a repeated send is stored again: found as stored twice."""
    dropped: set[int] = set()

    async def store_again(peer: Peer, frame: Frame) -> bool:
        entry, repeated = fake.append(frame["key"])
        if repeated:
            entry = {**entry, "seq": len(fake.entries) + 1, "at": "later"}
            fake.entries.append(entry)
        await fake.spread(entry)
        if peer.number <= 4 and entry["seq"] > 20 and peer.number not in dropped:
            dropped.add(peer.number)
            await peer.connection.close(1012)
        else:
            await peer.tell("sent", room="lobby", key=frame["key"], seq=entry["seq"], at=entry["at"])
        return True

    fake.bend("send", store_again)
    verdict = await drill(stack, FAULTS["none"], SMALL)
    assert (verdict.outcome, set(verdict.counts)) == ("failed", {"stored_twice"})


async def test_a_cut_link_and_a_frozen_client_heal(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The faults on the clients' side need no stack at all."""
    monkeypatch.setattr(client, "CUT_SECONDS", 0.3)
    monkeypatch.setattr(client, "FROZEN_SECONDS", 0.3)
    for name in ("link-cut", "client-freeze"):
        verdict = await drill(stack, FAULTS[name], SMALL)
        assert (verdict.outcome, verdict.counts) == ("passed", {}), verdict


async def test_the_database_is_locked_and_let_go(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else can write while the lock is held, and everybody can after it, cancelled or not."""
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    file = stack.database
    assert file is not None
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
        other.execute("CREATE TABLE entry (seq INTEGER)")
        async with database.write_lock(file):
            assert locked(other)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                await database.database_locked(Scene(stack, ()))
        assert not locked(other)
        with suppress(ZeroDivisionError):
            async with database.write_lock(file):
                raise ZeroDivisionError
        assert not locked(other)
        monkeypatch.setattr(database, "LOCKED_SECONDS", 0)
        await database.database_locked(Scene(stack, ()))
        assert not locked(other)


def locked(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("INSERT INTO entry VALUES (1)")
    except sqlite3.OperationalError:
        return True
    return False


async def test_redis_is_flushed(stack: FakeStack, tmp_path: Path) -> None:
    """The command is one line, and anything but +OK is an error."""
    said: list[bytes] = []
    answers = [b"+OK\r\n", b"-ERR no\r\n"]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.readline())
        writer.write(answers.pop(0))
        writer.close()

    stack.redis_socket = tmp_path / "redis.sock"
    async with await asyncio.start_unix_server(serve, stack.redis_socket):
        await redis_faults.redis_flushed(Scene(stack, ()))
        with pytest.raises(StackError, match="FLUSHALL answered b'-ERR no'"):
            await redis_faults.redis_flushed(Scene(stack, ()))
    assert said == [b"FLUSHALL\r\n"] * 2
    assert not await redis_faults.answers(stack)


@pytest.mark.parametrize(
    "name", ["redis-kill", "redis-freeze", "redis-flush", "worker-kill", "instance-restart", "database-lock"]
)
async def test_a_fault_of_what_is_not_there_is_an_error(stack: FakeStack, name: str) -> None:
    """A drill that has nothing to strike does not pass by doing nothing."""
    stack.database = None
    with pytest.raises(StackError):
        await FAULTS[name].strike(Scene(stack, ()))
    with pytest.raises(StackError):
        await reload_nginx(Scene(stack, ()))
    with pytest.raises(StackError):
        await the_worker(stack, "web-1")


async def test_a_room_nobody_can_enter_is_an_error(
    fake: Fake, stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without clients there is no drill: one line says so, and no client is left behind."""
    monkeypatch.setattr("deploy.operations.drill.run.READY_SECONDS", 0.2)

    async def swallow(peer: Peer, frame: Frame) -> bool:
        return True

    fake.bend("join", swallow)
    with pytest.raises(StackError, match="every client was in the room"):
        await drill(stack, FAULTS["none"], SMALL)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith(("witness", "typist"))] == []


def test_an_unknown_drill_is_bad_input() -> None:
    """The line names the drills there are."""
    with pytest.raises(BadInputError, match="no drill 'meteor': there are none, worker-kill"):
        run(lambda: pytest.fail("opened for nothing"), "meteor")


async def test_the_report_is_for_a_person(fake: Fake, stack: FakeStack) -> None:
    """The first line has the outcome; a broken promise has its name and an example."""

    async def forget(peer: Peer, frame: Frame) -> bool:
        await fake.on_join(peer, {**frame, "after": None})
        return True

    fake.bend("join", forget)
    verdict = await drill(stack, Fault("restart", "", lambda _: restart(fake)), SMALL)
    said = list(lines("restart", verdict))
    assert said[0] == "restart: failed"
    assert any(line.startswith("  bad_recovery: ") for line in said)
    assert any("bad_recovery at seq" in line for line in said)


def test_every_fault_has_a_name_and_a_sentence() -> None:
    """`drill list` shows them; the names are part of the command line."""
    assert len(FAULTS) == 14
    assert all(fault.summary and fault.name == name for name, fault in FAULTS.items())
