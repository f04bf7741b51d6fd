"""A channel layer that misbehaves on purpose: it drops, repeats, reorders and delays, from a seed.

The Channels specification allows a layer all of this ("at most once", in no order); an application that only ever
met a layer that does not will find out in production. Wraps any layer, in CHANNEL_LAYERS:

    {"BACKEND": "realtime.lossy.LossyChannelLayer",
     "CONFIG": {"layer": {"BACKEND": …, "CONFIG": {…}}, "seed": 7, "drop": 0.2, "repeat": 0.1, "reorder": 0.2,
                "delay": 0.05}}

For tests and drills: what it drops is gone.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import Any

from django.utils.module_loading import import_string

REORDER_SECONDS = 0.02  # how much later a message may come than one that was sent after it


class Misfortune:
    """Decides, message by message; the same seed decides the same."""

    def __init__(
        self, *, seed: int = 0, drop: float = 0.0, repeat: float = 0.0, reorder: float = 0.0, delay: float = 0.0
    ) -> None:
        for name, share in (("drop", drop), ("repeat", repeat), ("reorder", reorder)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name}: {share} is no share between 0 and 1")
        if delay < 0:
            raise ValueError(f"delay: {delay} seconds are in the past")
        self._random = random.Random(seed)  # noqa: S311 (a fault that can be repeated, not a secret)
        self._drop, self._repeat, self._reorder, self._delay = drop, repeat, reorder, delay

    def next(self) -> tuple[float, ...]:
        """Return in how many seconds each copy of the next message arrives; none for one that is lost.

        The same number of dice for each message, so that one share does not shift what another decides.
        """
        lost, repeated, *late = (self._random.random() for _ in range(6))
        if lost < self._drop:
            return ()
        copies = 2 if repeated < self._repeat else 1
        return tuple(self._arrival(late[copy], late[copy + 2]) for copy in range(copies))

    def _arrival(self, held: float, moment: float) -> float:
        return self._delay * moment + (REORDER_SECONDS * (1 + moment) if held < self._reorder else 0.0)


class LossyChannelLayer:
    """Passes everything to the layer inside, `send` and `group_send` as misfortune has it.

    What arrives at once is awaited, and raises what the inner layer raises; what arrives later is sent by a task,
    whose errors are the message's loss.
    """

    def __init__(self, layer: Any, **misfortune: Any) -> None:
        if isinstance(layer, dict):
            layer = import_string(layer["BACKEND"])(**layer.get("CONFIG", {}))
        self._inner: Any = layer
        self._misfortune = Misfortune(**misfortune)
        self._late: set[asyncio.Task[None]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send to a channel, perhaps."""
        await self._deliver(self._inner.send, channel, message)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to a group, perhaps."""
        await self._deliver(self._inner.group_send, group, message)

    async def _deliver(
        self, send: Callable[[str, dict[str, Any]], Awaitable[None]], name: str, message: dict[str, Any]
    ) -> None:
        for seconds in self._misfortune.next():
            if seconds:
                task = asyncio.create_task(self._deliver_late(seconds, send, name, dict(message)))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
            else:
                await send(name, message)

    async def _deliver_late(
        self,
        seconds: float,
        send: Callable[[str, dict[str, Any]], Awaitable[None]],
        name: str,
        message: dict[str, Any],
    ) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(Exception):  # nobody is there to be told: it is lost, which is what we are for
            await send(name, message)
