"""Whether the channel layer carries messages: a probe of our own, there and back."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

log = logging.getLogger(__name__)

PROBE_SECONDS = 1.0  # between probes, and the time in which one must be back


class LayerHealth:
    """`is_well` while the last probe came back within PROBE_SECONDS; never well without a layer.

    `is_known` is set with the first verdict, PROBE_SECONDS after the start at the latest.
    """

    def __init__(self, *, layer: Any, changed: Callable[[bool], None]) -> None:
        self.is_well = False
        self.is_known = asyncio.Event()
        self._layer = layer
        self._changed = changed
        self._number = 0
        self._back = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    def received(self, number: int) -> None:
        """A probe came back."""
        if number == self._number:
            self._back.set()

    async def run(self, channel: Callable[[], Awaitable[str]]) -> None:
        """Probe for ever through `channel()`, the hub's own channel; it waits while there is none."""
        try:
            await self._probe(channel)
        finally:
            self.is_known.set()  # whoever waits for a verdict of a process that ends has it
            if self._sending is not None:
                self._sending.cancel()

    async def _probe(self, channel: Callable[[], Awaitable[str]]) -> None:
        while self._layer is not None:
            self._number += 1
            self._back.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PROBE_SECONDS):
                    name = await channel()
                    # One send at a time: behind a frozen Redis they would only queue up (pitfalls L4).
                    if self._sending is None or self._sending.done():
                        self._sending = asyncio.create_task(self._send(name, self._number))
                    await self._back.wait()
            self._set(well=self._back.is_set())
            self.is_known.set()
            if self.is_well:
                await asyncio.sleep(PROBE_SECONDS)

    async def _send(self, channel: str, number: int) -> None:
        try:
            await self._layer.send(channel, {"type": "probe", "number": number})
        except Exception as error:  # noqa: BLE001 (any layer, any client library: it is unwell, which is what we ask)
            log.debug("probe failed: %r", error)

    def _set(self, *, well: bool) -> None:
        if well != self.is_well:
            self.is_well = well
            log.log(logging.INFO if well else logging.WARNING, "channel layer is %s", "well" if well else "unwell")
            self._changed(well)
