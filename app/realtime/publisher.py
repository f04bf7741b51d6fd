"""The one task of a process that publishes to the channel layer.

Nobody waits for it. What is put while it is busy is coalesced per room; above the bound it is dropped, because a
channel layer may lose anything: the heads poll of every process finds the entries in the log.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)

QUEUE_ENTRIES = 10_000  # some seconds of a busy process; a frozen Redis must not cost memory
# Redis cuts off a subscriber that has 32 MB to read, whoever sent them, and then it misses all that is published until
# it is back. After an outage every process publishes at once what waited in it: all of them together stay below that.
QUEUE_BYTES = 3 * 1024 * 1024  # of one process
QUEUES_BYTES = 24 * 1024 * 1024  # of all instances; the rest is for signals, and for an instance more in a rollout
SIGNALS_BYTES = 4 * 1024 * 1024  # of all instances; names are short, but thousands of people may be in a hundred rooms
FIELD_BYTES = 16  # of a number on the layer, or of what is around a text; at most
MESSAGE_BYTES = 256 * 1024  # of one message: who reads it decodes it in one turn of the loop


@dataclass(slots=True)
class _Run:
    """Entries of one room that follow each other, and go in one message."""

    room: int
    epoch: str
    first: int
    entries: list[bytes]
    size: int

    def continues(self, epoch: str, seq: int) -> bool:
        """Say whether that entry is the next one."""
        return self.epoch == epoch and self.first + len(self.entries) == seq


class Publisher:
    """A bounded queue in front of group_send; `put_*` never wait and never raise."""

    def __init__(self, *, layer: Any, sender: str, count: Callable[[str, int], None], instances: int = 1) -> None:
        self._layer = layer
        self._instances = instances
        self._sender = sender
        self._count = count
        self._entries: dict[str, list[_Run]] = {}
        self._signals: dict[tuple[str, str], tuple[dict[str, Any], int]] = {}  # with how many bytes each has
        self._queued = 0
        self._bytes = 0  # of entries that are queued or under way
        self._signal_bytes = 0  # the same of signals
        self._wake = asyncio.Event()

    def put_entries(self, *, group: str, room: int, epoch: str, first: int, entries: Sequence[bytes]) -> None:
        """Publish entries of a room; those that continue what is queued for it go in the same message."""
        if self._layer is None:
            return
        most = min(QUEUE_BYTES, QUEUES_BYTES // self._instances)
        for seq, entry in enumerate(entries, first):
            if self._queued >= QUEUE_ENTRIES or self._bytes + len(entry) > most:
                self._count("publish_dropped", first + len(entries) - seq)
                break
            self._put_entry(group, room, epoch, seq, entry)
        self._wake.set()

    def _put_entry(self, group: str, room: int, epoch: str, seq: int, entry: bytes) -> None:
        self._queued += 1
        self._bytes += len(entry)
        queued = self._entries.setdefault(group, [])
        if queued and (last := queued[-1]).continues(epoch, seq) and last.size + len(entry) <= MESSAGE_BYTES:
            last.entries.append(entry)
            last.size += len(entry)
        else:  # another process stored in between, which two that write to one room do all the time
            queued.append(_Run(room, epoch, seq, [entry], len(entry)))

    def put_signal(self, *, group: str, key: str, kind: str, **fields: Any) -> bool:
        """Publish something of which only the newest per group and key matters.

        Return False where too much waits already: put it again later. One alone is taken, however large it is.
        """
        if self._layer is None:
            return True
        size, (_, replaced) = _size(fields), self._signals.get((group, key), (None, 0))
        others = self._signal_bytes - replaced
        is_full = len(self._signals) >= QUEUE_ENTRIES and not replaced
        if is_full or (others and others + size > SIGNALS_BYTES // self._instances):
            return False
        self._signal_bytes = others + size
        self._signals[group, key] = self._message(kind, **fields), size
        self._wake.set()
        return True

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            entries, self._entries, self._queued = self._entries, {}, 0
            signals, self._signals = self._signals, {}
            for group, runs in entries.items():
                for one in runs:
                    fields = {"room": one.room, "epoch": one.epoch, "first": one.first, "entries": one.entries}
                    await self._publish(group, self._message("entries", **fields))
                    self._bytes -= one.size
            for (group, _), (message, size) in signals.items():
                await self._publish(group, message)
                self._signal_bytes -= size

    async def _publish(self, group: str, message: dict[str, Any]) -> None:
        try:
            await self._layer.group_send(group, message)
        except Exception as error:  # noqa: BLE001 (any layer, any client library: whatever it raises, the poll repairs)
            self._count("publish_failed", 1)
            log.debug("publish to %s failed: %r", group, error)

    def _message(self, kind: str, **fields: Any) -> dict[str, Any]:
        return {"type": kind, "from": self._sender, **fields}


def _size(fields: dict[str, Any]) -> int:
    """Say of how many bytes a signal is, a little more than it takes."""
    size = 0
    for value in fields.values():
        values = value if isinstance(value, list) else [value]
        size += FIELD_BYTES * len(values) + len("".join(one for one in values if isinstance(one, str)).encode())
    return size
