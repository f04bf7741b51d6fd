"""What the doctor looks at: a model, and the stack that should be running with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from deploy.effects.client.address import Address
from deploy.model.capacity import Capacity
from deploy.model.config import Config

SAID = 5000  # lines of a log that are looked at: as many as a busy process writes in some hours


@dataclass(frozen=True)
class Replica:
    """One instance as it is now: gunicorn's master, the way to it past nginx, and what it was started with."""

    name: str
    pid: int | None
    address: Address
    environment: Mapping[str, str]  # empty while it does not run


@dataclass(frozen=True)
class Ticket:
    """A way in for the doctor's message: a Cookie header, and a room that nobody else is in."""

    cookie: str
    room: str


@dataclass(frozen=True)
class Bridge:
    """The network over which people reach nginx's container."""

    subnets: frozenset[str]
    engine: int  # Docker's major version


class TargetAdapter(Protocol):
    """A stack that runs. Every answer is as of now; what cannot be had raises OSError, LookupError or StackError."""

    @property
    def address(self) -> Address:
        """The site, through nginx."""

    def replicas(self) -> Sequence[Replica]:
        """List the instances there should be."""

    def beside(self) -> Mapping[str, bool]:
        """Tell of what should run beside nginx, the instances and their servers whether it does, and well.

        Raises NotApplicable where there is nothing of that kind.
        """

    def said(self) -> Mapping[str, str]:
        """Give the last lines of each process of the app since its start; raises NotApplicable without a sandbox."""

    def nginx(self) -> int | None:
        """Give the process of nginx's master, as this machine numbers it."""

    def nginx_files(self) -> Mapping[str, str]:
        """Read nginx's configuration, {file name: text}."""

    def modelled_nginx(self) -> Mapping[str, str]:
        """Render what nginx's configuration should be."""

    def modelled_app(self) -> Mapping[str, str]:
        """Give the variables that every instance should be started with."""

    def accept(self) -> None:
        """Have nginx read its configuration; raises StackError with what it says."""

    def upstreams(self) -> Sequence[str]:
        """Give what nginx's upstream should name."""

    def kill_seconds(self, replica: Replica) -> int:
        """Give how long an instance may take to stop before it is killed; raises NotApplicable where nothing tells."""

    def installed(self, names: Sequence[str]) -> Mapping[str, str]:
        """Give the versions of packages, as the app has them; those that are missing are left out."""

    def certificate(self) -> bytes:
        """Read the certificate that nginx should serve, with its chain."""

    def folders(self) -> Sequence[Path]:
        """Name the folders that must not fill up."""

    def secrets(self) -> Sequence[Path]:
        """Name the files that are nobody else's to read, of those that lie on this machine."""

    def bridge(self) -> Bridge:
        """Give the network of nginx's container; raises NotApplicable where it runs in none."""

    def layer(self) -> str:
        """Give the URL of the channel layer."""

    def open_ticket(self) -> Ticket:
        """Ask the app for a way in."""


@dataclass(frozen=True)
class Target:
    """The model of an environment, and the stack that runs with it, or why there is none."""

    stack: str  # local, compose or systemd
    config: Config
    size: Capacity
    found: TargetAdapter | None = None
    why_not: str = ""
    idle: float = 0  # seconds that a socket is left alone; 0: none is
    forge: bool = False  # whether to try to log in six times, as nobody, under forged addresses

    @property
    def is_known(self) -> bool:
        """Whether a probe knows the pages and the frames of what is served."""
        return self.config.is_own or bool(self.config.project.hooks.probe)

    @property
    def adapter(self) -> TargetAdapter:
        """The running stack; a check that needs it comes after `stack-runs`."""
        if self.found is None:
            raise LookupError(self.why_not)
        return self.found

    @cached_property
    def ticket(self) -> Ticket:
        """The way in, asked for once."""
        return self.adapter.open_ticket()
