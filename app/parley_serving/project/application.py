"""What stands around any application, from the outside in: ids, health, and the rules of its sockets."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404, resolve

from parley_serving.application import register, running
from parley_serving.environment import Environment
from parley_serving.event_streams import EventStreams
from parley_serving.health import Health
from parley_serving.ids import Ids
from parley_serving.origin import OriginRule
from parley_serving.project.nowhere import Nowhere
from parley_serving.project.page import Page
from parley_serving.project.policy import UpgradePolicy
from parley_serving.project.readiness import readiness_of
from parley_serving.project.stock import Stock
from parley_serving.readiness import Readiness

Application = Callable[[Any, Any, Any], Awaitable[None]]


class ByKind:
    """Sends pages one way and sockets another: what is for pages alone costs no socket anything."""

    def __init__(self, *, pages: Application, sockets: Application) -> None:
        self._pages = pages
        self._sockets = sockets

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """Call it; without a frame of its own, which would live as long as a socket."""
        return (self._sockets if scope["type"] == "websocket" else self._pages)(scope, receive, send)


def start_stock() -> None:
    """Take part in the running loop's drains and readiness, once."""
    if running() is None:
        register(Stock())


@functools.cache
def is_a_url(path: str) -> bool:
    """Tell whether a path is the project's own, by its urls; a project without any has none."""
    try:
        resolve(path)
    except (Resolver404, AttributeError, ImproperlyConfigured):
        return False
    return True


def wrapped(
    application: Application,
    env: Environment,
    *,
    start: Callable[[], object] = start_stock,
    readiness: Readiness | None = None,
    is_taken: Callable[[str], bool] = is_a_url,
) -> Application:
    """Return an application as gunicorn serves it.

    `start` and `readiness` are an application's that has its own; `is_taken` tells which paths of health are its own.
    """
    page = Page(application, env) if env.health else None
    _, _, metrics_port = env.metrics_bind.rpartition(":")
    served = ByKind(pages=EventStreams(UpgradePolicy(application)), sockets=OriginRule(Nowhere(application), env))
    health = Health(
        served,
        start=start,
        metrics_port=int(metrics_port or 0),
        readiness=readiness or readiness_of(page),
        is_taken=is_taken,
    )
    return Ids(health)
