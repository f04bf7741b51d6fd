"""The one task of a process that publishes to the channel layer.

Nobody waits for it. What is put while it is busy is coalesced per room; above the bound it is dropped, because a
channel layer may lose anything: the heads poll of every process finds the entries in the log.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

log = logging.getLogger(__name__)

QUEUE_ENTRIES = 10_000  # some seconds of a busy process; a frozen Redis must not cost memory


class Publisher:
    """A bounded queue in front of group_send; `put_*` never wait and never raise."""

    def __init__(self, *, layer: Any, sender: str, count: Callable[[str, int], None]) -> None:
        self._layer = layer
        self._sender = sender
        self._count = count
        self._entries: dict[str, list[dict[str, Any]]] = {}
        self._signals: dict[tuple[str, str], dict[str, Any]] = {}
        self._queued = 0
        self._wake = asyncio.Event()

    def put_entries(self, *, group: str, room: int, epoch: str, first: int, entries: Sequence[bytes]) -> None:
        """Publish entries of a room; those that continue what is queued for it go in the same message."""
        if self._layer is None:
            return
        if self._queued + len(entries) > QUEUE_ENTRIES:
            self._count("publish_dropped", len(entries))
            return
        self._queued += len(entries)
        queued = self._entries.setdefault(group, [])
        last = queued[-1] if queued else None
        if last and last["epoch"] == epoch and last["first"] + len(last["entries"]) == first:
            last["entries"].extend(entries)
        else:  # another process stored in between, which two that write to one room do all the time
            queued.append(self._message("entries", room=room, epoch=epoch, first=first, entries=[*entries]))
        self._wake.set()

    def put_signal(self, *, group: str, key: str, kind: str, **fields: Any) -> None:
        """Publish something of which only the newest per group and key matters."""
        if self._layer is not None and len(self._signals) < QUEUE_ENTRIES:
            self._signals[group, key] = self._message(kind, **fields)
            self._wake.set()

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            entries, self._entries, self._queued = self._entries, {}, 0
            signals, self._signals = self._signals, {}
            for group, runs in entries.items():
                for message in runs:
                    await self._publish(group, message)
            for (group, _), message in signals.items():
                await self._publish(group, message)

    async def _publish(self, group: str, message: dict[str, Any]) -> None:
        try:
            await self._layer.group_send(group, message)
        except Exception as error:  # noqa: BLE001 (any layer, any client library: whatever it raises, the poll repairs)
            self._count("publish_failed", 1)
            log.debug("publish to %s failed: %r", group, error)

    def _message(self, kind: str, **fields: Any) -> dict[str, Any]:
        return {"type": kind, "from": self._sender, **fields}
