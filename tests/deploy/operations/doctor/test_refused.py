"""Which lines of a log say that the sandbox refused something, and which ones a visitor may have written."""

import asyncio
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from deploy.errors import StackError
from deploy.operations.doctor import compose
from deploy.operations.doctor.check import Broken
from deploy.operations.doctor.checks.running import refused
from parley_serving import logs
from parley_serving.project.refusals import FIELD

if TYPE_CHECKING:
    from deploy.operations.doctor.target import Target

LINE = "my notes/a: b.txt is read-only: name its folder in project.sandbox.write"
WHY = f"{LINE} of parley.toml"
PLAIN = "my notes/a.txt is read-only: name its folder in project.sandbox.write"
NO_WAY = "Network is unreachable: project.sandbox.internet"
ASKED = f"Not Found: /{PLAIN} of parley.toml"


def logged(write: Any, event: str, status: int, **more: str) -> str:
    """Write a line as an instance does."""
    line = {"event": event, **more, "status_code": status}
    return str(write(line | {"logger": "django.request", "level": "error", "timestamp": "2026-11-28T12:00:00Z"}))


def found(line: str) -> str:
    """Give the evidence; empty: nothing was refused."""
    said = SimpleNamespace(said=lambda: {"web-1": f"before\n{line}\nafter"})
    try:
        asyncio.run(refused(cast("Target", SimpleNamespace(adapter=said))))
    except Broken as evidence:
        return str(evidence).removeprefix("web-1: ")
    return ""


@pytest.mark.parametrize("write", [logs.as_json, logs.as_columns])
def test_a_line_of_an_instance(write: Any) -> None:
    """By its field, whatever the path has in it."""
    assert found(logged(write, f"Internal Server Error: /note/: {WHY}", 500, **{FIELD: WHY})) == LINE


@pytest.mark.parametrize(
    ("line", "evidence"),
    [
        (f"{PLAIN} of parley.toml", PLAIN),
        (f"[2026-11-28 12:00:00: ERROR/ForkPoolWorker-1] Task mail raised unexpected: {PLAIN} of parley.toml", PLAIN),
        (f"Internal Server Error: /note/: {PLAIN} of parley.toml", PLAIN),
        (f"Task mail raised unexpected: {NO_WAY} of parley.toml is false, so no other host is reached", NO_WAY),
    ],
)
def test_a_line_of_another_program(line: str, evidence: str) -> None:
    """By its end."""
    assert found(line) == evidence


@pytest.mark.parametrize(
    "line",
    [
        logged(logs.as_json, ASKED, 404),
        logged(logs.as_columns, ASKED, 404),
        logged(logs.as_columns, f"Not Found: /] {FIELD}='{WHY}'", 404),
        ASKED,
        f"Method Not Allowed (POST): /{PLAIN} of parley.toml",
        f"WARNING:django.request:{ASKED}",
        json.dumps([ASKED]),
        f'"GET /{PLAIN} of parley.toml HTTP/1.1" 404',
        "{no JSON",
    ],
)
def test_what_a_visitor_asks_for_is_no_refusal(line: str) -> None:
    """Anybody can have it logged."""
    assert found(line) == ""


def test_a_log_that_cannot_be_read_is_said() -> None:
    """Nobody knows what is in it: its container is gone, or its driver keeps nothing."""
    with pytest.raises((StackError, OSError)):
        compose._log({"Id": "there-is-no-such-container", "State": {"StartedAt": "2026-11-28T12:00:00Z"}})
