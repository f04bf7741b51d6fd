"""Projects on Compose with the parley.toml that `adopt` writes, as it is: served, rolled under people, rolled back."""

import asyncio
import json
from pathlib import Path

import pytest

from deploy.effects.client.http_client import HttpClient
from tests.deploy.stacks.compose.adopted import adopted
from tests.deploy.stacks.compose.served import (
    Served,
    heard,
    posted,
    refused,
    restored,
    rolled,
    rolled_with_another_limit,
    socket,
)
from tests.deploy.stacks.local.test_adopted import ticks

pytestmark = [pytest.mark.docker, pytest.mark.release, pytest.mark.timeout(900)]  # each builds two images

TITLE = ("<title>", "<title>next ")


async def drilled(served: Served) -> None:
    """Under each of these faults no page fails."""
    for fault in ("worker-kill", "nginx-reload", "instance-restart"):
        done = await asyncio.to_thread(served.parley, "drill", "run", fault, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        verdict = json.loads(done.stdout)
        assert (verdict["outcome"], verdict["counts"]) == ("passed", {}), fault
        assert set(verdict["statuses"]) == {"200"}


async def there_and_back(served: Served, changed: str) -> None:
    """Roll a release out whose page has another title, with another limit in nginx, and back."""
    first, client = served.releases, HttpClient(served.compose.address)
    await rolled_with_another_limit(served, served.release("next", (changed, *TITLE)))
    assert "<title>next" in (await client.get(served.page)).text
    assert not set(first) & set(served.releases)
    await rolled(served, "rollback")
    assert "<title>next" not in (await client.get(served.page)).text
    assert served.releases == first


def is_well(served: Served) -> None:
    """Have the doctor find nothing broken."""
    doctor = served.parley("doctor", "--wait", "30")
    assert doctor.returncode == 0, doctor.stdout


async def test_tokens(engine: None, tmp_path: Path) -> None:
    """Old packages and production settings; sockets that know who comes by their token, under two prefixes."""
    with adopted("token", tmp_path, "/rooms/lobby/") as served:
        client = HttpClient(served.compose.address)
        assert (await client.get(served.page)).status == 200
        token = (await posted(served, "/api/token/", b'{"name": "a"}')).json()["token"]
        room, notices = (f"{path}?token={token}" for path in ("/rooms/lobby/live/", "/socket/notices/"))
        here, there = served.instances
        async with (
            socket(here, room) as one,
            socket(there, room) as other,
            socket(served.compose.address, notices) as counter,
        ):
            await one.send(json.dumps({"body": "to all"}))
            message = {"room": "lobby", "author": "a", "body": "to all"}
            assert [await heard(one), await heard(other)] == [message] * 2
            assert await heard(counter) == {"room": "lobby"}
        is_well(served)
        restored(served, "rooms", "UPDATE rooms_post SET body = 'changed'", "UPDATE rooms_token SET name = 'changed'")
        await drilled(served)
        async with socket(served.compose.address, room) as stays:
            why = "rooms/consumers.py:2: ModuleNotFoundError: No module named 'channels.nowhere'"
            broken = ("rooms/consumers.py", "channels.generic.websocket", "channels.nowhere")
            await refused(served, served.release("broken", broken), why)
            failing = ("rooms/views.py", '"rooms/home.html"', '"rooms/nowhere.html"')
            await refused(served, served.release("failing", failing), "/ answers 500")
            await stays.send(json.dumps({"body": "still here"}))
            assert (await heard(stays))["body"] == "still here"
        await there_and_back(served.with_sockets(room, notices, each=100), "rooms/templates/rooms/room.html")


async def test_plain_django(engine: None, tmp_path: Path) -> None:
    """Its events come one by one through nginx, and no page fails."""
    with adopted("plain", tmp_path, "/") as served:
        assert (await HttpClient(served.compose.address).get("/")).status == 200
        events = await asyncio.to_thread(ticks, served.compose.address)
        assert events == [b'data: {"tick": 1}\n', b'data: {"tick": 2}\n']
        is_well(served)
        restored(served, "sessions", "UPDATE django_session SET session_data = 'changed'")
        await drilled(served)
        why = "clock/views.py:4: ModuleNotFoundError: No module named 'django.nowhere'"
        await refused(served, served.release("broken", ("clock/views.py", "django.http", "django.nowhere")), why)
        failing = ("clock/views.py", '"clock/page.html"', '"clock/nowhere.html"')
        await refused(served, served.release("failing", failing), "/ answers 500")
        assert (await HttpClient(served.compose.address).get("/")).status == 200
        await there_and_back(served, "clock/templates/clock/page.html")


async def test_a_worker_of_channels(engine: None, tmp_path: Path) -> None:
    """What is sent to a channel by its name arrives in the worker, and its answer at the socket that asked."""
    with adopted("press", tmp_path, "/") as served:
        here, there = served.instances
        async with socket(here, "/ws/desk/") as one, socket(there, "/ws/desk/") as other:
            await one.send(json.dumps({"text": "to all"}))
            assert [await heard(one), await heard(one)] == [{"mine": 1}, {"printed": 1, "text": "TO ALL"}]
            assert await heard(other) == {"printed": 1, "text": "TO ALL"}
            assert (await posted(served, "/texts/", b"by a view")).status == 202
            assert [await heard(one), await heard(other)] == [{"printed": 2, "text": "BY A VIEW"}] * 2
            failing = ("prints/views.py", '"prints/desk.html"', '"prints/nowhere.html"')
            await refused(served, served.release("failing", failing), "/ answers 500")
            await other.send(json.dumps({"text": "still here"}))
            assert await heard(other) == {"mine": 3}
        is_well(served)
        restored(served, "prints", "UPDATE prints_print SET text = 'changed'")
        await drilled(served)
        await there_and_back(served.with_sockets("/ws/desk/", each=200), "prints/templates/prints/desk.html")
        async with socket(served.compose.address, "/ws/desk/") as back:
            await back.send(json.dumps({"text": "after"}))
            assert (await heard(back)).keys() == {"mine"}
