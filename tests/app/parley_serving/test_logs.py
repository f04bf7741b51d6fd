"""What a request leaves in the log: one line for a refusal, the traceback for what is a fault of ours."""

import json
import logging
import re
from contextvars import Context
from functools import cache
from logging.config import DictConfigurator
from typing import Any

import pytest

from parley_serving.ids import bind
from parley_serving.logs import configuration
from tests.app.config.test_settings import python
from tests.app.parley_serving.test_environment import PRODUCTION

ASK = """
import sys
from config.settings.select import select_settings
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


def line(style: str, event: object, *arguments: object, level: int = logging.INFO, **more: Any) -> str:
    """Return what the formatter of the configuration makes of a record that was created at a known moment."""
    formatters = configuration(style=style, level="info")["formatters"]
    formatter = DictConfigurator({}).configure_formatter(dict(formatters["line"]))
    extra, caught = more.pop("extra", None), more.pop("exc_info", None)
    record = logging.getLogger("chat.person").makeRecord(
        "chat.person", level, "person.py", 1, event, arguments, caught, extra=extra, **more
    )
    record.created = 1_790_000_000
    return str(formatter.format(record))


GIVEN = {"zeta": "a b", "alpha": "plain", "eq": "a=b", "n": 1.5, "none": None, "obj": {1: (2,)}, "type": object}
LINES = [  # those that structlog wrote, before the standard library did
    (
        ("short",),
        {},
        '{"event": "short", *',
        "* [info     ] short                          [chat.person]",
    ),
    (
        ("longer than the column: limit=%s address=%s waiting=%d", "pages", "::1", 7),
        {"level": logging.WARNING},
        '{"event": "longer than the column: limit=pages address=::1 waiting=7", *',
        "* [warning  ] longer than the column: limit=pages address=::1 waiting=7 [chat.person]",
    ),
    (
        ("odd",),
        {"extra": GIVEN | {"quote": "it's", "empty": "", "request": object()}},
        (
            '{"event": "odd", "zeta": "a b", "alpha": "plain", "eq": "a=b", "n": 1.5, "none": null, "obj": {"1": [2]}, '
            '"type": "<class \'object\'>", "quote": "it\'s", "empty": "", *'
        ),
        (
            "* [info     ] odd                            [chat.person] alpha=plain empty= eq='a=b' n=1.5 none=None "
            "obj={1: (2,)} quote=\"it's\" type=<class 'object'> zeta='a b'"
        ),
    ),
    (
        ("kept",),
        {"extra": {"request": "text"}},
        '{"event": "kept", "request": "text", *',
        "* [info     ] kept                           [chat.person] request=text",
    ),
    (
        ("ünï\nline 100%",),
        {"level": logging.ERROR},
        '{"event": "\\u00fcn\\u00ef\\nline 100%", *',
        "* [error    ] ünï\nline 100%                  [chat.person]",
    ),
    (
        ({"a": 1},),
        {"level": 25},
        """{"event": "{'a': 1}", *""",
        "* [level 25 ] {'a': 1}                       [chat.person]",
    ),
    (
        ("failed",),
        {"level": logging.ERROR, "exc_info": (ValueError, ValueError("a bug"), None)},
        '{"event": "failed", *, "exception": "ValueError: a bug"}',
        "* [error    ] failed                         [chat.person]\nValueError: a bug",
    ),
    (
        ("refused: %s", "x"),
        {"exc_info": (ValueError, ValueError("a\n reason"), None), "extra": {"status_code": 403, "a": 1}},
        '{"event": "refused: x", "status_code": 403, "a": 1, *, "reason": "a reason"}',
        "* [info     ] refused: x                     [chat.person] a=1 reason='a reason' status_code=403",
    ),
    (
        ("nothing was caught",),
        {"exc_info": (None, None, None)},
        '{"event": "nothing was caught", *',
        "* [info     ] nothing was caught             [chat.person]",
    ),
]


@pytest.mark.parametrize(("arguments", "more", "as_json", "as_columns"), LINES)
def test_a_line_looks_as_it_always_did(
    arguments: tuple[object, ...], more: dict[str, Any], as_json: str, as_columns: str
) -> None:
    """Somebody reads them with a program: the same keys in the same order, the same columns."""
    time = "2026-09-21T14:13:20.000000Z"
    level = logging.getLevelName(more.get("level", logging.INFO)).lower()
    tail = f'"logger": "chat.person", "level": "{level}", "timestamp": "{time}"'
    before, _, after = as_json.partition("*")
    assert Context().run(line, "json", *arguments, **more) == f"{before}{tail}{after or '}'}"
    assert Context().run(line, "console", *arguments, **more) == as_columns.replace("*", time, 1)


def test_a_line_has_the_ids_of_its_context() -> None:
    """What is given with the event counts more."""

    def of_a_socket() -> tuple[str, ...]:
        bind(socket="0a", user=7)
        return line("json", "x"), line("json", "x", extra={"user": 8}), line("console", "x")

    first, second, third = Context().run(of_a_socket)
    assert list(json.loads(first)) == ["event", "socket", "user", "logger", "level", "timestamp"]
    assert (json.loads(first)["user"], json.loads(second)["user"]) == (7, 8)
    assert third.endswith(" [chat.person] socket=0a user=7")
    assert "user" not in json.loads(Context().run(line, "json", "x"))


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_record_is_left_as_it_was(style: str) -> None:
    """A handler of the project's own may come after ours."""
    formatter = DictConfigurator({}).configure_formatter(
        dict(configuration(style=style, level="info")["formatters"]["line"])
    )
    record = logging.makeLogRecord({"msg": "%s", "args": ("x",), "exc_info": (ValueError, ValueError("y"), None)})
    before = dict(record.__dict__)
    assert re.search(r"\bx\b", formatter.format(record))
    assert record.__dict__ == before


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("extra", [{"event": {"type": "hello"}}, {"data": {(1, 2): 3}}, {"level": "x"}], ids=str)
def test_whatever_a_project_adds_to_a_line_its_words_stay(style: str, extra: dict[str, Any]) -> None:
    """A name of ours does not replace them, and a value that JSON has no form for does not lose the line."""
    formatters = configuration(style=style, level="info")["formatters"]
    formatter = DictConfigurator({}).configure_formatter(dict(formatters["line"]))
    record = logging.LogRecord("own", logging.INFO, __file__, 1, "a line of %s", ("theirs",), None)
    record.__dict__.update(extra)
    said = str(formatter.format(record))
    assert "a line of theirs" in said
    if style == "json":
        assert json.loads(said)["level"] == "info"
