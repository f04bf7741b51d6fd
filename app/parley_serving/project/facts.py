"""What a project says of itself when it is imported as a worker would: `python -m parley_serving.project.facts`.

It prints one line of JSON: `problem` where the project cannot be served, else what its server has to know, and what was
said of it meanwhile.
"""

import importlib
import json
import logging
import os
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from django.urls import Resolver404, resolve

from parley_serving.environment import environment
from parley_serving.project import attempts
from parley_serving.project.start import application_of, prepare

METRICS = "/metrics"  # nginx answers it itself: an instance's own are not public (docs/decisions/metrics.md)
HERE = Path(__file__).resolve().parent.parent


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        if record.name.startswith("parley_serving"):
            self.said.append(record.getMessage())


def main() -> None:
    """Look in a process of its own, and in another one where Django's application has to be made first."""
    lines = Lines()
    logging.getLogger("parley_serving").addHandler(lines)
    for _ in range(2):
        was_first = attempts.is_django_first()
        process = os.fork()
        if process == 0:
            _tell(lines)
        os.waitpid(process, 0)
        if attempts.is_django_first() == was_first:
            return


def _tell(lines: Lines) -> None:
    """Print what is found, and end."""
    found: dict[str, Any] = {}
    try:
        found = look()
    except SystemExit as asked:
        if asked.code == 0:
            os._exit(0)  # the next process makes Django's application first
        found = {"problem": lines.said[-1] if lines.said else str(asked)}
    except BaseException as error:  # noqa: BLE001 (whatever the project's own code raises is what is to be told)
        found = {"problem": told(error)}
    said = [
        *(["Django's application is made before the ASGI module"] if attempts.is_django_first() else []),
        *lines.said,
        *found.get("said", []),
    ]
    sys.stdout.write(json.dumps({**found, "said": list(dict.fromkeys(said))}) + "\n")
    sys.stdout.flush()
    os._exit(0)


def look() -> dict[str, Any]:
    """Import the settings, then the application and the pages."""
    env = environment()
    prepare(env)
    importlib.import_module(env.settings)
    settings = importlib.import_module("django.conf").settings
    apps = list(settings.INSTALLED_APPS)
    application_of(env)
    if urls := getattr(settings, "ROOT_URLCONF", ""):
        importlib.import_module(urls)  # Django does at the first page, which would be the first 500
    return {
        "static_url": settings.STATIC_URL or "",
        "media_url": settings.MEDIA_URL or "",
        "media_root": str(settings.MEDIA_ROOT or ""),
        "has_static": "django.contrib.staticfiles" in apps,
        "said": [f"the project's page {METRICS} is not public: nginx answers 404"] if _has_metrics() else [],
    }


def _has_metrics() -> bool:
    """Tell whether the project's urls have this page by name, and not as one of any name."""
    try:
        return bool(resolve(METRICS).route != _route(f"{METRICS}-of-nobody"))
    except Exception:  # noqa: BLE001 (no such page; or urls that cannot be imported, which each request will say)
        return False


def _route(path: str) -> str:
    try:
        return str(resolve(path).route)
    except Resolver404:
        return ""


def told(error: BaseException) -> str:
    """Say an error with the line of the project that it came from."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
    if isinstance(error, SyntaxError) and error.filename:
        line = f":{error.lineno}" if error.lineno else ""  # of an unknown encoding there is none
        return f"{error.filename}{line}: {type(error).__name__}: {error.msg}"
    if compiled := _compiled(error.__traceback__):
        return f"{compiled}: {said}"
    place = _place(error.__traceback__)
    return f"{place}: {said}" if place else said


def _compiled(trace: TracebackType | None) -> str:
    """Return the file that was being compiled: of a NUL byte in one, Python names neither file nor line.

    Up to Python 3.11.3 that is a ValueError.
    """
    frames = [frame for frame, _ in traceback.walk_tb(trace) if frame.f_code.co_name == "source_to_code"]
    return str(frames[-1].f_locals.get("path", "")) if frames else ""


def _place(trace: TracebackType | None) -> str:
    """Find the last line of the project's own; of its packages', where there is none."""
    frames = [frame for frame in traceback.extract_tb(trace) if Path(frame.filename).is_absolute()]
    others = [frame for frame in frames if not Path(frame.filename).resolve().is_relative_to(HERE)]
    own = [frame for frame in others if not Path(frame.filename).is_relative_to(sys.prefix)]
    own = [frame for frame in own if not Path(frame.filename).is_relative_to(sys.base_prefix)]
    last = (own or others)[-1:]
    return f"{last[0].filename}:{last[0].lineno}" if last else ""


if __name__ == "__main__":
    main()
