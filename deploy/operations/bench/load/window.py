"""A stretch of time under load, measured from its first message to its last delivery."""

import asyncio
import time
from typing import Any, Literal

from deploy.operations.bench import cost
from deploy.operations.bench.load.clients import LoadClients
from deploy.operations.bench.load.delivery_account import LostError, Message, Tally, percentile

PATIENCE_SECONDS = 60.0  # for what is under way when the time is over
POLL_SECONDS = 0.002
TICK_SECONDS = 0.005
STRIDE = 7919  # odd: senders alternate between the processes, and each is another member

Trigger = Literal["delivered", "stored"]


class Window:
    """Rooms in which messages are sent, in a closed loop or at a rate."""

    def __init__(self, clients: LoadClients) -> None:
        self.clients = clients
        self._turns = [0] * clients.plan.rooms
        self._open = False
        self._trigger: Trigger = "delivered"
        clients.account.moved = self._moved

    async def closed(self, *, in_flight: int, seconds: float, trigger: Trigger) -> dict[str, Any]:
        """Keep so many messages in flight in each room: the next goes out when one is stored, or is with everybody."""

        async def load() -> None:
            self._trigger, self._open = trigger, True
            for room in range(self.clients.plan.rooms):
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
                    self._send(sent % self.clients.plan.rooms)
                    sent += 1
                await asyncio.sleep(TICK_SECONDS)

        return await self._measured(load)

    def _send(self, room: int) -> None:
        clients = self.clients
        seats = clients.members_of(room)
        sender = seats.start + self._turns[room] * STRIDE % len(seats)
        self._turns[room] += 1
        number = clients.account.begin(lane=room, sender=sender, room=seats)
        clients.members[sender].write(clients.dialect.message(clients.slug(sender), number))

    def _moved(self, message: Message, everybody: bool) -> None:
        if self._open and everybody == (self._trigger == "delivered"):
            self._send(message.lane)

    async def _measured(self, load: Any) -> dict[str, Any]:
        clients = self.clients
        tally = clients.account.tally = Tally()
        before, own, started = cost.cpu_by_group(clients.plan.groups), time.process_time(), time.perf_counter()
        await clients.while_well(load())
        await clients.while_well(self._all_there())
        seconds = time.perf_counter() - started
        own = time.process_time() - own
        after = cost.cpu_by_group(clients.plan.groups)
        return figures(tally, seconds, {name: after[name] - before[name] for name in before}) | {
            "generator_busy": round(own / seconds, 2)
        }

    async def _all_there(self) -> None:
        """Wait until nothing is under way; raises LostError."""
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while missing := self.clients.account.missing:
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
