"""A stretch of time under load, measured from its first message to its last delivery."""

import asyncio
import time
from typing import Any, Literal

from deploy.bench import proc
from deploy.bench.load.crowd import Crowd
from deploy.bench.load.ledger import LostError, Message, Tally, percentile

PATIENCE_SECONDS = 60.0  # for what is under way when the time is over
POLL_SECONDS = 0.002
TICK_SECONDS = 0.005
STRIDE = 7919  # odd: senders alternate between the processes, and each is another member

Trigger = Literal["delivered", "stored"]


class Window:
    """Rooms in which messages are sent, in a closed loop or at a rate."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self._turns = [0] * crowd.plan.rooms
        self._open = False
        self._trigger: Trigger = "delivered"
        crowd.ledger.moved = self._moved

    async def closed(self, *, in_flight: int, seconds: float, trigger: Trigger) -> dict[str, Any]:
        """Keep so many messages in flight in each room: the next goes out when one is stored, or is with everybody."""

        async def load() -> None:
            self._trigger, self._open = trigger, True
            for room in range(self.crowd.plan.rooms):
                for _ in range(in_flight):
                    self._send(room)
            await asyncio.sleep(seconds)
            self._open = False

        return await self._measured(load)

    async def paced(self, *, rate: float, seconds: float) -> dict[str, Any]:
        """Send so many messages a second over all rooms, whatever the server does."""

        async def load() -> None:
            started, sent = time.perf_counter(), 0
            while (passed := time.perf_counter() - started) < seconds:
                while sent < passed * rate:
                    self._send(sent % self.crowd.plan.rooms)
                    sent += 1
                await asyncio.sleep(TICK_SECONDS)

        return await self._measured(load)

    def _send(self, room: int) -> None:
        crowd = self.crowd
        seats = crowd.members_of(room)
        sender = seats.start + self._turns[room] * STRIDE % len(seats)
        self._turns[room] += 1
        number = crowd.ledger.begin(lane=room, sender=sender, room=seats)
        crowd.members[sender].write(crowd.dialect.message(crowd.slug(sender), number))

    def _moved(self, message: Message, everybody: bool) -> None:
        if self._open and everybody == (self._trigger == "delivered"):
            self._send(message.lane)

    async def _measured(self, load: Any) -> dict[str, Any]:
        crowd = self.crowd
        tally = crowd.ledger.tally = Tally()
        before, own, started = proc.cpu_by_group(crowd.plan.groups), time.process_time(), time.perf_counter()
        await crowd.while_well(load())
        await crowd.while_well(self._all_there())
        seconds = time.perf_counter() - started
        own = time.process_time() - own
        after = proc.cpu_by_group(crowd.plan.groups)
        return figures(tally, seconds, {name: after[name] - before[name] for name in before}) | {
            "generator_busy": round(own / seconds, 2)
        }

    async def _all_there(self) -> None:
        """Wait until nothing is under way; raises LostError."""
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while missing := self.crowd.ledger.missing:
            if time.perf_counter() > deadline:
                raise LostError(f"{missing} deliveries are missing after {PATIENCE_SECONDS:g} s")
            await asyncio.sleep(POLL_SECONDS)


def figures(tally: Tally, seconds: float, cpu: dict[str, float]) -> dict[str, Any]:
    """Turn a tally into figures; CPU is per delivery, of all groups together."""
    deliveries = len(tally.deliveries)
    spent = sum(cpu.values())
    return {
        "cpu_us": spent / deliveries * 1e6 if deliveries else 0.0,
        "p50_ms": percentile(tally.deliveries, 0.5) * 1e3,
        "p99_ms": percentile(tally.deliveries, 0.99) * 1e3,
        "frames_per_message": tally.frames / deliveries if deliveries else 0.0,
        "messages": tally.messages,
        "deliveries": deliveries,
        "seconds": seconds,
        "messages_per_second": tally.messages / seconds,
        "ack_p50_ms": percentile(tally.acks, 0.5) * 1e3,
        "ack_p99_ms": percentile(tally.acks, 0.99) * 1e3,
        "cpu_us_per_message": spent / tally.messages * 1e6 if tally.messages else 0.0,
        "cpu_seconds": cpu,
    }
