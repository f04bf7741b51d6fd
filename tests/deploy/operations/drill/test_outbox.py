"""The outbox decides what is written next; the time is always given."""

from deploy.operations.drill.outbox import Outbox


def filled(count: int = 3) -> Outbox:
    outbox = Outbox(answer_seconds=10)
    for number in range(count):
        outbox.add(f"k{number}", "text")
    return outbox


def writable(outbox: Outbox, now: float) -> list[str]:
    keys = []
    while message := outbox.next(now):
        keys.append(message.key)
    return keys


def test_all_is_written_in_order_and_once() -> None:
    """Sends are not held for the answer of the one before."""
    outbox = filled()
    assert writable(outbox, 0) == ["k0", "k1", "k2"]
    assert writable(outbox, 1) == []


def test_a_refused_message_holds_later_ones_until_it_is_acknowledged() -> None:
    """That key alone is repeated when its time has come, and nothing overtakes it."""
    outbox = filled(1)
    assert writable(outbox, 0) == ["k0"]
    outbox.hold("k0", until=5)
    outbox.add("k1", "text")
    assert writable(outbox, 4) == []
    assert outbox.wake(4) == 1
    assert writable(outbox, 5) == ["k0"]
    outbox.sent("k0")
    assert writable(outbox, 6) == ["k1"]


def test_several_refused_messages_are_repeated_one_by_one() -> None:
    """Each waits for the one before it."""
    outbox = filled()
    writable(outbox, 0)
    for key in ("k0", "k1", "k2"):
        outbox.hold(key, until=1)
    assert writable(outbox, 2) == ["k0"]
    outbox.sent("k0")
    assert writable(outbox, 2) == ["k1"]
    outbox.hold("k1", until=9)
    assert writable(outbox, 8) == []


def test_what_gets_no_answer_is_repeated() -> None:
    """The key makes it safe on a live socket too."""
    outbox = filled(1)
    writable(outbox, 0)
    assert outbox.wake(4) == 6
    assert writable(outbox, 10) == ["k0"]


def test_a_fresh_socket_gets_all_of_it_again() -> None:
    """Held or written, after `joined` everything open is written in order."""
    outbox = filled()
    writable(outbox, 0)
    outbox.hold("k1", until=100)
    outbox.sent("k0")
    outbox.joined()
    assert writable(outbox, 1) == ["k1", "k2"]


def test_an_unknown_key_changes_nothing() -> None:
    """An answer to a message that is already acknowledged is ignored."""
    outbox = filled(1)
    outbox.sent("other")
    outbox.hold("other", until=5)
    assert len(outbox) == 1
    assert writable(outbox, 0) == ["k0"]


def test_the_blocked_do_not_wake() -> None:
    """What waits behind a held message is no reason to look again before its time."""
    outbox = filled(2)
    writable(outbox, 0)
    outbox.hold("k0", until=50)
    assert outbox.wake(20) == 30
