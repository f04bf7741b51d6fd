"""What is said of a project that cannot be imported."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parley_serving.project.facts import told
from tests.app.parley_serving.project.projects import environment, written

URLS = """
from django.http import HttpResponse
from django.urls import path, re_path
def page(request, any=""):
    return HttpResponse("page")
"""


NUL = "SyntaxError" if sys.version_info >= (3, 11, 4) else "ValueError"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = 1\nb = '\0'\n", f": {NUL}: source code string cannot contain null bytes"),
        (b"# coding: nonsense\n", ": SyntaxError: unknown encoding: nonsense"),
        (b"a = 1\nb = (\n", ":2: SyntaxError: '(' was never closed"),
    ],
)
def test_a_file_that_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str) -> None:
    """The file is named, also where Python names none, and a line where there is one."""
    file = tmp_path / "of_a_project.py"
    file.write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    with pytest.raises((SyntaxError, ValueError)) as error:
        importlib.import_module("of_a_project")
    assert told(error.value) == f"{file}{said}"


@pytest.mark.parametrize(
    ("patterns", "is_said"),
    [
        ('path("metrics", page), re_path("^(?P<any>.*)$", page)', True),
        ('path("metrics/", page)', False),
        ('re_path("^(?P<any>.*)$", page)', False),
    ],
)
def test_a_page_that_nginx_hides_is_said(tmp_path: Path, patterns: str, is_said: bool) -> None:
    """Metrics of an instance are not public, and so the project's own are not either; a page of any name is none."""
    found = facts_of(tmp_path, patterns)
    assert "problem" not in found, found
    assert found["said"] == ["the project's page /metrics is not public: nginx answers 404"] * is_said


def test_pages_that_cannot_be_imported_are_a_problem(tmp_path: Path) -> None:
    """Django imports them at the first request, and each one would be a 500."""
    found = facts_of(tmp_path, "1 / 0")
    assert found["problem"].endswith("mysite/urls.py:6: ZeroDivisionError: division by zero")


def facts_of(folder: Path, patterns: str) -> dict[str, Any]:
    """Look at a project with these urls."""
    project = written(
        folder / "project",
        mysite__settings='INSTALLED_APPS = []\nROOT_URLCONF = "mysite.urls"\n',
        mysite__urls=f"{URLS}urlpatterns = [{patterns}]\n",
        mysite__asgi="from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
    )
    done = subprocess.run(
        [sys.executable, "-m", "parley_serving.project.facts"],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
