"""Health and metrics: answered before Django, true, and only where they may be."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from parley_serving import readiness as readying
from parley_serving.health import Health
from realtime.process import Process


async def django(scope: Any, receive: Any, send: Any) -> None:
    """What is behind health."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def get(
    path: str,
    *,
    port: int | None = 8000,
    host: bytes = b"evil.example.com",
    metrics_port: int = 9100,
    start: Callable[[], object] = list,
    health: Health | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Ask, as a probe that knows no host name does."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    server = ("127.0.0.1", port) if port else ("/run/web-1.sock", None)
    scope = {"type": "http", "path": path, "method": "GET", "headers": [(b"host", host)], "server": server}
    await (health or Health(django, start=start, metrics_port=metrics_port))(scope, receive, send)
    head, body = sent
    return head["status"], {name.decode(): value.decode() for name, value in head["headers"]}, body["body"]


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A process that serves."""
    health = SimpleNamespace(is_well=True, is_known=asyncio.Event())
    health.is_known.set()
    process: Any = SimpleNamespace(hub=SimpleNamespace(health=health), has_layer=True, is_draining=False)
    process.layer = partial(Process.layer, process)
    monkeypatch.setattr(readying, "running", lambda: process)
    served: SimpleNamespace = process
    return served


@pytest.fixture(autouse=True)
def _unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a start: whether the database is migrated is not known yet."""
    monkeypatch.setattr(readying, "_is_migrated", False)


async def ready() -> tuple[int, dict[str, Any]]:
    """What /readyz answers."""
    status, headers, body = await get("/readyz")
    assert headers["content-type"] == "application/json"
    answer = json.loads(body)
    assert answer["ready"] is (status == 200)
    return status, answer["checks"]


WELL = {"database": "ok", "layer": "ok", "migrations": "ok", "draining": "no"}


async def test_healthz_asks_nobody() -> None:
    """Any Host, no database, no layer, nothing cached."""
    status, headers, body = await get("/healthz")
    assert (status, body) == (200, b"ok")
    assert headers["cache-control"] == "no-store"
    assert headers["content-length"] == "2"


async def test_everything_else_is_django_s() -> None:
    """And so are sockets."""
    assert (await get("/"))[0] == 418
    assert (await get("/healthz/"))[0] == 418
    reached = []

    async def sockets(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)

    await Health(sockets, start=list, metrics_port=1)(
        {"type": "websocket", "path": "/healthz", "server": ("h", 2)}, None, None
    )
    assert len(reached) == 1


async def test_no_socket_on_the_listener_for_metrics() -> None:
    """It is not behind nginx, whose limits and whose word for who comes a socket needs."""
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/ws/chat/", "server": ("127.0.0.1", 9100)}
    await Health(django, start=list, metrics_port=9100)(scope, receive, send)
    assert sent == ["websocket.close"]


@pytest.mark.django_db(transaction=True)
async def test_ready(process: SimpleNamespace) -> None:
    """All is well."""
    assert await ready() == (200, WELL)


