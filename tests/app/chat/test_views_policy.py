"""What keeps a page's text from becoming its program."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from accounts.models import User
from chat.models import Entry, Room
from tests.checkout import APP

TEMPLATES = sorted(path for app in ("accounts", "chat") for path in (APP / app / "templates").rglob("*.html"))
MODULES = sorted((APP / "chat/static/chat").glob("*.js"))
FORBIDDEN_IN_MODULES = {
    "markup from text": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment",
    "code from text": r"\beval\(|new Function|setTimeout\(\s*['\"`]",
    "a plain socket address": "ws:" + "//",
    "another site": r"https?://",
}


def test_there_is_something_to_read() -> None:
    """The rules below hold for files that are there."""
    assert len(TEMPLATES) > 8
    assert len(MODULES) > 15


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_nothing_inline(path: Path) -> None:
    """No inline script, style or handler, and nothing from another site: the policy would stop it anyhow."""
    text = path.read_text()
    for tag in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in tag, tag
    assert not re.search(r"<style\b|\sstyle=|\son\w+=", text)
    assert not re.search(r"(src|href|action)=\"(https?:)?//", text)
    assert "|safe" not in text.replace("field.help_text|safe", "")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_modules_make_text_of_text(path: Path) -> None:
    """No module turns a string into markup or code (pitfalls P6), or names a plain socket (pitfalls A3)."""
    for what, pattern in FORBIDDEN_IN_MODULES.items():
        assert not re.search(pattern, path.read_text()), what


def test_modules_import_what_is_there() -> None:
    """Every import is relative and leads to a file, so that the hashed names can follow it (pitfalls L9)."""
    for path in MODULES:
        for target in re.findall(r"^import .*? from \"([^\"]+)\";$", path.read_text(), re.MULTILINE):
            assert target.startswith("./"), (path.name, target)
            assert finders.find(f"chat/{target[2:]}"), (path.name, target)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/accounts/login/", "/accounts/signup/", "/rooms/lobby/", "/nowhere/", "/admin/login/"]
)
def test_policy_is_on_every_page(client: Client, path: str) -> None:
    """Scripts and styles come from this site alone, and from files."""
    Room.objects.create(slug="lobby", title="Lobby", guests=True)
    client.force_login(User.objects.create_guest(name="Eva"))
    policy = client.get(path).headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy


@pytest.mark.django_db
def test_admin(admin_client: Client) -> None:
    """Each list and form of the admin opens, and the log is there to read alone."""
    room = Room.objects.create(slug="lobby", title="Lobby")
    ada = User.objects.create(username="ada")
    entry = Entry.objects.create(
        room=room, seq=1, author=ada, author_name="Ada", key="k", text="hello", at="2026-01-01T00:00:00Z"
    )
    for kind in ("accounts/user", "chat/room", "chat/entry"):
        assert admin_client.get(f"/admin/{kind}/").status_code == 200
    assert admin_client.get(f"/admin/accounts/user/{ada.pk}/change/").status_code == 200
    assert admin_client.get(f"/admin/chat/room/{room.pk}/change/").status_code == 200
    assert admin_client.get("/admin/chat/entry/add/").status_code == 403
    assert admin_client.post(f"/admin/chat/entry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"/admin/chat/entry/{entry.pk}/change/", {"text": "bye"}).status_code == 403
    assert Entry.objects.get().text == "hello"
