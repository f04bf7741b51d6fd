"""A project in the tutorial's shape behind real gunicorn workers: not a line of it knows Parley."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from django.test import override_settings
from websockets.exceptions import InvalidStatus

from parley_serving.origin import OriginRule
from tests.app.parley_serving.project.projects import ORIGIN, written
from tests.app.parley_serving.project.test_settings import env
from tests.app.parley_serving.project.workers import instance
from tests.app.parley_serving.test_pubsub import is_listening, start
from tests.ends import codes, ends_of
from tests.waiting import PATIENCE

SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "django-insecure-tutorial"
DEBUG = True
ALLOWED_HOSTS = []
INSTALLED_APPS = ["channels", "django.contrib.sessions", "django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "mysite.urls"
ASGI_APPLICATION = "mysite.asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
"""
CONSUMERS = """
import json
from asgiref.sync import async_to_sync
from channels.generic.websocket import WebsocketConsumer

class ChatConsumer(WebsocketConsumer):
    def connect(self):
        async_to_sync(self.channel_layer.group_add)("chat_lobby", self.channel_name)
        self.accept()

    def disconnect(self, code):
        async_to_sync(self.channel_layer.group_discard)("chat_lobby", self.channel_name)

    def receive(self, text_data):
        message = json.loads(text_data)["message"]
        async_to_sync(self.channel_layer.group_send)("chat_lobby", {"type": "chat.message", "message": message})

    def chat_message(self, event):
        self.send(text_data=json.dumps({"message": event["message"]}))
"""
URLS = """
import asyncio
from django.conf import settings
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from mysite.settings import DEBUG

def page(request):
    return HttpResponse("<script>new WebSocket('ws://' + location.host + '/ws/chat/')</script>")

def own_policy(request):
    return HttpResponse("<p>", headers={"Content-Security-Policy": "default-src 'self'"})

def seen(request):
    return JsonResponse({"debug": [DEBUG, settings.DEBUG], "secure": request.is_secure(),
                         "host": request.get_host(), "from": request.META["REMOTE_ADDR"]})

async def ticks():
    yield b"first"
    await asyncio.Event().wait()

async def stream(request):
    return StreamingHttpResponse(ticks(), content_type="text/event-stream")

urlpatterns = [path("", page), path("policy", own_policy), path("seen", seen), path("stream", stream)]
"""
ASGI = """
import os
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
django_asgi_app = get_asgi_application()

from mysite.consumers import ChatConsumer

application = ProtocolTypeRouter({
    "http": django_asgi_app,
    "websocket": AllowedHostsOriginValidator(
        AuthMiddlewareStack(URLRouter([path("ws/chat/", ChatConsumer.as_asgi())]))
    ),
})
"""


def tutorial(folder: Path, **files: str) -> Path:
    """Write the project."""
    given = {"settings": SETTINGS, "consumers": CONSUMERS, "urls": URLS, "asgi": ASGI}
    return written(folder, **{f"mysite__{name}": text for name, text in (given | files).items()})


def digest(folder: Path) -> str:
    """Everything in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


@pytest.fixture
async def layer(tmp_path: Path, until: Callable[[Callable[[], object]], Awaitable[None]]) -> AsyncIterator[str]:
    """The URL of a Redis of our own."""
    with start(tmp_path) as server:
        await until(lambda: is_listening(tmp_path / "redis.sock"))
        yield f"unix://{tmp_path}/redis.sock?db=0"
        server.kill()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """The tutorial's project, which is the same afterwards."""
    folder = tutorial(tmp_path / "project")
    before = digest(folder)
    yield folder
    assert digest(folder) == before


@pytest.mark.parametrize("kind", ["pubsub", "core"])
async def test_two_instances_hear_each_other(kind: str, project: Path, layer: str) -> None:
    """A layer in memory became Redis's; a drain closes the project's own sockets with 1012."""
    variables = {"PARLEY_LAYER_URL": layer, "PARLEY_LAYER": kind}
    with instance(project, "web-1", **variables) as one, instance(project, "web-2", **variables) as two:
        await one.ready()
        await two.ready()
        assert (await one.get("/readyz")).json()["checks"] == {"database": "ok", "layer": "ok", "draining": "no"}
        async with asyncio.timeout(PATIENCE), one.connect("/ws/chat/") as here, two.connect("/ws/chat/") as there:
            await here.send('{"message": "hello"}')
            assert "parley_sockets 1.0" in await one.metrics()
            assert await here.recv() == await there.recv() == '{"message": "hello"}'
            one.process.terminate()
            assert codes(await ends_of([here])) == {1012: 1}
            await there.send('{"message": "still here"}')
            assert await there.recv() == '{"message": "still here"}'
        assert one.ended() == 0
        assert any(event.startswith("drain finished sockets=0") for event in one.events())


