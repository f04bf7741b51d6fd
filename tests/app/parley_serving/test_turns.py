"""Taking turns: who goes next, who is refused, and who goes away while waiting."""

import asyncio
from typing import Any

import pytest

from parley_serving.turns import Bound, Full, Turns
from parley_serving.turnstile import Turnstile

BOUND = Bound(most=6, per_address=4, again_seconds=7)


class Hall:
    """People who take turns, one at a time; `served` is their order."""

    def __init__(self, **options: int) -> None:
        self.turns = Turns(at_once=1, lines={"log-ins": BOUND, "sign-ups": BOUND}, **options)
        self.served: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, line: str = "log-ins", address: str = "here") -> None:
        """Come, and go on until there is nothing to do but wait."""
        self.tasks[name] = asyncio.create_task(self._one(name, line, address))
        await asyncio.sleep(0)

    async def _one(self, name: str, line: str, address: str) -> None:
        async with self.turns.turn(line, address):
            self.served.append(name)

    async def empty(self) -> list[str]:
        """Let everybody have their turn; return the order."""
        self.turns.give_back()
        await asyncio.wait_for(asyncio.gather(*self.tasks.values(), return_exceptions=True), 10)
        return self.served


@pytest.fixture
async def hall() -> Hall:
    """One turn, and somebody has it."""
    made = Hall(in_a_row=2)
    await made.turns.take("log-ins", "here")
    return made


async def test_the_first_line_goes_first_and_the_other_one_does_not_starve(hall: Hall) -> None:
    """Two log-ins, then a sign-up."""
    for number in range(3):
        await hall.come(f"s{number}", "sign-ups")
    for number in range(4):
        await hall.come(f"l{number}")
    assert await hall.empty() == ["l0", "l1", "s0", "l2", "l3", "s1", "s2"]


async def test_addresses_take_turns(hall: Hall) -> None:
    """A long queue of one address holds up nobody else."""
    for number in range(4):
        await hall.come(f"flood {number}", address="there")
    await hall.come("ada", address="here")
    await hall.come("eva", address="elsewhere")
    assert await hall.empty() == ["flood 0", "ada", "eva", "flood 1", "flood 2", "flood 3"]


async def test_a_line_is_bounded_and_so_is_an_address(hall: Hall) -> None:
    """The fifth of an address and the seventh of all are refused, and told when to come again."""
    for number in range(4):
        await hall.come(f"flood {number}", address="there")
    with pytest.raises(Full) as refused:
        await hall.turns.take("log-ins", "there")
    assert refused.value.seconds == 7
    await hall.come("ada")
    await hall.come("eva")
    with pytest.raises(Full):
        await hall.turns.take("log-ins", "elsewhere")
    await hall.come("ann", "sign-ups", "there")
    assert len(await hall.empty()) == 7


async def test_who_goes_away_leaves_no_gap(hall: Hall) -> None:
    """While waiting, and in the moment in which the turn comes."""
    for name in ("ada", "eva", "ann"):
        await hall.come(name)
    hall.tasks["ada"].cancel()
    await asyncio.sleep(0)
    hall.turns.give_back()  # to eva, who goes before she hears of it
    hall.tasks["eva"].cancel()
    await asyncio.wait_for(hall.tasks["ann"], 10)
    assert hall.served == ["ann"]
    await asyncio.wait_for(hall.turns.take("log-ins", "here"), 10)


async def test_turns_take_no_more_than_their_share() -> None:
    """After one that took long, the next one waits three times as long, also if nobody waited when it ended."""
    turns = Turns(at_once=1, lines={"guests": BOUND}, share=0.25)
    rests, loop = [], asyncio.get_running_loop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_later", lambda seconds, work: rests.append((seconds, work)))
        await turns.take("guests", "here")
        turns._begun -= 7.0
        turns.give_back()
    ((seconds, go_on),) = rests
    assert 21.0 <= seconds < 22.0
    second = asyncio.create_task(turns.take("guests", "there"))
    await asyncio.sleep(0)
    assert not second.done()
    go_on()
    await asyncio.wait_for(second, 10)


async def test_what_fails_gives_its_turn_back(hall: Hall) -> None:
    """Or nobody would ever be served again."""
    hall.turns.give_back()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with hall.turns.turn("log-ins", "here"):
                raise ZeroDivisionError
    await hall.come("ada")
    assert hall.served == ["ada"]


async def test_the_turnstile(caplog: pytest.LogCaptureFixture) -> None:
    """Passes one on, has one wait, and answers the third, whoever fails in between."""
    turns = Turns(at_once=1, lines={"pages": Bound(1, 1, 3)})
    begun, go = asyncio.Queue[str](), asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        begun.put_nowait(scope["path"])
        await go.wait()
        raise ZeroDivisionError

    stile = Turnstile(application, queue_of=lambda _: (turns, "pages"), page=lambda scope: scope["path"].encode())
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def ask(path: str) -> None:
        await stile({"type": "http", "path": path, "client": ("192.0.2.7", 1)}, None, send)

    running = [asyncio.create_task(ask(path)) for path in ("/1", "/2")]
    await asyncio.wait_for(begun.get(), 10)
    await ask("/3")
    assert [sent[0]["status"], dict(sent[0]["headers"])[b"retry-after"], sent[1]["body"]] == [503, b"3", b"/3"]
    assert "limit=pages address=192.0.2.7" in caplog.text
    go.set()
    answers = await asyncio.wait_for(asyncio.gather(*running, return_exceptions=True), 10)
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 2
    assert begun.get_nowait() == "/2"
    await asyncio.wait_for(turns.take("pages", "here"), 10)
