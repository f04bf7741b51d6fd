"""Every interleaving there is: a log, processes with a feed each, a layer that loses, and clients that come and go.

The promise of protocol.md is the invariant: from where it joined, across reconnects that resume, each client reads
each seq exactly once, ascending, with no gap; and when all calms down, everybody is at the head.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from realtime.feed import Feed
from realtime.frame import Frame
from tests.app.realtime.fakes import EPOCH, MemoryLog
from tests.app.realtime.virtual import VirtualLoop

PROCESSES = 3
JOIN_ENTRIES = 4
SETTLE_POLLS = 12
UNLIMITED = 1_000_000

capacities = st.sampled_from([1, 2, UNLIMITED])


@dataclass(eq=False)
class Client:
    """Somebody with one connection at a time, and the journal of what they read."""

    started: int
    seqs: list[int] = field(default_factory=list)
    connection: "Connection | None" = None

    @property
    def last(self) -> int:
        """The last seq this client has."""
        return self.seqs[-1] if self.seqs else self.started


class Connection:
    """One websocket of a client: what is written after it ended reaches nobody."""

    def __init__(self, client: Client, process: "Process", capacity: int) -> None:
        self.client = client
        self.process = process
        self.capacity = capacity
        self.buffered = 0

    @property
    def is_writable(self) -> bool:
        return self.buffered < self.capacity

    def write(self, frame: Frame) -> None:
        self.buffered += 1
        if self.client.connection is self:
            self.client.seqs += [int(entry.partition(b":")[2]) for entry in frame.payload.split(b" ")]

    def restart(self) -> None:
        raise AssertionError("no history was replaced, and no catch-up may fail")


@dataclass(eq=False)
class Process:
    """A worker: its feed, if anybody reads the room there."""

    number: int
    feed: Feed | None = None


@dataclass(eq=False)
class Joining:
    """A join that has read the log and is not attached yet."""

    client: Client
    process: Process
    position: int
    head: int
    entries: Sequence[int]


class FeedMachine(RuleBasedStateMachine):
    """The world around `feed_class`."""

    feed_class: type[Feed] = Feed
    clients = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.log = MemoryLog()
        self.processes = [Process(number) for number in range(PROCESSES)]
        self.in_flight: list[tuple[Process, int, list[bytes]]] = []
        self.everybody: list[Client] = []
        self.joining: list[Joining] = []

    # The log and the layer

    @rule(number=st.integers(0, PROCESSES - 1), entries=st.integers(1, 5), turns=st.integers(0, 2))
    def append(self, number: int, entries: int, turns: int) -> None:
        """A process stores, delivers to its own sockets, and publishes to all others."""
        first, stored = self.log.append(entries)
        self.loop.turns(turns)
        for process in self.processes:
            if process.number == number:
                self.bring(process, first, stored)
            elif process.feed is not None:
                self.in_flight.append((process, first, stored))

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), fate=st.sampled_from(["arrive", "arrive", "arrive", "repeat", "lose"]))
    def layer(self, data: Any, fate: str) -> None:
        """Any message that is under way arrives, arrives and will again, or is lost."""
        index = data.draw(st.integers(0, len(self.in_flight) - 1))
        message = self.in_flight[index]
        if fate != "repeat":
            del self.in_flight[index]
        if fate != "lose":
            self.bring(*message)

    @rule(is_down=st.booleans())
    def database(self, is_down: bool) -> None:
        """The database goes away, or comes back."""
        self.log.is_down = is_down

    @rule(is_slow=st.booleans())
    def reads(self, is_slow: bool) -> None:
        """Answers are held back, or let through."""
        (self.log.gate.clear if is_slow else self.log.gate.set)()

    @rule(number=st.integers(0, PROCESSES - 1))
    def poll(self, number: int) -> None:
        """A heads poll."""
        self.poll_now(self.processes[number])

    @rule(turns=st.integers(1, 4))
    def turn(self, turns: int) -> None:
        """Tasks get on."""
        self.loop.turns(turns)

    @rule(seconds=st.sampled_from([0.01, 0.04, 1.0]))
    def wait(self, seconds: float) -> None:
        """Timers fire."""
        self.loop.wait(seconds)

    # Clients

    @initialize(target=clients)
    def begin(self) -> Any:
        """Two people on two processes."""
        return multiple(*(self.enter(Client(started=0), self.processes[number], UNLIMITED) for number in (0, 1)))

    @rule(target=clients, number=st.integers(0, PROCESSES - 1), back=st.integers(0, 9), capacity=capacities | st.none())
    def arrive(self, number: int, back: int, capacity: int | None) -> Client:
        """Somebody new asks for the last entries."""
        return self.enter(Client(started=max(0, self.log.head() - back)), self.processes[number], capacity)

    @rule(client=clients, number=st.integers(0, PROCESSES - 1), capacity=capacities | st.none())
    def reconnect(self, client: Client, number: int, capacity: int | None) -> None:
        """A client, connected or not, connects anywhere and resumes from what it has."""
        self.disconnect(client)
        self.enter(client, self.processes[number], capacity)

    @precondition(lambda self: self.joining)
    @rule(data=st.data(), capacity=capacities)
    def attach(self, data: Any, capacity: int) -> None:
        """A join that has read the log continues; more may have happened since."""
        self.finish(self.joining.pop(data.draw(st.integers(0, len(self.joining) - 1))), capacity)

    @rule(client=clients)
    def leave(self, client: Client) -> None:
        """A client goes; it may come back."""
        self.disconnect(client)

    @rule(client=consumes(clients))
    def leave_for_ever(self, client: Client) -> None:
        """A client goes and is not heard of again."""
        self.disconnect(client)
        self.everybody.remove(client)

    @rule(client=clients, capacity=capacities)
    def drain(self, client: Client, capacity: int) -> None:
        """A peer reads all that was written, and takes so many frames from now on."""
        self.drain_now(client, capacity)

    @rule(client=clients)
    def stop_reading(self, client: Client) -> None:
        """Something else fills the buffer of a socket."""
        if client.connection:
            client.connection.buffered = client.connection.capacity

    # Processes

    @rule(number=st.integers(0, PROCESSES - 1))
    def die(self, number: int) -> None:
        """A process is killed; what was under way to it is gone, and its clients resume elsewhere, some day."""
        process = self.processes[number]
        self.in_flight = [message for message in self.in_flight if message[0] is not process]
        self.joining = [joining for joining in self.joining if joining.process is not process]
        for client in self.everybody:
            if client.connection and client.connection.process is process:
                client.connection = None
        if process.feed:
            with self.loop.inside():
                process.feed.close()
            process.feed = None

    # What must hold

    @invariant()
    def each_seq_once_in_order(self) -> None:
        """At any moment."""
        for client in self.everybody:
            expected = list(range(client.started + 1, client.started + 1 + len(client.seqs)))
            assert client.seqs == expected, f"from {client.started}: {client.seqs}"

    def teardown(self) -> None:
        """When all calms down everybody has everything, and no task failed."""
        try:
            self.calm()
            self.each_seq_once_in_order()
            for client in self.everybody:
                assert client.last == self.log.head(), f"left at {client.last} of {self.log.head()}"
                assert client.connection is not None, "not connected"
                assert client.connection.process.feed is not None, "nobody feeds it"
                assert client.connection in client.connection.process.feed.live, "not live again"
            assert not self.loop.failures, f"a task failed: {self.loop.failures}"
        finally:
            self.loop.end()

    # Inside

    def bring(self, process: Process, first: int, entries: Sequence[bytes]) -> None:
        """Entries reach a process."""
        if process.feed is not None:
            with self.loop.inside():
                process.feed.offer(EPOCH, first, entries)

    def enter(self, client: Client, process: Process, capacity: int | None) -> Client:
        """Ask to join; without a capacity the answer takes its time."""
        if client not in self.everybody:
            self.everybody.append(client)
        self.ask(client, process)
        if capacity is not None:
            self.finish(self.joining.pop(), capacity)
        return client

    def ask(self, client: Client, process: Process) -> None:
        """A join reads the log; it takes effect when it is attached."""
        head = self.log.head()
        position = min(head, client.last + JOIN_ENTRIES)
        self.joining.append(Joining(client, process, position, head, range(client.last + 1, position + 1)))

    def finish(self, joining: Joining, capacity: int) -> None:
        """Write `joined` and attach, in one turn of the loop, as the consumer does."""
        client, process = joining.client, joining.process
        if process.feed is None:
            process.feed = self.feed_class(
                room=1, name="lobby", epoch=EPOCH, position=joining.head, source=self.log, count=self.log.count
            )
        connection = client.connection = Connection(client, process, capacity)
        client.seqs += joining.entries
        with self.loop.inside():
            process.feed.attach(connection, joining.position)

    def disconnect(self, client: Client) -> None:
        """The consumer's `left`."""
        self.joining = [joining for joining in self.joining if joining.client is not client]
        if (connection := client.connection) and connection.process.feed:
            with self.loop.inside():
                connection.process.feed.detach(connection)
        client.connection = None

    def calm(self) -> None:
        """Everybody is connected and reads, nothing fails any more, and the polls run."""
        self.log.is_down = False
        self.log.gate.set()
        for client in self.everybody:
            if client.connection is None and all(one.client is not client for one in self.joining):
                self.ask(client, self.processes[0])
        while self.joining:
            self.finish(self.joining.pop(), UNLIMITED)
        for _ in range(SETTLE_POLLS):
            for client in self.everybody:
                self.drain_now(client, UNLIMITED)
            for process in self.processes:
                self.poll_now(process)
            self.loop.wait(1.0)

    def drain_now(self, client: Client, capacity: int) -> None:
        """The transport says that it has room again."""
        if (connection := client.connection) and connection.process.feed:
            was_full = not connection.is_writable
            connection.capacity, connection.buffered = capacity, 0
            if was_full:
                with self.loop.inside():
                    connection.process.feed.resumed(connection)

    def poll_now(self, process: Process) -> None:
        """A heads poll's answer."""
        if process.feed:
            with self.loop.inside():
                process.feed.head_is(self.log.head())