async def test_pages(project: Path, layer: str) -> None:
    """As Django makes them for nginx's visitor, with a policy where they have none, and as they come."""
    with instance(project, PARLEY_LAYER_URL=layer) as one:
        await one.ready()
        seen = await one.get("/seen")
        assert seen.json() == {"debug": [False, False], "secure": True, "host": "site.example", "from": "203.0.113.9"}
        assert "content-security-policy" not in seen.headers
        assert (await one.get("/")).headers["content-security-policy"] == "upgrade-insecure-requests"
        assert (await one.get("/policy")).headers["content-security-policy"] == "default-src 'self'"
        assert (await one.get("/nowhere", **{"X-Request-ID": "abc123"})).status_code == 404
        assert (await asyncio.to_thread(one.until, "Not Found: /nowhere"))["request"] == "abc123"
        transport = httpx.AsyncHTTPTransport(uds=str(one.socket))
        async with (
            asyncio.timeout(PATIENCE),
            httpx.AsyncClient(transport=transport) as client,
            client.stream("GET", "http://site.example/stream") as answer,
        ):
            assert answer.headers["x-accel-buffering"] == "no"
            async for part in answer.aiter_bytes():
                assert part == b"first"
                break


@pytest.mark.parametrize(
    ("rule", "origin", "cookie", "status"),
    [
        ("cookie", ORIGIN, True, 101),
        ("cookie", "https://evil.example", True, 403),
        ("cookie", "null", True, 403),
        ("cookie", "https://evil.example", False, 101),
        ("cookie", None, True, 101),
        ("same", ORIGIN, False, 101),
        ("same", None, False, 403),
        ("same", "https://evil.example", False, 403),
        ("same", "https://named.example:8443", False, 101),
        ("cookie", "https://named.example:8443", True, 101),
        ("same", "http://named.example:8443", False, 403),
        ("list", ORIGIN, False, 101),
        ("list", "https://named.example:8443", False, 403),
        ("list", "https://evil.example", False, 403),
        ("any", "https://evil.example", True, 101),
    ],
)
@override_settings(ALLOWED_HOSTS=["named.example"])
async def test_the_origin_rule(rule: str, origin: str | None, cookie: bool, status: int) -> None:
    """Of one handshake, before the project sees it."""
    headers = [(b"host", b"named.example:8443")]
    headers += [(b"origin", origin.encode())] if origin else []
    headers += [(b"cookie", b"sessionid=1")] if cookie else []
    sent: list[str] = []

    async def application(scope: object, receive: object, send: object) -> None:
        sent.append("passed")

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    await OriginRule(application, env(origin_rule=rule))(
        {"type": "websocket", "scheme": "wss", "headers": headers}, receive, send
    )
    assert sent == (["passed"] if status == 101 else ["websocket.close"])


@override_settings(ALLOWED_HOSTS=["named.example"])
async def test_a_host_with_no_possible_port_is_refused() -> None:
    """Django and nginx take any digits for one."""
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    headers = [(b"host", b"named.example:99999"), (b"origin", b"https://named.example"), (b"cookie", b"sessionid=1")]
    rule = OriginRule(pytest.fail, env(origin_rule="cookie"))
    await rule({"type": "websocket", "scheme": "wss", "headers": headers}, receive, send)
    assert sent == ["websocket.close"]


async def test_a_foreign_page_is_refused(tmp_path: Path, layer: str) -> None:
    """By the real server, with 403 and a line; a path without a consumer is 404 without a traceback."""
    project = tutorial(tmp_path / "project", asgi=ASGI.replace("AllowedHostsOriginValidator(\n", "(\n"))
    with instance(project, PARLEY_LAYER_URL=layer, PARLEY_ORIGIN_RULE="cookie") as one:
        await one.ready()
        with pytest.raises(InvalidStatus) as refused:
            await one.connect("/ws/chat/", origin="https://evil.example", Cookie="sessionid=1")
        assert refused.value.response.status_code == 403
        assert "https://evil.example" in (await asyncio.to_thread(one.until, "handshake refused"))["event"]
        async with asyncio.timeout(PATIENCE), one.connect("/ws/chat/", origin="https://evil.example"):
            pass
        with pytest.raises(InvalidStatus) as refused:
            await one.connect("/ws/nowhere/")
        assert refused.value.response.status_code == 404
        with pytest.raises(InvalidStatus) as refused:
            await one.connect("/ws/chat/", host="evil.example")
        assert refused.value.response.status_code == 400
        assert not any("Traceback" in str(line) for line in one.lines)
