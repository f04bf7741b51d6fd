"""One command brings it up, and people chat across the replicas."""

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient, guest
from deploy.effects.client.websocket_client import connect
from deploy.model.release import release
from tests.deploy.stacks.compose.stack import RunningCompose, command

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

NGINX_ERROR = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[")  # it has no other way to write them


def test_up_waits_until_all_of_it_is_healthy(compose: RunningCompose) -> None:
    """And prints how long that took from built images: other tests run beside it, so no time is asserted."""
    print(f"up --wait: {compose.up_seconds:.1f} s")  # noqa: T201 (the figure of docs/deploying.md)
    services = {one["Config"]["Labels"]["com.docker.compose.service"] for one in compose.containers()}
    assert services == {"edge", "web", "redis", "postgres", "cleanup"}
    assert compose.road("docker compose -f docker-compose.prod.yml ps").count("(healthy)") == len(compose.containers())
    assert '"event": ' in compose.road("docker compose -f docker-compose.prod.yml logs --tail 20 web")


async def test_chat_across_all_replicas(compose: RunningCompose) -> None:
    """Nine people over wss: each replica has some of them, and each of them reads what one wrote."""
    async with AsyncExitStack() as stay:
        sockets, instances = [], set()
        for number in range(9):
            cookie = await guest(compose.address, f"person {number}")
            socket = await stay.enter_async_context(connect(compose.address, cookie))
            welcome = await socket.welcome()
            assert welcome["server"] == release()
            instances.add(welcome["instance"])
            await socket.join("lobby")
            sockets.append(socket)
        assert instances == compose.instances()
        assert len(instances) == 3
        sent = await sockets[0].send_text("lobby", "across")
        for socket in sockets:
            assert (await socket.entry("lobby", sent["seq"]))["text"] == "across"


async def test_static_files_come_from_nginx_for_ever(compose: RunningCompose) -> None:
    """Under names with a hash, found in the volume that `setup` filled."""
    visitor = HttpClient(compose.address)
    page = (await visitor.get("/accounts/login/")).text
    path = re.search(r'/static/[^"]+\.css', page)
    assert path
    answer = await visitor.get(path[0])
    assert (answer.status, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")


async def test_plain_http_goes_to_https(compose: RunningCompose) -> None:
    """With this host's own port, not the container's."""
    answer = await HttpClient(Address.at(f"http://localhost:{compose.http_port}")).get("/rooms/?a=b")
    assert answer.status == 308
    assert answer.headers["location"] == f"{compose.address.origin}/rooms/?a=b"


async def test_the_app_sees_who_comes_and_not_what_they_say(compose: RunningCompose) -> None:
    """nginx overwrites X-Forwarded-For (pitfalls G12), and answers no request for metrics."""
    visitor = HttpClient(compose.address)
    assert (await visitor.get("/healthz", {"X-Forwarded-For": "203.0.113.9"})).status == 200
    assert (await visitor.get("/metrics")).status == 404
    assert "203.0.113.9" not in compose.compose("logs", "edge", "web")


def test_the_lines_of_app_and_nginx_are_json(compose: RunningCompose) -> None:
    """One object a line, but for nginx's own errors."""
    for service in ("web", "edge"):
        lines = command("docker", "logs", compose.containers(service)[0]["Id"]).splitlines()
        assert lines
        assert [line for line in lines if not line.startswith("{") and not NGINX_ERROR.match(line)] == []


async def test_an_admin_is_made_without_a_question(compose: RunningCompose) -> None:
    """The password reaches the container, and no list of processes: it was said to be made, and was of no use."""
    secret = {"DJANGO_SUPERUSER_PASSWORD": "a-long-enough-one", "DJANGO_SUPERUSER_EMAIL": "ada@example.com"}
    asking = replace(compose, variables=compose.variables | secret)
    make = ("manage", "--stack", "compose", "createsuperuser", "--noinput", "--username", "ada")
    done = await asyncio.to_thread(asking.parley, *make)
    assert done.returncode == 0, done.stderr
    assert await HttpClient(compose.address).login("ada", secret["DJANGO_SUPERUSER_PASSWORD"])
