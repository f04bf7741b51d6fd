"""Who waits for their input to be parsed takes turns."""

import asyncio

import pytest

from parley_serving import limits
from parley_serving.slices import Slices


async def test_they_take_turns_and_one_that_fails_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice each, in the order in which they came; the loop hears of the failure."""
    monkeypatch.setattr(limits, "SLICES_SECONDS", 0.0)
    parsed: list[str] = []
    told: list[object] = []
    over = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    slices, fault = Slices(), ValueError()

    def one(name: str, left: int) -> None:
        def parse() -> bool:
            nonlocal left
            parsed.append(name)
            left -= 1
            if name == "b":
                raise fault
            if name == "a" and not left:
                over.set()
            return left > 0

        slices.join(parse)

    for name, number in (("a", 3), ("b", 3), ("c", 2)):
        one(name, number)
    async with asyncio.timeout(10):
        await over.wait()
    assert parsed == ["a", "b", "c", "a", "c", "a"]
    assert told == [fault]
    over.clear()
    one("a", 1)  # after everybody was done, the next one is not forgotten
    async with asyncio.timeout(10):
        await over.wait()


async def test_one_that_is_alone_has_one_slice_in_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much time there is: its application runs between two of them, and refuses before the budget is gone."""
    monkeypatch.setattr(limits, "SLICES_SECONDS", 3600.0)
    parsed: list[int] = []
    slices = Slices()

    def parse() -> bool:
        parsed.append(1)
        return len(parsed) < 3

    slices.join(parse)
    for number in (1, 2, 3):
        await asyncio.sleep(0)
        assert len(parsed) == number
