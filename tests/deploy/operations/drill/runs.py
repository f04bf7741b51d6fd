"""Builds the journals of a run that kept every promise, for tests that then break exactly one."""

from deploy.operations.drill.journal import (
    AnyEvent,
    Asked,
    Closed,
    Connected,
    Ended,
    Entry,
    Joined,
    Journal,
    Log,
    Read,
    Sent,
)

ROOM = "lobby"
EPOCH = "epoch-1"
NEWEST = 50


class Run:
    """A room, its log and some clients; the clock goes on 10 ms with every event."""

    def __init__(self, clients: int = 3) -> None:
        self.clock = 1000.0
        self.entries: list[Entry] = []
        self.journals = [Journal(f"w-{number}") for number in range(clients)]
        self.positions: list[int | None] = [None] * clients
        self.inside = [False] * clients

    def now(self) -> float:
        self.clock += 0.01
        return self.clock

    def note(self, client: int, event: AnyEvent) -> None:
        self.journals[client].add(event)

    @property
    def head(self) -> int:
        return len(self.entries)

    def join(self, client: int) -> None:
        """Join, or resume where the client was; half of what is missed comes later, as for a large join."""
        if self.inside[client]:
            return
        after = self.positions[client]
        first = max(0, self.head - NEWEST) if after is None else after
        missed = self.entries[first:]
        some = missed[: (len(missed) + 1) // 2]
        self.note(client, Connected(mono=self.now(), instance="web-1", you=client + 1))
        self.note(
            client,
            Joined(
                mono=self.now(),
                room=ROOM,
                epoch=EPOCH,
                head=self.head,
                recovered=after is not None,
                entries=tuple(some),
                after=after,
                asked_epoch=None if after is None else EPOCH,
            ),
        )
        self.positions[client] = first + len(some)
        self.inside[client] = True

    def close(self, client: int, code: int = 1012) -> None:
        if self.inside[client]:
            self.note(client, Closed(mono=self.now(), code=code))
            self.inside[client] = False

    def say(self, client: int) -> Entry:
        """Have one message asked for, stored and acknowledged; nobody reads it yet."""
        self.join(client)
        entry = Entry(self.head + 1, "text", f"key-{client}-{self.head}", client + 1, f"at-{self.head + 1}")
        self.note(client, Asked(mono=self.now(), room=ROOM, key=entry.key))
        self.entries.append(entry)
        self.note(client, Sent(mono=self.now(), room=ROOM, key=entry.key, seq=entry.seq, at=entry.at))
        return entry

    def read(self, client: int, most: int = 1000) -> None:
        """Bring a client what it has not read, one frame for each entry."""
        for _ in range(most):
            position = self.positions[client]
            if not self.inside[client] or position is None or position >= self.head:
                return
            self.note(client, Read(mono=self.now(), room=ROOM, entries=(self.entries[position],)))
            self.positions[client] = position + 1

    def chat(self, messages: int) -> None:
        for number in range(messages):
            self.say(number % len(self.journals))
            for client in range(len(self.journals)):
                self.join(client)
                self.read(client)

    def end(self) -> Log:
        for client in range(len(self.journals)):
            self.join(client)
            self.read(client)
            self.note(client, Ended(mono=self.now(), room=ROOM, joined=True))
        return Log(ROOM, EPOCH, self.head, tuple(self.entries))


def where(journal: Journal, seq: int) -> int:
    """Give the index of the event that brought this seq live."""
    return next(
        index for index, event in enumerate(journal.events) if isinstance(event, Read) and event.entries[0].seq == seq
    )