@pytest.mark.django_db(transaction=True)
async def test_the_first_probe_starts_the_process(process: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Visitors find the layer joined; and what starts it is the application's, not health's."""
    here: list[SimpleNamespace] = []
    monkeypatch.setattr(readying, "running", lambda: here[0] if here else None)
    answered = (await get("/readyz", start=lambda: here.append(process)))[2]
    assert json.loads(answered)["checks"] == WELL
    for path in ("/healthz", "/"):
        await get(path, start=lambda: here.append(process))
    assert len(here) == 1


@pytest.mark.django_db(transaction=True)
async def test_an_application_without_a_process_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock consumers alone have no hub: no layer is told, and the instance is as ready as its database."""
    monkeypatch.setattr(readying, "running", lambda: None)
    assert await ready() == (200, WELL | {"layer": "none"})


@pytest.mark.django_db(transaction=True)
async def test_a_layer_that_is_down_is_told_and_the_instance_stays(process: SimpleNamespace) -> None:
    """The poll carries the chat: without this, Redis would take every instance out at once."""
    process.hub.health.is_well = False
    assert await ready() == (200, WELL | {"layer": "down"})
    process.has_layer = False
    assert await ready() == (200, WELL | {"layer": "none"})


@pytest.mark.django_db(transaction=True)
async def test_a_layer_that_nobody_knows_yet_is_waited_for(process: SimpleNamespace) -> None:
    """The first probe of a fresh process is on its way: it is not down."""
    health = process.hub.health
    health.is_known.clear()
    health.is_well = False
    answer = asyncio.create_task(ready())
    done, _ = await asyncio.wait([answer], timeout=0.2)
    assert not done
    health.is_well = True
    health.is_known.set()
    assert await answer == (200, WELL)


@pytest.mark.django_db(transaction=True)
async def test_draining_is_not_ready(process: SimpleNamespace) -> None:
    """So that nobody new is sent here."""
    process.is_draining = True
    assert await ready() == (503, WELL | {"draining": "yes"})


@pytest.mark.django_db(transaction=True)
async def test_migrations_that_are_pending(process: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again each time, until there are none; then never again."""
    plan: list[object] = [("chat", "0009")]
    asked: list[object] = []

    class Executor:
        def __init__(self, connection: object) -> None:  # noqa: ARG002 (Django's)
            self.loader = SimpleNamespace(graph=SimpleNamespace(leaf_nodes=list))

        def migration_plan(self, targets: object) -> list[object]:
            asked.append(targets)
            return plan

    monkeypatch.setattr(readying, "MigrationExecutor", Executor)
    assert await ready() == (503, WELL | {"migrations": "pending"})
    plan.clear()
    assert await ready() == (200, WELL)
    assert await ready() == (200, WELL)
    assert len(asked) == 2


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("connection already closed")])
async def test_a_database_that_is_gone(
    process: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Not ready, and says so instead of failing."""

    def cursor() -> None:
        raise error

    monkeypatch.setattr(readying, "connection", SimpleNamespace(cursor=cursor, close=lambda: None))
    status, checks = await ready()
    assert status == 503
    assert checks == WELL | {"database": f"down: {type(error).__name__}", "migrations": "unknown"}


@pytest.fixture
async def hanging(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A database that answers when the test is over."""
    answer = asyncio.Event()

    async def hang() -> dict[str, str]:
        await answer.wait()
        return {"database": "ok", "migrations": "ok"}

    monkeypatch.setattr(readying, "ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(readying, "_database", hang)
    yield
    answer.set()


async def test_a_database_that_hangs(process: SimpleNamespace, hanging: None) -> None:
    """A probe is answered in bounded time."""
    assert await ready() == (503, WELL | {"database": "slow", "migrations": "unknown"})


class Database:
    """Counts how often it is asked; answers when it may."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        monkeypatch.setattr(readying, "_database", self)

    async def __call__(self) -> dict[str, str]:
        self.asked += 1
        self.was_asked.set()
        await self.may_answer.wait()
        return {"database": "ok", "migrations": "ok"}


async def test_all_who_ask_at_once_share_one_question(
    process: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """350 strangers cost the database one query, also where each of them gives up."""
    database, health = Database(monkeypatch), Health(django, start=list, metrics_port=9100)
    impatient = asyncio.create_task(get("/readyz", health=health))
    waiting = [asyncio.create_task(get("/readyz", health=health)) for _ in range(350)]
    await database.was_asked.wait()
    impatient.cancel()
    database.may_answer.set()
    assert {status for status, _, _ in await asyncio.gather(*waiting)} == {200}
    assert database.asked == 1


async def test_an_answer_is_good_for_a_second(process: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """But who drains is not ready at once."""
    database, health = Database(monkeypatch), Health(django, start=list, metrics_port=9100)
    database.may_answer.set()
    now = asyncio.get_running_loop().time()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    for _ in range(3):
        assert (await get("/readyz", health=health))[0] == 200
    process.is_draining = True
    assert (await get("/readyz", health=health))[0] == 503
    assert database.asked == 1
    now += readying.SHARED_SECONDS
    assert (await get("/readyz", health=health))[0] == 503
    assert database.asked == 2


async def test_metrics_are_on_their_own_listener_alone() -> None:
    """There they are all there is; elsewhere the path is Django's."""
    status, headers, body = await get("/metrics", port=9100)
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert b"parley_deliveries_total" in body
    assert (await get("/", port=9100))[0] == 404
    assert (await get("/healthz", port=9100))[0] == 404
    assert (await get("/metrics", port=8000))[0] == 418
    assert (await get("/metrics", port=None))[0] == 418
    assert (await get("/metrics", port=None, metrics_port=0))[0] == 418
