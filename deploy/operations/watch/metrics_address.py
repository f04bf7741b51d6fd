"""run/watch.json: where the `watch` of a running `up` serves its metrics, for `render prometheus`."""

import json
from dataclasses import asdict, dataclass

from deploy.effects import files
from deploy.stacks.local.layout import Layout


@dataclass(frozen=True)
class Note:
    """Its address, and the seconds between two tries."""

    metrics: str
    seconds: float


def read(layout: Layout) -> Note | None:
    """Return it, if there is one. What a kill -9 left names somebody who is gone: an alert says so then."""
    try:
        return Note(**json.loads(layout.watch.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def write(layout: Layout, note: Note) -> None:
    """Leave it."""
    files.write(layout.watch, json.dumps(asdict(note)) + "\n")


def remove(layout: Layout) -> None:
    """Take it away."""
    files.remove(layout.watch)
