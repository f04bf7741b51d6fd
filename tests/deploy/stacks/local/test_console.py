"""Lines on the terminal."""

import os
from collections.abc import Iterator
from io import FileIO

import pytest

from deploy.stacks.local.console import PIPE_BYTES, Console


@pytest.fixture
def pipe() -> Iterator[tuple[FileIO, Console]]:
    """A console that writes into a pipe, and the end to read from."""
    reading, writing = os.pipe()
    with FileIO(reading) as end, FileIO(writing, "w"):
        yield end, Console(writing)


def test_each_line_has_its_name_and_no_colour(pipe: tuple[FileIO, Console]) -> None:
    """A pipe is not a terminal."""
    reading, console = pipe
    console.say("web-1", "héllo")
    console.say("up", "")
    assert reading.read(1000).decode() == "web-1  | héllo\nup     |\n"


def test_a_reader_that_stopped_reading_stops_nobody(pipe: tuple[FileIO, Console]) -> None:
    """What does not fit is left out, and said when there is room again."""
    reading, console = pipe
    for _ in range(200):
        console.say("web-1", "x" * 2000)
    assert reading.read(1_000_000).count(b"\n") < 200
    console.say("web-1", "again")
    said = reading.read(1_000_000).decode().splitlines()
    assert said[0].endswith("lines were left out: nobody read them")
    assert said[1] == "web-1  | again"


def test_a_reader_that_went_away_stops_nobody(pipe: tuple[FileIO, Console]) -> None:
    """The terminal is closed; a signal ends the stack, not a line."""
    reading, console = pipe
    reading.close()
    console.say("web-1", "x")


def test_a_line_longer_than_a_pipe_takes_is_cut(pipe: tuple[FileIO, Console]) -> None:
    """A longer one could block."""
    reading, console = pipe
    console.say("web-1", "x" * 10_000)
    assert len(reading.read(100_000)) == PIPE_BYTES
