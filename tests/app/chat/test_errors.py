"""What a page says while nothing can be stored."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from chat.errors import busy_page
from tests.app.database import refuse_all, refuse_data, refuse_writes

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a long enough one"
ADA = {"username": "ada", "password": PASSWORD}
EVA = {"username": "eva", "name": "Eva", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def client(client: Client) -> Client:
    """A browser, which sees the answer and no exception."""
    client.raise_request_exception = False
    return client


@pytest.fixture
def ada() -> User:
    """Somebody who signed up."""
    return User.objects.create_user("ada", password=PASSWORD, name="Ada")


@pytest.mark.parametrize("refuse", [refuse_writes, refuse_all])
@pytest.mark.parametrize(("door", "fields"), [("guest", {"name": "Eva"}), ("login", ADA), ("signup", EVA)])
def test_no_way_in_while_nothing_can_be_stored(
    client: Client, ada: User, door: str, fields: dict[str, str], refuse: Callable[..., Any]
) -> None:
    """503 with a page and a time to try again; nobody half made, and the same form gets in afterwards."""
    with connection.execute_wrapper(refuse):
        answer = client.post(f"/accounts/{door}/", fields)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "please try again" in answer.content.decode()
    assert "sessionid" not in answer.cookies
    assert User.objects.get() == ada
    assert client.post(f"/accounts/{door}/", fields).status_code == 302


def test_a_page_of_somebody_inside(client: Client, ada: User) -> None:
    """Also where not even the person can be read, in whose language it is said."""
    client.force_login(ada)
    client.cookies["django_language"] = "es"
    with connection.execute_wrapper(refuse_writes):
        answer = client.post("/rooms/", {"title": "Hall", "kind": "public"})
    assert answer.status_code == 503
    assert "inténtalo de nuevo" in answer.content.decode()
    with connection.execute_wrapper(refuse_all):
        assert client.get("/").status_code == 503


@pytest.mark.parametrize("door", ["guest", "login", "signup"])
def test_what_the_database_cannot_hold(client: Client, door: str, caplog: pytest.LogCaptureFixture) -> None:
    """A text that grew after it was checked is bad input: 400, one line, and no traceback."""
    with connection.execute_wrapper(refuse_data):
        answer = client.post(f"/accounts/{door}/", {"guest": {"name": "Eva"}, "login": ADA, "signup": EVA}[door])
    assert answer.status_code == 400
    assert "could not be understood" in answer.content.decode()
    (line,) = [record for record in caplog.records if record.name == "chat.errors"]
    assert "too long" in line.getMessage()
    assert line.exc_info is None


def test_a_bug_is_a_bug(client: Client, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not the database's state stays 500."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("not in the contract")

    client.force_login(ada)
    monkeypatch.setattr("chat.selectors.rooms_listed_for", broken)
    assert client.get("/").status_code == 500


@pytest.mark.parametrize("door", ["guest", "login", "signup", "ticket"])
def test_a_form_that_cannot_be_read(door: str) -> None:
    """In no alphabet that forms have: 400, where Django's own page reads it once more and fails."""
    client = Client(enforce_csrf_checks=True)
    client.raise_request_exception = False
    client.get("/accounts/login/")
    kind = "application/x-www-form-urlencoded; charset=utf-16"
    answer = client.post(f"/accounts/{door}/", b"name=Eva", content_type=kind)
    assert answer.status_code == 400
    assert "could not be understood" in answer.content.decode()


@pytest.mark.parametrize(
    ("language", "said"), [("es-AR,en;q=0.5", "Ahora mismo no"), ("en", "Not just now"), ("xx", "Not")]
)
def test_who_is_refused_before_django_is_told_in_their_language(language: str, said: str) -> None:
    """Whatever else cannot be read in the request."""
    headers = [(b"accept-language", language.encode()), (b"host", b"\xff")]
    scope = {"type": "http", "method": "POST", "path": "/\xff", "query_string": b"\xff", "headers": headers}
    assert said in busy_page(scope).decode()


@pytest.mark.parametrize("path", ["/nowhere/", "/rooms//", "/rooms/lobby/"])
@pytest.mark.parametrize("kind", ["boundary=x; charset=\xff", "boundary=\xff", "", "boundary=x"])
def test_a_form_that_is_none_is_no_fault_of_ours(path: str, kind: str) -> None:
    """Nor where there is no page: Django reads the form once more there, for its token."""
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "a" * 32
    answer = client.generic(
        "POST", path, b"--x--", f"multipart/form-data; {kind}", headers={"origin": "http://testserver"}
    )
    assert answer.status_code in ({400, 403} if path == "/rooms/lobby/" else {404})
