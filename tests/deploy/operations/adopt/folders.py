"""Small projects made for one question, and adopt run on them."""

import hashlib
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.invocation import run
from deploy.cli.main import app
from deploy.model.config import Config, load

MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\n'
ASGI = """
import os
from django.core.asgi import get_asgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
application = get_asgi_application()
"""
SETTINGS = """
SECRET_KEY = "k"
ROOT_URLCONF = "mysite.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
INSTALLED_APPS = ["django.contrib.contenttypes"]
"""
SOCKETS = """
import os
from django.core.asgi import get_asgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
http = get_asgi_application()
from channels.routing import ProtocolTypeRouter, URLRouter
from chat.routing import patterns
application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(patterns)})
"""
ROUTING = """
from django.urls import re_path
from chat.consumers import ChatConsumer
patterns = [re_path(r"^ws/chat/(?P<room>[^/]+)/$", ChatConsumer.as_asgi())]
"""
CONSUMERS = """
from channels.generic.websocket import AsyncWebsocketConsumer
class ChatConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add("all", self.channel_name)
"""
PLAIN = {
    "manage.py": MANAGE,
    "requirements.txt": "django\n",
    "mysite/__init__.py": "",
    "mysite/settings.py": SETTINGS,
    "mysite/asgi.py": ASGI,
    "mysite/urls.py": "urlpatterns = []\n",
}
CHAT = {
    **PLAIN,
    "requirements.txt": "channels\nchannels-redis\n",
    "mysite/asgi.py": SOCKETS,
    "chat/__init__.py": "",
    "chat/routing.py": ROUTING,
    "chat/consumers.py": CONSUMERS,
}


def project(folder: Path, files: dict[str, str], **more: str) -> Path:
    """Write a project's files; `more` names modules with two underscores, `chat__views`."""
    for name, text in {**files, **{f"{key.replace('__', '/')}.py": value for key, value in more.items()}}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def adopt(folder: Path, *words: str, imports: bool = False) -> int:
    """Run the command as it is typed, and return its exit status; most projects here need not be imported."""
    python = sys.executable if imports else "/bin/false"
    return run(app, ["adopt", str(folder), "--python", python, *words])


def adopted(folder: Path, *, imports: bool = False) -> Config:
    """Run it, and read what it wrote as `up` does: with no line edited."""
    assert adopt(folder, imports=imports) == 0
    return load(project=folder)


def refused(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    """Return the one line of a project that cannot be served; nothing was written."""
    assert adopt(folder, *words) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert not (folder / "parley.toml").exists()
    return line


def digest(folder: Path) -> dict[str, Any]:
    """Return every file and folder below a folder, with what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path != folder / "parley.toml"
    }
