"""Prefixes of a project's URLs: what nginx cannot take is named, and a longer one keeps what a shorter one has."""

from typing import Any

import pytest

from deploy.errors import BadInputError
from deploy.model import paths
from deploy.model.paths import Paths, Place, places
from deploy.model.sockets import prefix


@pytest.mark.parametrize("text", ["/", "/ws/", "/socket", "/live/v1.2/", "/räume/", "/a-b_c~d@e+f/"])
def test_a_prefix_is_taken_as_it_is(text: str) -> None:
    """With a / at its end or without, in any language."""
    assert prefix(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a prefix of paths"),
        ("ws/", "is not a prefix of paths"),
        ("/w s/", "is not a prefix of paths"),
        ("/ws/\n", "is not a prefix of paths"),
        ('/w"s/', "is not a prefix of paths"),
        ("/ws;", "is not a prefix of paths"),
        ("/ws/{room}/", "is a pattern"),
        ("^ws/", "is a pattern"),
        (r"/ws/(?P<room>\w+)/$", "is a pattern"),
        ("/ws/<str:room>/", "is a pattern"),
        ("~ /ws/", "is not a prefix of paths"),
        ("/r%C3%A4ume/", "is encoded"),
        ("/ws//chat/", "takes //"),
        ("/ws/../", "takes //"),
        ("/./ws/", "takes //"),
    ],
)
def test_what_nginx_cannot_take_is_named(text: str, why: str) -> None:
    """In one line, with the text itself."""
    with pytest.raises(ValueError, match=why) as refused:
        prefix(text)
    assert repr(text) in str(refused.value)


def test_the_chats_places() -> None:
    """Sockets under one prefix; and /ws is a page, which nginx does not redirect."""
    assert places(Paths()) == [
        Place("/", sockets=False, streams=False),
        Place("/ws/", sockets=True, streams=False),
        Place("= /ws", sockets=False, streams=False),
    ]


def test_a_longer_prefix_takes_what_a_shorter_one_does() -> None:
    """Each way round; and what is both stands once."""
    found = places(Paths(sockets=("/", "/live/"), streams=("/live/", "/live/feed", "/api/")))
    assert found == [
        Place("/", sockets=True, streams=False),
        Place("/live/", sockets=True, streams=True),
        Place("/live/feed", sockets=True, streams=True),
        Place("/api/", sockets=True, streams=True),
        Place("= /live", sockets=True, streams=False),
        Place("= /api", sockets=True, streams=False),
    ]


def test_a_place_that_nginx_answers_itself_stands_once() -> None:
    """Two locations of one name would stop nginx."""
    assert [place.match for place in places(Paths(sockets=("/metrics/",)))] == ["/", "/metrics/"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"static_url": "/"}, "static files and pages cannot both lie under '/'"),
        ({"media_url": "/static/"}, "uploaded files and static files cannot both lie under '/static/'"),
        ({"sockets": ("/static/",)}, "static files lie under '/static/', so no socket or stream can have it"),
        ({"media_url": "/up/", "streams": ("/up/",)}, "uploaded files lie under '/up/', so no socket or stream"),
    ],
)
def test_one_place_is_for_one_thing(given: dict[str, Any], said: str) -> None:
    """nginx would take only one of them."""
    with pytest.raises(BadInputError, match=f"^{said}"):
        paths.require(Paths(**given))


def test_everything_may_take_sockets_and_streams() -> None:
    """The root is no clash: pages lie there anyway."""
    paths.require(Paths(sockets=("/",), streams=("/",), static_url="", media_url=""))
