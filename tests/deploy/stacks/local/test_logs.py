"""JSON for machines: each line says whose it is, and none holds what is secret."""

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from deploy.effects.client.http_client import HttpClient, LoginError
from deploy.effects.client.websocket_client import Refused, connect
from tests.running import RunningStack, changed_checkout, running_stack

pytestmark = pytest.mark.stack

JSON = ("parley.toml", 'log_format = "console"          ', 'log_format = "json"             ')
DEBUG = ("parley.toml", 'log_level = "info"    ', 'log_level = "debug"   ')


def parsed(lines: list[str]) -> list[dict[str, Any]]:
    """Return the app's lines; `up` puts the instance before each."""
    found = []
    for line in lines:
        start = line.find("{")
        if start >= 0 and line.rstrip().endswith("}"):
            found.append(json.loads(line[start:]))
    return found


async def busy(stack: RunningStack, password: str, text: str) -> set[str]:
    """Do what people do, right and wrong, and return what only they may know."""
    name = f"u{secrets.token_hex(6)}"
    visitor = HttpClient(stack.address)
    fields = {"username": name, "name": "Dora", "password1": password, "password2": password}
    assert (await visitor.post("/accounts/signup/", fields)).status == 302
    assert (await visitor.get("/nowhere/?secret=" + password)).status == 404
    guest = HttpClient(stack.address)
    with pytest.raises(LoginError):
        await guest.login(name, password + "x")
    secret = {*visitor.cookies.values()}
    async with connect(stack.address, await guest.guest("Eva")) as socket:
        secret |= {*guest.cookies.values()}
        await socket.welcome()
        await socket.join("lobby")
        await socket.send_text("lobby", text)
        await socket.raw(json.dumps({"type": "send", "room": "lobby", "key": text, "text": [text]}))
        await socket.expect("error", code="bad_field")
        with pytest.raises(Refused):
            await socket.ask("login", username=name, password=password + "y")
        await socket.write("login", ref="in", username=name, password=password)
        secret.add((await socket.expect("welcome", ref="in"))["ticket"])
    return secret


async def test_lines_have_ids_and_no_secrets(tmp_path: Path) -> None:
    """At `debug`, which says the most; nginx's access log is searched too."""
    root = changed_checkout(tmp_path / "checkout", JSON, DEBUG)
    password, text = secrets.token_urlsafe(20), secrets.token_urlsafe(20)
    with running_stack(tmp_path / "stack", root=root) as stack:
        secret = await busy(stack, password, text)
        await stack.line('"event": "socket ended"')
    logs = [path for path in (tmp_path / "stack").rglob("*.log") if path.is_file()]
    written = "".join(stack.lines) + "".join(path.read_text() for path in logs)
    key = next(path for path in (tmp_path / "stack").rglob("*secret*") if path.is_file()).read_text().strip()
    for one in {password, text, key, *secret}:
        assert len(one) >= 16
        assert one not in written

    lines = parsed(stack.lines)
    (missing,) = (line for line in lines if line["event"] == "Not Found: /nowhere/")
    sockets = [line for line in lines if line["event"].startswith("socket ")]
    access = [json.loads(line) for path in logs if path.name == "access.log" for line in path.read_text().splitlines()]
    assert {line["request"] for line in access if line["path"] == "/nowhere/"} == {missing["request"]}
    assert [line["event"] for line in sockets] == ["socket opened", "socket ended"]
    assert {line["request"] for line in access if line["path"] == "/ws/chat/"} == {line["socket"] for line in sockets}
    assert sockets[0]["user"] != sockets[1]["user"] == missing["user"]  # it logged in as who asked for that page
    assert "request" not in sockets[0]
    assert all("socket" not in line and "request" not in line for line in lines if "layer is" in line["event"])
