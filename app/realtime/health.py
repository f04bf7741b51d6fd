"""Whether the channel layer carries messages: a probe of our own, there and back."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

PROBE_SECONDS = 1.0  # between probes, and the time in which one must be back


class LayerHealth:
    """`is_well` while the last probe came back within PROBE_SECONDS; never well without a layer."""

    def __init__(self, *, layer: Any, changed: Callable[[bool], None]) -> None:
        self.is_well = False
        self._layer = layer
        self._changed = changed
        self._number = 0
        self._back = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    def received(self, number: int) -> None:
        """A probe came back."""
        if number == self._number:
            self._back.set()

    async def run(self, channel: Callable[[], str | None]) -> None:
        """Probe for ever through `channel()`, the hub's own channel (None while it has none)."""
        try:
            await self._probe(channel)
        finally:
            if self._sending is not None:
                self._sending.cancel()

    async def _probe(self, channel: Callable[[], str | None]) -> None:
        while self._layer is not None:
            self._number += 1
            self._back.clear()
            # One send at a time: behind a frozen Redis they would only queue up (pitfalls L4).
            if (name := channel()) and (self._sending is None or self._sending.done()):
                self._sending = asyncio.create_task(self._send(name, self._number))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._back.wait()
            self._set(well=self._back.is_set())
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
