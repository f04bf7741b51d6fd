"""What a graceful stop owes: nobody's socket ends before it was asked to come back."""

from collections.abc import Iterator

from deploy.operations.drill.journal import Closed, Connected, Drained, Journal
from deploy.operations.drill.verdict import Violation, Window

BY_THE_SERVER = {1001, 1006, 1012}  # what a server that stops closes with, or leaves behind


def cut_violations(journal: Journal, window: Window) -> Iterator[Violation]:
    """Give each socket that the server ended since the window's start without a `drain` before it."""
    is_open = was_asked = False
    for event in journal.events:
        if isinstance(event, Connected):
            is_open, was_asked = True, False
        elif isinstance(event, Drained):
            was_asked = True
        elif isinstance(event, Closed):
            if is_open and not was_asked and event.code in BY_THE_SERVER and event.mono >= window.start:
                yield Violation("cut", journal.client, None, f"closed with {event.code}, not asked to come back")
            is_open = False
