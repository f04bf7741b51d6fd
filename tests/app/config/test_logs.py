"""What a request leaves in the log: one line for a refusal, the traceback for what is a fault of ours."""

import json
from functools import cache

import pytest

from tests.app.config.test_env import PRODUCTION
from tests.app.config.test_settings import python

ASK = """
import sys
from config.env import select_settings
select_settings()
import django
django.setup()
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from config import urls

raised = {
    "permission": PermissionDenied("Only members\\ndo this."),
    "nothing": PermissionDenied(),
    "suspicious": SuspiciousOperation("A forged thing."),
    "bad": BadRequest("No such form."),
    "bug": RuntimeError("a bug of ours"),
}

def refuse(request, what):
    raise raised[what] from ValueError("the cause")

def read(request):
    return HttpResponse(request.POST.get("x", ""))

def ask(client, kind):
    match kind:
        case "csrf":
            return Client(enforce_csrf_checks=True, headers={"host": HOST}).post("/read/", {"x": "y"})
        case "form":
            return client.post("/read/", b"--x", content_type="multipart/form-data")
        case "large":
            with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1):
                return client.post("/read/", b"x=yyy", content_type="application/x-www-form-urlencoded")
        case "host":
            return client.get("/read/", headers={"host": "evil.example"})
        case "missing":
            return client.get("/no/where/")
        case _:
            return client.get(f"/odd/{kind}/")

handler400 = "chat.errors.bad_request"
handler500 = "chat.errors.server_error"
urlpatterns = [path("read/", read), path("odd/<slug:what>/", refuse), *urls.urlpatterns]
plain = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
with override_settings(ROOT_URLCONF="__main__", STORAGES=plain):
    for kind in KINDS:
        print(f"--- {kind}", file=sys.stderr)
        print(ask(Client(raise_request_exception=False, headers={"host": HOST}), kind).status_code)
"""
REFUSED = {  # kind → (status, what its one line says)
    "permission": (403, "Only members do this."),
    "nothing": (403, "Forbidden (Permission denied): /odd/nothing/"),
    "csrf": (403, "CSRF cookie not set"),
    "form": (400, "Invalid boundary"),
    "large": (400, "exceeded settings.DATA_UPLOAD_MAX_MEMORY_SIZE"),
    "suspicious": (400, "A forged thing."),
    "bad": (400, "No such form."),
    "host": (400, "Invalid HTTP_HOST header: 'evil.example'"),
    "missing": (404, "Not Found: /no/where/"),
}


@cache
def asked(style: str) -> dict[str, tuple[int, list[str]]]:
    """Ask a process for each of these and for a bug; return the status and the lines that it logged, by kind."""
    kinds = [*REFUSED, "bug"]
    production = PRODUCTION | {"PARLEY_DATABASE_URL": "sqlite://:memory:", "PARLEY_LOG_FORMAT": style}
    host, environment = ("localhost", {"PARLEY_ENV": "local"}) if style == "debug" else ("chat.example.com", production)
    done = python(f"KINDS, HOST = {kinds!r}, {host!r}\n{ASK}", **environment)
    assert done.returncode == 0, done.stderr
    logged = [lines.splitlines()[1:] for lines in done.stderr.split("--- ")[1:]]
    return dict(zip(kinds, zip(map(int, done.stdout.split()), logged, strict=True), strict=True))


@pytest.mark.parametrize("style", ["console", "json", "debug"])
@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_is_one_line(kind: str, style: str) -> None:
    """It says why; a visitor causes it, so no traceback: a scanner would bury those of real faults."""
    status, lines = asked(style)[kind]
    expected, reason = REFUSED[kind]
    assert status == expected
    (line,) = lines
    assert reason in line
    if style == "json":
        assert json.loads(line)["status_code"] == status
        assert "exception" not in json.loads(line)


@pytest.mark.parametrize("style", ["console", "json", "debug"])
def test_a_fault_of_ours_keeps_its_traceback(style: str) -> None:
    """With its cause, once."""
    status, lines = asked(style)["bug"]
    assert status == 500
    text = "\n".join(lines)
    assert text.count("Internal Server Error") == 1
    assert "Traceback" in text
    assert "RuntimeError: a bug of ours" in text
    assert "ValueError: the cause" in text
