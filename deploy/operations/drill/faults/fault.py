"""What a fault acts on, and what a fault is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from deploy.operations.drill.proxy import Proxy
from deploy.operations.drill.stack import Stack
from deploy.operations.drill.witness import Witness


@dataclass(frozen=True)
class Scene:
    """The stack, the clients that chat through it, and the proxy that the first few of them go through."""

    stack: Stack
    witnesses: Sequence[Witness]
    proxy: Proxy | None = None


@dataclass(frozen=True)
class Fault:
    """One fault: `strike` returns when the stack is whole again, and raises StackError when it does not heal."""

    name: str
    summary: str
    strike: Callable[[Scene], Awaitable[None]]
    proxied: int = 0  # so many clients go through the proxy
    graceful: bool = False  # it may end no socket that was not asked to come back
    moves: bool = False  # it ends every socket: a client that kept its own was not under it
    messages: bool = False  # it is about messages: page loads and idle sockets would not notice it
    kills: bool = False  # a process that has sockets: those may end without a close frame
    layer: bool = False  # a handshake may fail under it: consumers of Channels ask their layer in connect()
    seconds: float = 150.0  # it takes no longer
