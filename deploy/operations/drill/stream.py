"""One client in one room: was every seq read exactly once, ascending, without a gap, across what resumed?"""

from deploy.operations.drill.journal import Ended, Entry, Joined, Journal, Log, Read
from deploy.operations.drill.verdict import Name, Violation


class Stream:
    """Follows the position of one client from its first join on and notes what breaks the promise."""

    def __init__(self, client: str, log: Log) -> None:
        self.client = client
        self.log = log
        self.kept = {entry.seq for entry in log.entries}
        self.epoch: str | None = None
        self.position: int | None = None
        self.seen: set[int] = set()
        self.holes: set[int] = set()  # skipped so far: late is disorder, never is a gap
        self.violations: list[Violation] = []

    def joined(self, event: Joined) -> None:
        """Go on where the client was, or start over where the server put it."""
        wrong = self._wrong_recovery(event) if event.recovered else self._refused_recovery(event)
        if wrong:
            self._note("bad_recovery", event.after, wrong)
        if wrong or not event.recovered or self.position is None:
            self._start_over(event)
        self._take(event.entries)

    def read(self, event: Read) -> None:
        """Take the entries of one frame."""
        if self.position is None:
            self._note("disorder", event.entries[0].seq if event.entries else None, "entries of a room not joined")
            return
        self._take(event.entries)

    def ended(self, event: Ended) -> None:
        """Judge the end: nothing skipped is still to come, and who is in the room has its newest entry."""
        self._close_holes()
        if not event.joined or (self.epoch == self.log.epoch and (self.position or 0) >= self.log.head):
            return
        self._note("missed", (self.position or 0) + 1, f"stopped at {self.position}, head {self.log.head}")

    def _wrong_recovery(self, event: Joined) -> str:
        first = event.entries[0].seq if event.entries else None
        if event.after is None or event.asked_epoch != event.epoch:
            return f"recovered into epoch {event.epoch}, asked for {event.after} of {event.asked_epoch}"
        if self.position is not None and (event.after, event.epoch) != (self.position, self.epoch):
            return f"recovered after {event.after}, the client had {self.position} of {self.epoch}"
        if event.after > event.head:
            return f"recovered after {event.after}, above the head {event.head}"
        if first is not None and first != event.after + 1:
            return f"recovered after {event.after}, the first entry is {first}"
        return ""

    def _refused_recovery(self, event: Joined) -> str:
        """Say why this join had to be recovered: the epoch is right and the log still keeps all of it."""
        if event.after is None or event.asked_epoch != event.epoch or event.epoch != self.log.epoch:
            return ""
        if event.after > event.head or not self.kept.issuperset(range(event.after + 1, event.head + 1)):
            return ""
        return f"not recovered after {event.after}, though the log keeps all up to {event.head}"

    def _start_over(self, event: Joined) -> None:
        self._close_holes()
        self.seen.clear()
        self.epoch = event.epoch
        if event.recovered and event.after is not None and not event.entries:
            self.position = event.after
        else:
            self.position = event.entries[0].seq - 1 if event.entries else event.head

    def _take(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            self._step(entry.seq)

    def _step(self, seq: int) -> None:
        position = self.position or 0
        if seq in self.seen:
            self._note("repeat", seq)
        elif seq <= position:
            self.holes.discard(seq)
            self._note("disorder", seq, f"after {position}")
        else:
            self.holes.update(range(position + 1, seq))
            self.position = seq
        self.seen.add(seq)

    def _close_holes(self) -> None:
        for seq in sorted(self.holes):
            self._note("gap", seq)
        self.holes.clear()

    def _note(self, name: Name, seq: int | None, detail: str = "") -> None:
        self.violations.append(Violation(name, self.client, seq, detail))


def stream_violations(journal: Journal, log: Log) -> list[Violation]:
    """Give what this client's own stream of the log's room breaks: gap, repeat, disorder, missed, bad_recovery."""
    stream = Stream(journal.client, log)
    ended = False
    for event in journal.events:
        if isinstance(event, Joined) and event.room == log.room:
            stream.joined(event)
        elif isinstance(event, Read) and event.room == log.room:
            stream.read(event)
        elif isinstance(event, Ended) and event.room == log.room:
            stream.ended(event)
            ended = True
    if not ended:
        stream.ended(Ended(room=log.room, joined=False))
    return stream.violations
