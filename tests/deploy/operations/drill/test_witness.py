"""The witness keeps every rule that protocol.md has for a client."""

from dataclasses import replace
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from deploy.effects.client.websocket_client import Frame, connect
from deploy.operations.drill.checker import find_violations
from deploy.operations.drill.journal import (
    Behind,
    Closed,
    Connected,
    Drained,
    Ignored,
    Joined,
    Quit,
    Read,
    Rejected,
    Sent,
)
from deploy.operations.drill.witness import Witness
from tests.deploy.operations.drill.conftest import QUICK
from tests.deploy.operations.drill.fake import Fake, Peer


async def clean(fake: Fake, witness: Witness) -> None:
    """End the witness and hold its journal against the server's log."""
    assert await witness.settled()
    assert await witness.reached(len(fake.entries))
    await witness.leave()
    assert list(find_violations([witness.journal], fake.log())) == []


async def test_it_sends_and_reads(fake: Fake, witness: Witness) -> None:
    """A message is acknowledged and read once."""
    key = witness.say("hello")
    await clean(fake, witness)
    assert [sent.key for sent in witness.journal.all(Sent)] == [key]
    assert [entry.key for read in witness.journal.all(Read) for entry in read.entries] == [key]


async def test_it_resumes_where_it_was_after_a_restart(fake: Fake, witness: Witness) -> None:
    """After 1012 it joins with the last seq and the epoch it has, and gets what it missed."""
    witness.say("before")
    assert await witness.settled()
    assert await witness.reached(1)
    fake.peers[0].joined = False
    fake.append("missed")
    await fake.peers[0].connection.close(1012)
    assert await witness.reached(2)
    await clean(fake, witness)
    join = fake.frames("join")[1]
    assert (join["after"], join["epoch"]) == (1, "epoch-1")
    assert [closed.code for closed in witness.journal.all(Closed)] == [1012]
    assert [joined.recovered for joined in witness.journal.all(Joined)] == [False, True]


async def test_it_repeats_with_the_same_key_when_the_acknowledgement_is_lost(fake: Fake, witness: Witness) -> None:
    """Stored but not acknowledged: the repeat is answered with the first seq, and stored once."""

    async def store_and_drop(peer: Peer, frame: Frame) -> bool:
        if peer.number > 1:
            return False
        fake.append(frame["key"])
        await peer.connection.close(1012)
        return True

    fake.bend("send", store_and_drop)
    key = witness.say("once")
    await clean(fake, witness)
    assert [frame["key"] for frame in fake.frames("send")] == [key, key]
    assert [sent.repeated for sent in witness.journal.all(Sent)] == [True]
    assert len(fake.entries) == 1


async def test_it_repeats_what_is_open_in_order_after_joined(fake: Fake, witness: Witness) -> None:
    """All that was written and not acknowledged is written again, in the order in which it was asked for."""

    async def swallow(peer: Peer, frame: Frame) -> bool:
        return peer.number == 1

    fake.bend("send", swallow)
    keys = [witness.say(f"text {number}") for number in range(5)]
    await fake.until(lambda: len(fake.frames("send")) == 5)
    await fake.peers[0].connection.close(1012)
    await clean(fake, witness)
    assert [frame["key"] for frame in fake.frames("send")] == keys + keys
    assert [entry["key"] for entry in fake.entries] == keys


async def refuse_first(fake: Fake, witness: Witness, code: str) -> list[str]:
    """Refuse the first send; say two more once the refusal is read; give the keys in the order asked for."""
    refused: list[str] = []

    async def refuse(peer: Peer, frame: Frame) -> bool:
        if refused:
            return False
        refused.append(frame["key"])
        await peer.tell("error", code=code, detail="", room="lobby", key=frame["key"], retry_ms=100)
        return True

    fake.bend("send", refuse)
    keys = [witness.say("first")]
    assert await witness.until(lambda: bool(witness.member.outbox.wake(0)) and bool(refused))
    keys += [witness.say("second"), witness.say("third")]
    await clean(fake, witness)
    return keys


async def test_unavailable_holds_later_sends_behind_it(fake: Fake, witness: Witness) -> None:
    """That key alone is repeated after `retry_ms`, and what was asked for later goes out behind it."""
    keys = await refuse_first(fake, witness, "unavailable")
    assert [frame["key"] for frame in fake.frames("send")] == [keys[0], *keys]
    assert [entry["key"] for entry in fake.entries] == keys


async def test_rate_limited_is_repeated_too(fake: Fake, witness: Witness) -> None:
    """A message over the limit is not given up."""
    keys = await refuse_first(fake, witness, "rate_limited")
    assert [entry["key"] for entry in fake.entries] == keys


async def test_a_message_the_server_will_never_take_is_dropped(fake: Fake, witness: Witness) -> None:
    """Too long stays too long: it is not repeated, and has no acknowledgement in the journal."""

    async def refuse(peer: Peer, frame: Frame) -> bool:
        await peer.tell("error", code="too_long", detail="", room="lobby", key=frame["key"])
        return True

    fake.bend("send", refuse)
    witness.say("x" * 5000)
    assert await witness.settled()
    assert list(witness.journal.all(Sent)) == []
    assert len(fake.frames("send")) == 1


