"""How a project's application starts, in whatever order it imports, and what it answers by itself."""

import asyncio
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.app.parley_serving.project.projects import written
from tests.app.parley_serving.project.workers import instance
from tests.waiting import PATIENCE

SETTINGS = """
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
ROOT_URLCONF = "mysite.urls"
"""
URLS = """
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse("page"))]
"""
ASGI = """
from django.core.asgi import get_asgi_application
application = get_asgi_application()
"""
MODELS_FIRST = """
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
application = get_asgi_application()
"""
HEALTH = """
from django.http import HttpResponse
from django.urls import path

words = iter([200, 503, 200])

def well(request):
    return HttpResponse("mine", status=next(words))

urlpatterns = [path("healthz", lambda request: HttpResponse("mine")), path("well", well)]
"""
LIFESPAN = """
import asyncio
from django.core.asgi import get_asgi_application
from django.http import HttpResponse

pages = get_asgi_application()
state = []

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        assert (await receive())["type"] == "lifespan.startup"
        print("the project starts", flush=True)
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        print("the project ends", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await pages(scope, receive, send)
"""


def project(folder: Path, **files: str) -> Path:
    """Write a small one, without Channels."""
    given = {"settings": SETTINGS, "urls": URLS, "asgi": ASGI}
    return written(folder / "project", **{f"mysite__{name}": text for name, text in (given | files).items()})


async def test_django_without_channels(tmp_path: Path) -> None:
    """Serves pages, and answers sockets with 404 and without a traceback."""
    with instance(project(tmp_path), PARLEY_LAYER="none", PARLEY_LAYER_URL="none://") as one:
        await one.ready()
        assert (await one.get("/")).text == "page"
        assert (await one.get("/healthz")).text == "ok"
        assert (await one.get("/readyz")).json()["checks"] == {"database": "none", "layer": "none", "draining": "no"}
        with pytest.raises(InvalidStatus) as refused:
            await one.connect("/ws/")
        assert refused.value.response.status_code == 404
    assert not any("Traceback" in str(line) for line in one.lines)


async def test_models_before_django_s_application(tmp_path: Path) -> None:
    """A second process makes it first, which is one line; both are the same gunicorn's (pitfalls A1)."""
    with instance(project(tmp_path, asgi=MODELS_FIRST)) as one:
        await one.ready()
        assert (await one.get("/")).text == "page"
        said = [event for event in one.events() if "before Django" in event]
        assert said == [
            "mysite.asgi imports models before Django's application is made (Apps aren't loaded yet.): made first now"
        ]
        assert not any("Traceback" in str(line) for line in one.lines)


@pytest.mark.parametrize("asgi", ["application = 1", ""])
def test_what_is_no_application(tmp_path: Path, asgi: str) -> None:
    """One line, and gunicorn ends."""
    with instance(project(tmp_path, asgi=asgi)) as one:
        assert one.ended() == 3
        said = "mysite.asgi:application is no application: mysite.asgi has no callable application"
        assert f"the project cannot start: {said}" in one.events()
        assert not any("Traceback" in str(line) for line in one.lines)


def test_an_application_that_cannot_be_imported(tmp_path: Path) -> None:
    """Its own error, once: it is not tried over and over."""
    with instance(project(tmp_path, asgi="import nothing_of_this_name\n")) as one:
        assert one.ended() == 3
    assert str(one.lines).count("ModuleNotFoundError") == 1


def test_settings_that_want_what_is_not_there(tmp_path: Path) -> None:
    """ImproperlyConfigured is tried a second time, and then is what it is."""
    settings = "from django.core.exceptions import ImproperlyConfigured\nraise ImproperlyConfigured('no KEY')\n"
    with instance(project(tmp_path, settings=settings)) as one:
        assert one.ended() == 3
    assert "ImproperlyConfigured: no KEY" in str(one.lines)
    assert 'mysite/settings.py", line 2' in str(one.lines)


async def test_a_health_path_of_the_project_s_own(tmp_path: Path) -> None:
    """Stays its own, and Parley's is aside; PARLEY_HEALTH is asked, and believed."""
    with instance(project(tmp_path, urls=HEALTH), PARLEY_HEALTH="/well") as one:
        await one.ready()
        assert (await one.get("/healthz")).text == "mine"
        assert (await one.get("/.parley/healthz")).text == "ok"
        async with asyncio.timeout(PATIENCE):
            while (answer := await one.get("/readyz")).status_code == 200:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.05)
        assert answer.json()["checks"]["page"] == "answers 503"
        async with asyncio.timeout(PATIENCE):
            while (await one.get("/readyz")).status_code != 200:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.05)


async def test_a_lifespan(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Of a project that has one."""
    with instance(project(tmp_path, asgi=LIFESPAN)) as one:
        await one.ready()
        assert (await one.get("/")).text == "page"
    assert capfd.readouterr().out.splitlines() == ["the project starts", "the project ends"]
