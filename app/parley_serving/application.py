"""What a process asks of an application that drains its own sockets; without one, all of them are closed with 1012."""

import asyncio
import weakref
from collections.abc import Iterable
from typing import Protocol

from parley_serving.protocol import PreparedProtocol


class Application(Protocol):
    """The part of an application that takes part in drains and readiness."""

    is_draining: bool

    def tell(self, connections: Iterable[PreparedProtocol], seconds: float) -> list[PreparedProtocol]:
        """Tell those that have a socket here to come back within so many seconds; return the others."""

    def close(self, connections: Iterable[PreparedProtocol]) -> list[PreparedProtocol]:
        """Close those that have a socket here with 1012; return the others."""

    async def layer(self) -> str:
        """Return the channel layer's word for /readyz: ok, down or none."""

    async def stop(self) -> None:
        """Stop everything."""


_applications: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Application] = weakref.WeakKeyDictionary()


def register(application: Application) -> None:
    """Have the running loop's drains and readiness ask this application."""
    _applications[asyncio.get_running_loop()] = application


def running() -> Application | None:
    """Return the application of the running loop, if one registered."""
    return _applications.get(asyncio.get_running_loop())
