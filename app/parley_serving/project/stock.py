"""A project's part in drains and readiness: it knows of neither, so that all of its sockets are closed with 1012."""

import importlib
import importlib.util
from collections.abc import Iterable
from typing import Any

from parley_serving.protocol import PreparedProtocol
from parley_serving.readiness import Question

GROUP = "parley.readiness"  # that nobody joins: to send to it takes a word with the layer, and reaches no consumer


class Stock:
    """What the server asks of an application that does not take part."""

    def __init__(self) -> None:
        self.is_draining = False
        self._layer = Question(_layer, slow={"layer": "down"})

    def tell(self, connections: Iterable[PreparedProtocol], seconds: float) -> list[PreparedProtocol]:  # noqa: ARG002
        """Tell nobody: the server closes them."""
        return list(connections)

    def close(self, connections: Iterable[PreparedProtocol]) -> list[PreparedProtocol]:
        """Close nobody: the server does."""
        return list(connections)

    async def layer(self) -> str:
        """Return ok, down or none."""
        return (await self._layer.answer())["layer"]

    async def stop(self) -> None:
        """Nothing of ours runs."""


async def _layer() -> dict[str, str]:
    layer = _default_layer()
    if layer is None or not hasattr(layer, "group_send"):
        return {"layer": "none"}
    try:
        await layer.group_send(GROUP, {"type": "parley.readiness"})
    except Exception:  # noqa: BLE001 (whatever a layer raises: it is not well)
        return {"layer": "down"}
    return {"layer": "ok"}


def _default_layer() -> Any:
    """Return the project's, if it has Channels and a layer."""
    if importlib.util.find_spec("channels") is None:
        return None
    return importlib.import_module("channels.layers").get_channel_layer()
