"""What a project that knows no Parley says to a drain and to readiness."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from parley_serving import readiness
from parley_serving.project import stock
from parley_serving.project.stock import Stock


class Layer:
    """Counts what is sent through it, and does what it is told."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.error: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def group_send(self, group: str, message: dict[str, Any]) -> None:  # noqa: ARG002 (the layer's signature)
        """Carry it."""
        self.sent.append(group)
        await self.answers.wait()
        if self.error:
            raise self.error


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Layer:
    """The project's."""
    made = Layer()
    monkeypatch.setattr(stock, "_default_layer", lambda: made)
    return made


async def test_all_who_ask_within_a_second_share_one_message(layer: Layer) -> None:
    """Anybody may ask for /readyz."""
    one = Stock()
    assert set(await asyncio.gather(*(one.layer() for _ in range(350)))) == {"ok"}
    assert layer.sent == [stock.GROUP]


async def test_a_layer_that_is_away(layer: Layer) -> None:
    """Whatever it raises."""
    layer.error = ConnectionError("no Redis")
    assert await Stock().layer() == "down"


async def test_a_layer_that_hangs(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told in bounded time, and is not asked again meanwhile."""
    monkeypatch.setattr(readiness, "ANSWER_SECONDS", 0.01)
    layer.answers.clear()
    one = Stock()
    assert [await one.layer(), await one.layer()] == ["down", "down"]
    assert len(layer.sent) == 1
    layer.answers.set()


@pytest.mark.parametrize("layer_of_project", [None, SimpleNamespace()])
async def test_no_layer(layer_of_project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or one that knows no groups."""
    monkeypatch.setattr(stock, "_default_layer", lambda: layer_of_project)
    assert await Stock().layer() == "none"


def test_a_drain_tells_nobody() -> None:
    """So that the server closes all of them."""
    sockets: list[Any] = [object(), object()]
    assert Stock().tell(sockets, 1.0) == Stock().close(sockets) == sockets
