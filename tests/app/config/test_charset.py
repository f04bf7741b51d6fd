"""A client may name a charset, and no codec but UTF-8 is asked."""

from http import HTTPStatus

import pytest
from django.test import AsyncClient, Client

BODY = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n+2AA-\r\n--x--\r\n'
CODECS = ["rot13", "hex", "zip", "idna", "utf-7", "utf-16", "latin-1", "undefined"]


def kind(charset: str) -> str:
    """Name it in a Content-Type."""
    return f"multipart/form-data; boundary=x; charset={charset}"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("charset", CODECS)
@pytest.mark.parametrize("path", ["/accounts/guest/", "/accounts/login/?next=/", "/admin/login/", "/nowhere/"])
async def test_no_codec_is_asked(path: str, charset: str, method: str) -> None:
    """400, whatever the page; under ASGI, as it is served."""
    answer = await AsyncClient(raise_request_exception=False).generic(method, path, BODY, kind(charset))
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "could not be understood" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "u8", "nonsense", '"utf-8"', ""])
def test_utf8_has_many_names(charset: str) -> None:
    """What Python does not know Django reads as UTF-8."""
    client = Client()
    body = BODY.replace(b"+2AA-", "Zoë".encode())
    assert client.generic("POST", "/accounts/guest/", body, kind(charset)).status_code == HTTPStatus.FOUND
    assert "Zoë" in client.get("/").content.decode()


def test_another_under_wsgi() -> None:
    """Which tests speak."""
    answer = Client(raise_request_exception=False).generic("POST", "/accounts/guest/", BODY, kind("utf-7"))
    assert answer.status_code == HTTPStatus.BAD_REQUEST
