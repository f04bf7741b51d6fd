"""A finished frame is what websockets itself would have written."""

import pytest
from websockets.frames import Frame as Reference
from websockets.frames import Opcode

from realtime.frame import Frame


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 300_000])
def test_the_header_is_that_of_rfc_6455(length: int) -> None:
    """At every size where the header changes its form."""
    payload = b"x" * length
    reference = Reference(Opcode.TEXT, payload).serialize(mask=False)
    assert Frame(payload).wire == bytes(reference)


def test_it_is_made_once() -> None:
    """However many sockets ask."""
    frame = Frame('{"text":"ñ 😀"}'.encode(), 3)
    assert frame.wire is frame.wire
    assert frame.text == '{"text":"ñ 😀"}'
    assert frame.entries == 3
