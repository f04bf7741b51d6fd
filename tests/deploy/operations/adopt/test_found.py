"""What adopt finds in a project's files, question by question."""

import sqlite3
from pathlib import Path

import pytest

from deploy.operations.adopt.sources import Sources
from deploy.operations.adopt.variables import variables
from tests.deploy.operations.adopt.folders import (
    ASGI,
    CHAT,
    CONSUMERS,
    PLAIN,
    ROUTING,
    SETTINGS,
    SOCKETS,
    adopted,
    digest,
    project,
)


def settings_of(folder: Path, *names: str, asgi: str = "mysite.settings.dev") -> str:
    """Return the module that is chosen of a package of settings."""
    files = {f"mysite/settings/{name}.py": SETTINGS for name in ("__init__", "base", *names)}
    files |= {
        name: text.replace("mysite.settings", asgi) for name, text in PLAIN.items() if name != "mysite/settings.py"
    }
    return adopted(project(folder, files)).project.settings.module


def test_the_settings_named_production(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They stand over those that asgi.py names; the others are said, and what they begin with is none of them."""
    assert settings_of(tmp_path / "site", "dev", "production", "test") == "mysite.settings.production"
    assert "named production; also there: mysite.settings.dev, mysite.settings.test\n" in capsys.readouterr().out


def test_the_settings_of_asgi(tmp_path: Path) -> None:
    """Where none is named production, those of asgi.py stand over those of manage.py."""
    assert settings_of(tmp_path / "site", "dev", "test") == "mysite.settings.dev"


def test_settings_beside_each_other(tmp_path: Path) -> None:
    """Modules of one folder, by their names."""
    folder = project(tmp_path / "site", {**PLAIN, "mysite/settings_prod.py": "from .settings import *\n"})
    assert adopted(folder).project.settings.module == "mysite.settings_prod"


READ = """
import os
import environ
import dj_database_url
from decouple import config
from os import environ as variables_of_the_shell
env = environ.Env(DEBUG=(bool, False))

def need(name):
    return os.environ[name]

SECRET_KEY = need("KEY_OF_THE_SITE")
DEBUG = env("DEBUG")
A = os.environ["STRIPE_KEY"]
B = os.getenv("SENTRY_DSN")
C = os.environ.get("COLOUR", "red")
D = config("MAIL_HOST")
E = config("MAIL_PORT", default=25, cast=int)
F = env.str("REGION", default="eu")
G = env.int("WORKERS")
DATABASES = {"default": env.db()}
OTHER = dj_database_url.config(default="sqlite:///x")
CACHES = {"default": {"LOCATION": os.environ["REDIS_URL"]}}
CHANNEL_LAYERS = {"default": {"CONFIG": {"hosts": [os.environ["LAYER"]]}}}
ALLOWED_HOSTS = [os.getenv("SITE_NAME_HERE")]
CSRF_TRUSTED_ORIGINS = os.environ["TRUSTED"].split(",")
"""


def test_the_variables_of_settings(tmp_path: Path) -> None:
    """With os.environ, decouple, django-environ, dj-database-url, and a function of the settings' own."""
    folder = project(tmp_path / "site", {"mysite/settings.py": READ})
    source = Sources([folder]).find("mysite.settings")
    assert source is not None
    found = {one.name: (one.default, one.fails) for one in variables([source])}
    assert found == {
        "KEY_OF_THE_SITE": (False, True),
        "DEBUG": (True, False),
        "STRIPE_KEY": (False, True),
        "SENTRY_DSN": (False, False),
        "COLOUR": (True, False),
        "MAIL_HOST": (False, True),
        "MAIL_PORT": (True, False),
        "REGION": (True, False),
        "WORKERS": (False, True),
        "DATABASE_URL": (False, True),
        "REDIS_URL": (False, True),
        "LAYER": (False, True),
        "SITE_NAME_HERE": (False, False),
        "TRUSTED": (False, True),
    }


def test_what_variables_get(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Places by their names and by the settings that they are for; what only the owner knows stays a comment."""
    folder = project(tmp_path / "site", {**PLAIN, "mysite/settings.py": READ + 'ROOT_URLCONF = "mysite.urls"\n'})
    assert adopted(folder).project.env == {
        "KEY_OF_THE_SITE": "{secret_key}",
        "DATABASE_URL": "{database_url}",
        "REDIS_URL": "{redis_url}",
        "SITE_NAME_HERE": "{host}",
        "TRUSTED": "{origins}",
    }
    written = (folder / "parley.toml").read_text()
    assert '# STRIPE_KEY = ""  # settings.py:14 reads it: has no default\n' in written
    printed = capsys.readouterr().out
    assert "missing  STRIPE_KEY (settings.py:14): " in printed
    assert "note     SENTRY_DSN (settings.py:15) is None until [project.env] gives it a value" in printed
    assert "COLOUR" not in printed


RECEIVE = "    async def receive(self, text_data):\n        "


@pytest.mark.parametrize(
    ("first", "last", "where"),
    [
        ("players = {}", f"{RECEIVE}players[self] = 1", "players (chat/consumers.py:1)"),
        ("from chat.rooms import rooms", f"{RECEIVE}rooms['a'].add(1)", "rooms (chat/rooms.py:1)"),
        ("import chat.rooms", f"{RECEIVE}chat.rooms.rooms.clear()", "rooms (chat/rooms.py:1)"),
        ("", f"    people = set()\n{RECEIVE}self.people.add(1)", "ChatConsumer.people (chat/consumers.py:6)"),
        ("count = 0", f"{RECEIVE}global count; count += 1", "count (chat/consumers.py:6)"),
    ],
)
def test_state_in_a_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], first: str, last: str, where: str
) -> None:
    """One instance, with the place and what a rollout then costs."""
    files = {**CHAT, "chat/consumers.py": f"{first}{CONSUMERS}{last}\n", "chat/rooms.py": "rooms = dict(a=set())\n"}
    assert adopted(project(tmp_path / "site", files)).app.instances == 1
    printed = capsys.readouterr().out
    assert f"instances = 1, for this lives in a process: {where}" in printed
    assert "a restart or a rollout closes every socket" in printed


def test_what_is_no_state(tmp_path: Path) -> None:
    """A constant, a local name, an attribute of each object, and what only a test or a command writes."""
    text = f"""
CODES = {{}}
{CONSUMERS}
    rooms = []
    def __init__(self):
        self.rooms = []
    async def receive(self, text_data):
        seen = []
        seen.append(CODES.get(text_data))
        self.rooms.append(1)
"""
    command = "from chat.consumers import CODES\ndef handle(): CODES[1] = 2\n"
    folder = project(
        tmp_path / "site", {**CHAT, "chat/consumers.py": text, "chat/management/commands/fill.py": command}
    )
    assert adopted(folder).app.instances == 2


def test_work_that_starts_with_the_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be done once for each instance."""
    apps = """
    import threading
    from django.apps import AppConfig
    class ChatConfig(AppConfig):
        name = "chat"
        def ready(self):
            threading.Thread(target=print, daemon=True).start()
    """
    assert adopted(project(tmp_path / "site", {**CHAT, "chat/apps.py": apps})).app.instances == 1
    assert "ChatConfig.ready starts work (chat/apps.py:7)" in capsys.readouterr().out


SEND = "    async def receive(self, text_data): await self.channel_layer.send(text_data, {})\n"
OUTSIDE = """
from channels.layers import get_channel_layer
async def join(name): await get_channel_layer().group_add("all", name)
"""


@pytest.mark.parametrize(
    ("name", "text", "layer"),
    [
        ("chat/consumers.py", CONSUMERS, ""),
        ("chat/consumers.py", CONSUMERS + SEND, "core"),
        ("chat/views.py", OUTSIDE, "core"),
        ("Procfile", "worker: python manage.py runworker thumbnails\n", "core"),
        ("chat/consumers.py", CONSUMERS + "        print(self.channel_layer.groups)\n", "none"),
    ],
)
def test_the_channel_layer(tmp_path: Path, name: str, text: str, layer: str) -> None:
    """The light one, unless the project does what that one does not do."""
    config = adopted(project(tmp_path / "site", {**CHAT, name: text}))
    assert config.project.layer == layer
    assert config.project.settings.keep == (("CHANNEL_LAYERS",) if layer == "none" else ())
    assert config.app.instances == (1 if layer == "none" else 2)


def test_a_worker_of_channels(tmp_path: Path) -> None:
    """A ChannelNameRouter needs the core layer, and a process that reads its channels."""
    channel = '"channel": ChannelNameRouter({"thumbs": http})'
    asgi = SOCKETS.replace("URLRouter(patterns)", f"URLRouter(patterns), {channel}")
    asgi = asgi.replace("import ProtocolTypeRouter", "import ChannelNameRouter, ProtocolTypeRouter")
    config = adopted(project(tmp_path / "site", {**CHAT, "mysite/asgi.py": asgi}))
    assert config.project.layer == "core"
    assert config.project.processes["channels"].run == "manage.py runworker thumbs"


def test_sockets_in_many_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Read as text: lists that are added, a middleware around a router, a router in a route."""
    routing = f"""{ROUTING}
from channels.routing import URLRouter
from django.urls import path
more = [path("game/<int:number>/", ChatConsumer.as_asgi())]
patterns += [path("live", ChatConsumer.as_asgi())]
inner = [path("socket/x/", ChatConsumer.as_asgi())]
patterns = patterns + more + [path("api/", URLRouter(inner))]
"""
    asgi = SOCKETS.replace("URLRouter(patterns)", "Around(URLRouter(patterns))")
    files = {**CHAT, "chat/routing.py": routing, "mysite/asgi.py": asgi}
    expected = ("/api/socket/", "/game/", "/live", "/ws/")
    assert adopted(project(tmp_path / "text", files)).project.sockets == expected
    assert "read as text" in capsys.readouterr().out
    asgi = asgi.replace("Around(", "AuthMiddlewareStack(")
    files["mysite/asgi.py"] = asgi.replace("from chat", "from channels.auth import AuthMiddlewareStack\nfrom chat")
    files["mysite/settings.py"] = SETTINGS + 'INSTALLED_APPS += ["django.contrib.auth", "django.contrib.sessions"]\n'
    assert adopted(project(tmp_path / "imported", files), imports=True).project.sockets == expected
    assert "imported" in capsys.readouterr().out


def test_an_application_without_a_router(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It takes sockets by itself: nobody knows where."""
    asgi = ASGI.replace("application =", "http =") + (
        "async def application(scope, receive, send):\n"
        '    if scope["type"] == "websocket":\n        await send({"type": "websocket.close"})\n'
    )
    assert adopted(project(tmp_path / "site", {**PLAIN, "mysite/asgi.py": asgi})).project.sockets == ("/",)
    assert "missing  the paths of the sockets" in capsys.readouterr().out


def test_events_behind_an_include(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A function and a class that stream, and one that no URL leads to."""
    views = """
    from django.http import StreamingHttpResponse
    from django.views import View
    async def ticks(request): return StreamingHttpResponse([], content_type="text/event-stream")
    async def lost(request): return StreamingHttpResponse([], content_type="text/event-stream")
    class Feed(View):
        def get(self, request): return StreamingHttpResponse([], content_type="text/event-stream")
    def file(request): return StreamingHttpResponse([], content_type="text/csv")
    """
    urls = """
    from django.urls import path
    from chat import views
    from chat.views import Feed
    urlpatterns = [path("ticks/", views.ticks), path("feed/<int:number>/", Feed.as_view()), path("file/", views.file)]
    """
    top = 'from django.urls import include, path\nurlpatterns = [path("api/", include("chat.urls"))]\n'
    folder = project(tmp_path / "site", {**CHAT, "mysite/urls.py": top, "chat/urls.py": urls, "chat/views.py": views})
    assert adopted(folder).project.streams == ("/api/",)
    assert "missing  the URL of chat.views.lost, which streams" in capsys.readouterr().out


def test_a_database_that_is_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its rows are counted without a file beside it, and how to bring them is said."""
    text = SETTINGS.replace('"db.sqlite3"', 'BASE / "db.sqlite3"')
    text = f"from pathlib import Path\nBASE = Path(__file__).parent.parent\n{text}"
    folder = project(tmp_path / "site", {**PLAIN, "mysite/settings.py": text})
    with sqlite3.connect(folder / "db.sqlite3") as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute('create table "a ""b" (x)')
        connection.execute("create table django_migrations (x)")
        connection.executemany('insert into "a ""b" values (?)', [(1,), (2,)])
        connection.execute("insert into django_migrations values (1)")
    connection.close()
    before = digest(folder)
    adopted(folder)
    assert digest(folder) == before
    printed = capsys.readouterr().out
    assert "db.sqlite3 is not used and stays as it is: 2 rows in 1 tables; to bring them: `manage.py" in printed


def test_a_database_that_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is no SQLite is the project's own, at the host that it names."""
    text = SETTINGS.replace("django.db.backends.sqlite3", "django.db.backends.postgresql")
    text = text.replace('"NAME"', '"HOST": "db", "NAME"')
    folder = project(tmp_path / "site", {**PLAIN, "requirements.txt": "django\npsycopg\n", "mysite/settings.py": text})
    assert adopted(folder).project.database == "postgres"
    assert "the database stays the project's own: postgresql at db" in capsys.readouterr().out


def test_a_geo_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SpatiaLite is an SQLite too, and the stack's own PostgreSQL knows none of its fields."""
    text = SETTINGS.replace("django.db.backends.sqlite3", "django.contrib.gis.db.backends.spatialite")
    folder = project(tmp_path / "site", {**PLAIN, "requirements.txt": "django\npsycopg\n", "mysite/settings.py": text})
    assert adopted(folder).project.database == "sqlite"
    printed = capsys.readouterr().out
    assert "database sqlite: SpatiaLite stays" in printed
    assert "the database stays the project's own" not in printed


def test_models_without_migrations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Projects that keep no migrations in their repository get no tables."""
    models = "from django.db import models\nclass Message(models.Model): pass\n"
    adopted(project(tmp_path / "site", {**CHAT, "chat/models.py": models}))
    assert "missing  migrations of chat: `migrate` makes no tables for its models" in capsys.readouterr().out
    abstract = models + "    class Meta:\n        abstract = True\n"
    abstract = abstract.replace(": pass", ":")
    adopted(project(tmp_path / "base", {**CHAT, "chat/models.py": abstract}))
    adopted(
        project(tmp_path / "layers", {**CHAT, "chat/store/models.py": models, "chat/migrations/0001_initial.py": ""})
    )
    adopted(project(tmp_path / "other", {**CHAT, "chat/models.py": models, "chat/migrations/0001_initial.py": ""}))
    assert "migrations of chat" not in capsys.readouterr().out


def test_requirements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of production, a pyproject.toml, and none that pip reads."""
    none = {name: text for name, text in PLAIN.items() if name != "requirements.txt"}
    both = {**PLAIN, "requirements/prod.txt": "-r ../requirements.txt\n"}
    assert adopted(project(tmp_path / "prod", both)).project.requirements == ("requirements/prod.txt",)
    project_file = {**none, "pyproject.toml": '[project]\nname = "x"\ndependencies = ["django"]\n'}
    assert adopted(project(tmp_path / "toml", project_file)).project.requirements == ("pyproject.toml",)
    tools = {**none, "pyproject.toml": "[tool.black]\nline-length = 100\n", "Pipfile": ""}
    assert adopted(project(tmp_path / "pipfile", tools)).project.requirements == ()
    assert "missing  requirements: Pipfile is none that pip reads" in capsys.readouterr().out


def test_uploads_and_a_file_of_variables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """MEDIA_ROOT by import and by text; a .env is said, for an image has none."""
    text = f"import os\n{SETTINGS}MEDIA_ROOT = os.path.join(os.path.dirname(os.path.dirname(__file__)), 'uploads')\n"
    files = {**PLAIN, "mysite/settings.py": text, ".env": "# a comment\nSTRIPE_KEY=x\nexport OTHER=y\n"}
    assert adopted(project(tmp_path / "imported", files), imports=True).project.media == "uploads"
    assert ".env gives STRIPE_KEY, OTHER on this machine" in capsys.readouterr().out
    files["mysite/settings.py"] = f"import no_such_package\n{text}"
    assert adopted(project(tmp_path / "text", files)).project.media == "uploads"


def test_a_folder_of_uploads_that_a_variable_names(tmp_path: Path) -> None:
    """It gets a value and a name; it was called localhost."""
    files = {**PLAIN, "mysite/settings.py": f"import os\n{SETTINGS}MEDIA_ROOT = os.environ['UPLOADS']\n"}
    for imports in (True, False):
        found = adopted(project(tmp_path / str(imports), files), imports=imports).project
        assert (found.media, found.env) == ("media", {"UPLOADS": "{media_root}"})


def test_a_database_by_a_variable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is said of the one that stands in for it while the project is imported."""
    text = SETTINGS.partition("DATABASES")[0] + 'import os\nDATABASES = {"default": {"ENGINE": os.environ["DB_URL"]}}\n'
    folder = project(tmp_path / "site", {**PLAIN, "mysite/settings.py": text})
    assert adopted(folder).project.env == {"DB_URL": "{database_url}"}
    assert "the database is the one of DB_URL in [project.env]" in capsys.readouterr().out


def test_folders_that_settings_add(tmp_path: Path) -> None:
    """Those of manage.py are in parley.toml, those of the settings are found again when these are imported."""
    files = {name.replace("chat/", "apps/chat/"): text for name, text in CHAT.items()}
    adds = "import sys, os\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'apps'))\n"
    by_settings = {**files, "mysite/settings.py": adds + SETTINGS}
    config = adopted(project(tmp_path / "settings", by_settings))
    assert (config.project.paths, config.project.sockets) == ((), ("/ws/",))
    by_manage = {**files, "manage.py": CHAT["manage.py"] + "import sys\nsys.path.append('apps')\n"}
    config = adopted(project(tmp_path / "manage", by_manage))
    assert (config.project.paths, config.project.sockets) == (("apps",), ("/ws/",))
