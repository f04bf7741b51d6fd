"""The start of a project in a worker: its files, the overlay, and its own ASGI module as it is."""

import importlib
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from asgiref.compatibility import guarantee_single_callable
from django.core.exceptions import AppRegistryNotReady, ImproperlyConfigured

from parley_serving import environment
from parley_serving.environment import Environment
from parley_serving.project import attempts, overlay, refusals

log = logging.getLogger(__name__)

Application = Callable[[Any, Any, Any], Awaitable[None]]
NOT_STARTED = 3  # an exit status after which neither gunicorn nor uvicorn tries again


def prepare(env: Environment) -> None:
    """Give a process of the project its variables and its settings; nothing of the project is imported yet."""
    for problem in environment.take_files(env):
        _fail(problem)
    overlay.install(env)
    refusals.install(env)


def application_of(env: Environment) -> Application:
    """Import the project's application; where Django's has to be made first, a new process does."""
    module, _, path = env.asgi.partition(":")
    try:
        if attempts.is_django_first():
            importlib.import_module("django.core.asgi").get_asgi_application()
        found: Any = importlib.import_module(module)
    except (AppRegistryNotReady, ImproperlyConfigured) as error:
        if attempts.is_django_first() or not attempts.has_another():
            raise
        attempts.next_time_django_first()
        log.warning("%s imports models before Django's application is made (%s): made first now", module, _line(error))
        sys.exit(0)
    for name in path.split("."):
        found = getattr(found, name, None)
    if not callable(found):
        _fail(f"{env.asgi} is no application: {module} has no callable {path}")
    application: Application = guarantee_single_callable(found)  # type: ignore[no-untyped-call]
    return application


def _fail(line: str) -> NoReturn:
    log.critical("the project cannot start: %s", line)
    sys.exit(NOT_STARTED)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
