"""What was asked for on the command line."""

from dataclasses import dataclass, field
from typing import Literal

Workload = Literal["fanout", "rooms", "idle", "storm", "attack"]
PEERS = ("tutorial", "socketio", "floor")
ROOM_MEMBERS = 4
HONEST = 10  # people who are measured under attack: few, so that the machine is not busy with them
LONG = 3_000  # messages in the room that is attacked: fifteen of the longest pages


@dataclass(frozen=True)
class Options:
    """One run of the bench."""

    workload: Workload
    members: tuple[int, ...]  # one figure each
    peers: tuple[str, ...] = PEERS
    rounds: int = 3
    seconds: float = 4.0  # of each measurement
    in_flight: tuple[int, ...] = (4, 1)
    databases: tuple[str, ...] = field(default=("sqlite",))
    browser: bool = False
    nginx: bool = False
    unix: bool = False  # to unix sockets instead of ports
    json: bool = False
    floods: tuple[str, ...] = ()  # each by so many clients
    clients: tuple[int, ...] = ()

    @property
    def by_port(self) -> bool:
        """Whether the servers listen on ports; behind nginx they listen as `up` has them."""
        return not self.unix and not self.nginx

    @property
    def people(self) -> int:
        """How many have to be able to log in."""
        return HONEST + max(self.clients) if self.workload == "attack" else max(self.members)

    @property
    def rooms(self) -> int:
        """How many rooms are needed on the largest occasion."""
        return self.people // ROOM_MEMBERS if self.workload == "rooms" else len(self.members)
