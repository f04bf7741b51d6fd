"""What of a cookie is taken for a session's key: all who come at one moment are read with one query."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser

from accounts.sessions import session_open
from chat.handshake import KEY_CHARACTERS, Handshake, session_key
from chat.runtime import runtime
from tests.app.chat.conftest import Place

KEY = "0123456789abcdefghijklmnopqrstuv"


def coming(*cookies: str) -> dict[str, Any]:
    """A handshake with these cookie headers."""
    headers = [(b"cookie", cookie.encode("latin-1")) for cookie in cookies]
    return {"type": "websocket", "headers": [(b"host", b"localhost"), *headers]}


@pytest.mark.parametrize(
    ("cookies", "key"),
    [
        ([], ""),
        (["csrftoken=x"], ""),
        (["sessionid="], ""),
        ([f"sessionid={KEY}"], KEY),
        ([f"csrftoken=x; sessionid={KEY}; a=b"], KEY),
        ([f"sessionid={KEY.upper()}"], KEY.upper()),
        ([f"sessionid={'k' * KEY_CHARACTERS}"], "k" * KEY_CHARACTERS),
    ],
)
def test_the_key_of_a_cookie(cookies: list[str], key: str) -> None:
    """As Django reads it."""
    assert session_key(coming(*cookies)) == key


ODD = {
    "longer than the column": "k" * (KEY_CHARACTERS + 1),
    "a letter that is not ASCII": f"{KEY[:-1]}é",
    "digits that are not ASCII": f"{KEY[:-1]}²",
    "U+0000, which PostgreSQL refuses": f"{KEY[:-1]}\x00",
    "a quote": f"{KEY[:-1]}'",
    "a space inside": f"{KEY[:5]} {KEY[5:]}",
    "a path": "../../etc/passwd",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_key_is_none(odd: str) -> None:
    """It reaches no query: one that the database refuses would turn away all who came at the same moment."""
    assert session_key(coming(f"sessionid={odd}")) == ""


async def test_whoever_has_an_odd_key_comes_as_nobody(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a question; whoever has a good one comes as who they are."""
    made, asked, came = runtime(), [], []
    ask = made.people.ask

    async def asked_for(key: str) -> Any:
        asked.append(key)
        return await ask(key)

    async def application(scope: Any, *_: object) -> None:
        came.append((scope["session_key"], scope["user"]))

    monkeypatch.setattr(made.people, "ask", asked_for)
    key, _ = await sync_to_async(session_open)(user=place.ada)
    for given in (*ODD.values(), key):
        await Handshake(application)(coming(f"sessionid={given}"), None, None)
    await made.stop()
    assert asked == [key]
    assert [user for _, user in came] == [AnonymousUser()] * len(ODD) + [place.ada]
    assert [session for session, _ in came] == [""] * len(ODD) + [key]
