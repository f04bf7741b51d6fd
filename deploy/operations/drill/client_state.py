"""What a client keeps from socket to socket: its place in the room, its outbox, its journal."""

import asyncio
import random
from dataclasses import dataclass, field

from deploy.operations.drill.journal import Entry, Journal
from deploy.operations.drill.notifier import Notifier
from deploy.operations.drill.outbox import Outbox
from deploy.operations.drill.timeouts import Patience


@dataclass
class Member:
    """One person in one room; `position` is the last seq read, None before the first join."""

    name: str
    room: str
    patience: Patience
    rng: random.Random
    journal: Journal = field(init=False)
    outbox: Outbox = field(init=False)
    notifier: Notifier = field(default_factory=Notifier)  # notified whenever anything here may have changed
    running: asyncio.Event = field(default_factory=asyncio.Event)  # cleared while the client is frozen
    position: int | None = None
    epoch: str | None = None
    mark: str | None = None  # the newest that the server gave: what shows how far we read
    tries: int = 0  # sockets in a row that never got into the room
    turned_away: int = 0  # 4401 in a row

    def __post_init__(self) -> None:
        self.journal = Journal(self.name)
        self.outbox = Outbox(self.patience.answer)
        self.running.set()

    def start_over(self, epoch: str, position: int) -> None:
        """Take the position a join gives."""
        self.epoch, self.position = epoch, position

    def took(self, entries: tuple[Entry, ...]) -> None:
        """Move on to the newest of these; what was skipped stays for the checker to name."""
        self.position = max([self.position or 0, *(entry.seq for entry in entries)])
