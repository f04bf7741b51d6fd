"""What stands around any application, from the outside in: ids, health, and the rules of its sockets."""

import functools
from collections.abc import Callable
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


def start_stock() -> None:
    """Take part in the running loop's drains and readiness, once."""
    if running() is None:
        register(Stock())


def wrapped(
    application: Any,
    env: Environment,
    *,
    start: Callable[[], object] = start_stock,
    readiness: Readiness | None = None,
) -> Any:
    """Return an application as gunicorn serves it; `start` and `readiness` are an application's that has its own."""
    page = Page(application, env) if env.health else None
    _, _, metrics_port = env.metrics_bind.rpartition(":")
    served = OriginRule(Nowhere(EventStreams(UpgradePolicy(application))), env)
    health = Health(
        served,
        start=start,
        metrics_port=int(metrics_port or 0),
        readiness=readiness or readiness_of(page),
        is_taken=is_taken,
    )
    return Ids(health)


@functools.cache
def is_taken(path: str) -> bool:
    """Tell whether a path is the project's own, by its urls; a project without any has none."""
    try:
        resolve(path)
    except (Resolver404, AttributeError, ImproperlyConfigured):
        return False
    return True
