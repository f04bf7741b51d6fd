"""What the generator is told, and what it answers: two JSON files."""

from typing import Any, Literal

from msgspec import Struct, field

Workload = Literal["fanout", "rooms", "idle", "storm", "attack"]


class Endpoint(Struct, frozen=True):
    """Where to connect: a unix socket, or a port on loopback, with TLS or without."""

    path: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    tls: bool = False


class Attack(Struct, frozen=True):
    """Who attacks while honest people are measured; with a `share`, clients that only burn CPU instead."""

    flood: str
    clients: int  # a process each
    port: int  # the site's, or one where nobody listens
    share: float = 0.0  # of a processor, that each client burns; 0: as much as it gets


class Plan(Struct, frozen=True):
    """One run against one peer. `groups` names the roots of the process trees whose cost is read."""

    workload: Workload
    dialect: str
    endpoints: list[Endpoint]
    cookies: list[str]
    host: str
    origin: str
    groups: dict[str, list[int]]
    members: int
    rooms: int = 1
    first_room: int = 0
    in_flight: list[int] = field(default_factory=lambda: [4])
    seconds: float = 4.0
    warm_seconds: float = 0.7
    settle_seconds: float = 1.5
    browser: bool = False
    connecting: int = 100
    attack: Attack | None = None


class Answer(Struct, frozen=True):
    """What a run measured; `error` says why there is nothing."""

    result: dict[str, Any]
    error: str = ""
