"""Small projects in a temporary folder, each run in a process of its own: settings are imported once in one."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from tests.checkout import ROOT
from tests.waiting import PATIENCE

KEY = "k" * 50
ORIGIN = "https://site.example"


def written(folder: Path, **files: str) -> Path:
    """Write the files of a project: "mysite/settings.py" is `mysite__settings`."""
    for name, text in files.items():
        file = folder / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        for parent in file.parents:
            if parent == folder:
                break
            (parent / "__init__.py").touch()
    return folder


def serving(folder: Path) -> Path:
    """Return a folder that holds `parley_serving` and nothing else: a project may have a `chat` of its own."""
    only = folder.parent / f"{folder.name}-serving"
    if not only.exists():
        only.mkdir()
        (only / "parley_serving").symlink_to(ROOT / "app" / "parley_serving")
    return only


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return a worker's environment for the project in a folder."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PARLEY_", "DJANGO_"))}
    return bare | {
        "PYTHONPATH": f"{serving(folder)}:{folder}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PARLEY_ENV": "production",
        "PARLEY_NAME": "mysite",
        "PARLEY_ASGI": "mysite.asgi:application",
        "PARLEY_SETTINGS": "mysite.settings",
        "PARLEY_SECRET_KEY": KEY,
        "PARLEY_HOSTS": "site.example",
        "PARLEY_ORIGINS": ORIGIN,
        "PARLEY_DATABASE_URL": f"sqlite:///{folder.parent}/state.sqlite3",
        "PARLEY_LAYER_URL": "redis://127.0.0.1:6390/0",
        "PARLEY_STATIC_ROOT": str(folder.parent / "static"),
        **variables,
    }


def ran(folder: Path, code: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code in the project's folder, as a worker is run."""
    return _run(folder, "-c", textwrap.dedent(code), *arguments, **variables)


def command(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the project, as `./parley manage` does."""
    return _run(folder, "-m", "parley_serving", *words, **variables)


def _run(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


LAID = """
import json, sys
from parley_serving.environment import environment
from parley_serving.project.start import prepare
prepare(environment())
from django.conf import settings
print(json.dumps({name: getattr(settings, name, None) for name in sys.argv[1:]}, default=str))
"""


def settings(folder: Path, *names: str, **variables: str) -> dict[str, Any]:
    """Return what Django sees of the project's settings."""
    done = ran(folder, LAID, *names, **variables)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
