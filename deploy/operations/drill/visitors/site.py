"""Where a project is visited: as [project] says it, and what of that can be visited."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from websockets.exceptions import InvalidHandshake, InvalidStatus

from deploy.effects.client.address import Address
from deploy.effects.client.websocket_client import connect
from deploy.errors import BadInputError, StackError
from deploy.model.config import Config
from deploy.operations.drill.visitors.idle_socket import close_code
from deploy.operations.drill.visitors.page_visitor import load

HANDSHAKE_SECONDS = 20.0  # nothing is broken yet: a bound for a busy machine
HELD_SECONDS = 0.5  # consumers that want a log-in close at once what they have accepted
SERVER_ERROR = 500


@dataclass(frozen=True)
class Site:
    """What is visited, and the time in which a drain spreads its sockets."""

    pages: tuple[str, ...]
    sockets: tuple[str, ...]
    drain_seconds: float
    left_out: tuple[str, ...] = ()  # why there is no socket at some of the prefixes
    is_named: bool = False  # the paths of sockets are the project's words, and no prefixes to be tried

    @classmethod
    def of(cls, config: Config) -> Self:
        """Read it from [project]."""
        project = config.project
        pages = project.drill.pages or (project.health or "/",)
        named = project.drill.sockets
        return cls(pages, named or project.sockets, config.stop.drain_seconds, is_named=bool(named))

    async def seen(self, address: Address) -> "Site":
        """Return it with the sockets that stay open; raises StackError for what fails before anything is broken.

        Raises BadInputError for a path of a socket that the project names and that is none.
        """
        for page in self.pages:
            came = await load(address, page)
            if came.status is None or came.status >= SERVER_ERROR:
                raise StackError(f"{page} answers {came.status or came.why} before anything is broken")
        refusals = {path: await refusal(address, path) for path in self.sockets}
        left_out = tuple(f"no idle sockets at {path}: {why}" for path, why in refusals.items() if why)
        if left_out and self.is_named:
            raise BadInputError(f"project.drill.sockets: {left_out[0]}")
        paths = tuple(path for path, why in refusals.items() if not why)
        return Site(self.pages, paths, self.drain_seconds, tuple(advised(left_out)), self.is_named)


def advised(left_out: tuple[str, ...]) -> Iterator[str]:
    """Say of each prefix how a drill can have sockets there."""
    for line in left_out:
        yield f"{line}; [project.drill] sockets names the paths that accept one"


async def refusal(address: Address, path: str) -> str:
    """Say why no socket stays open at a path; empty if one does. Raises StackError for an error of the server."""
    try:
        async with connect(address, None, timeout=HANDSHAKE_SECONDS, path=path) as socket:
            with suppress(TimeoutError):
                async with asyncio.timeout(HELD_SECONDS):
                    return f"it is closed at once with {await close_code(socket.connection)}"
    except InvalidStatus as refused:
        status = refused.response.status_code
        if status >= SERVER_ERROR:
            raise StackError(f"a handshake at {path} is answered {status} before anything is broken") from None
        return f"the handshake is answered {status}"
    except (OSError, InvalidHandshake) as error:  # TimeoutError among them
        raise StackError(f"no handshake at {path}: {type(error).__name__} before anything is broken") from None
    return ""
