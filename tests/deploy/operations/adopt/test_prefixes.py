"""Patterns of URLs as prefixes of nginx."""

import pytest

from deploy.operations.adopt.prefixes import of_regex, of_route, prefixes


@pytest.mark.parametrize(
    ("regex", "begin", "is_whole"),
    [
        (r"ws/chat/(?P<room>\w+)/$", "ws/chat/", False),
        (r"^ws/chat/$", "ws/chat/", True),
        (r"^/?ws/$", "ws/", True),
        (r"ws/v1\.2/x", "ws/v1.2/x", True),
        (r"ws/rooms?/", "ws/room", False),
        (r"", "", True),
        (r".*", "", False),
    ],
)
def test_a_regular_expression_begins_with_a_text(regex: str, begin: str, is_whole: bool) -> None:
    """Up to the first sign that is none."""
    assert of_regex(regex) == (begin, is_whole)


def test_a_route_begins_with_a_text() -> None:
    """Up to its first parameter."""
    assert of_route("ws/chat/<slug:room>/") == ("ws/chat/", False)
    assert of_route("ws/") == ("ws/", True)


@pytest.mark.parametrize(
    ("begins", "cut"),
    [
        (["ws/chat/", "ws/notices/"], ["/ws/"]),
        (["ws/chat/"], ["/ws/"]),
        (["ws"], ["/ws"]),
        (["ws", "ws/chat/"], ["/ws"]),
        (["api/ws/game/", "api/ws/chat/"], ["/api/ws/"]),
        (["game/start/", "game/state/"], ["/game/"]),
        (["chat/"], ["/chat/"]),
        (["rooms/", "socket/notices/"], ["/rooms/", "/socket/"]),
        (["", "ws/"], ["/"]),
        (["chat room/"], ["/chat"]),
        ([], []),
    ],
)
def test_paths_are_cut_to_prefixes(begins: list[str], cut: list[str]) -> None:
    """The folder that is named after sockets, else what they share."""
    assert prefixes(begins) == cut