async def test_it_comes_back_when_asked_to_drain(fake: Fake, witness: Witness) -> None:
    """It closes with 1000 inside the window, connects again and resumes."""
    witness.say("before")
    assert await witness.reached(1)
    await fake.peers[0].tell("drain", within_ms=50)
    assert await witness.until(lambda: witness.instance == "fake-2")
    await clean(fake, witness)
    assert [drain.within_ms for drain in witness.journal.all(Drained)] == [50]
    assert [closed.code for closed in witness.journal.all(Closed)] == [1000]
    assert fake.frames("join")[1]["after"] == 1


async def test_it_gives_up_a_handshake_and_tries_again(fake: Fake) -> None:
    """A server that accepts and says nothing costs the limit, not for ever."""
    asked = 0

    async def hang_once(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal asked
        asked += 1
        if asked == 1:
            await connection.wait_closed()
        return None

    fake.handshake = hang_once
    hasty = replace(QUICK, handshake=1.0)
    async with Witness("w-0", fake.address, cookie="sessionid=s", patience=hasty) as witness:
        assert await witness.ready()
    assert {event.why for event in witness.journal.all(Rejected)} == {"given up"}


async def test_it_notes_the_status_of_a_refused_handshake(fake: Fake) -> None:
    """A 502 of nginx is in the journal, and is tried again."""
    asked = 0

    async def refuse_once(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal asked
        asked += 1
        return connection.respond(HTTPStatus.BAD_GATEWAY, "") if asked == 1 else None

    fake.handshake = refuse_once
    async with Witness("w-0", fake.address, cookie="sessionid=s", patience=QUICK) as witness:
        assert await witness.ready()
    assert [event.status for event in witness.journal.all(Rejected)] == [502]


async def test_it_ignores_entries_before_joined(fake: Fake) -> None:
    """Entries that come between a join and its answer belong to the position before."""

    async def early(peer: Peer, frame: Frame) -> bool:
        await peer.tell("entries", room="lobby", entries=fake.entries[-1:])
        return False

    for number in range(3):
        fake.append(f"old-{number}")
    fake.bend("join", early)
    async with Witness("w-0", fake.address, cookie="sessionid=s", patience=QUICK) as witness:
        assert await witness.ready()
        await clean(fake, witness)
    assert [event.seqs for event in witness.journal.all(Ignored)] == [(3,)]


async def test_it_joins_again_when_a_pong_names_a_head_it_has_not(fake: Fake, witness: Witness) -> None:
    """The heartbeat finds what a socket lost."""
    fake.append("never spread")
    assert await witness.reached(1)
    await clean(fake, witness)
    assert {(event.head, event.position) for event in witness.journal.all(Behind)} == {(1, 0)}
    assert fake.frames("join")[1]["after"] == 0


async def test_it_leaves_a_dead_link(fake: Fake) -> None:
    """A socket on which nothing comes any more is cut, whatever TCP believes."""

    async def silent(peer: Peer, frame: Frame) -> bool:
        return peer.number == 1

    fake.bend("ping", silent)
    patience = replace(QUICK, ping=0.02, silence=0.1)
    async with Witness("w-0", fake.address, cookie="sessionid=s", patience=patience) as witness:
        assert await witness.until(lambda: len(list(witness.journal.all(Connected))) > 1)
    assert next(witness.journal.all(Closed)).code == 1006


async def test_it_tries_once_more_without_a_session(fake: Fake) -> None:
    """4401 twice in a row is the end; once is a cookie that came too late."""

    fake.refuse_with = 4401
    async with Witness("w-0", fake.address, cookie="sessionid=gone", patience=QUICK) as witness:
        assert await witness.until(lambda: bool(list(witness.journal.all(Quit))))
    assert [closed.code for closed in witness.journal.all(Closed)] == [4401, 4401]
    assert list(witness.journal.all(Connected)) == []


async def test_a_frozen_witness_reads_and_sends_nothing(fake: Fake, witness: Witness) -> None:
    """Frozen is frozen; thawed it has everything, and nothing twice."""
    witness.freeze()
    witness.say("in the cold")
    for number in range(200):
        entry, _ = fake.append(f"while-{number}")
        await fake.spread(entry)
    async with connect(fake.address, None) as other:  # the loop and the server are well meanwhile
        await other.join("lobby")
        await other.fence()
    assert witness.position == 0
    assert fake.frames("send") == []
    witness.thaw()
    await clean(fake, witness)
    assert witness.position == 201


async def test_it_asks_at_its_rate_and_stops(fake: Fake) -> None:
    """Messages are asked for until it is told to stop, and all are acknowledged."""
    async with Witness("w-0", fake.address, cookie="sessionid=s", patience=QUICK, rate=200) as witness:
        assert await witness.ready()
        witness.start_sending()
        await fake.until(lambda: len(fake.entries) >= 20)
        await witness.stop_sending()
        await clean(fake, witness)
    assert len(list(witness.journal.all(Sent))) == len(fake.entries)
