"""Whom `watch` asks, and how it gets in."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from deploy.effects import processes
from deploy.effects.client.address import Address
from deploy.errors import BadInputError, StackError
from deploy.model import hosts
from deploy.model.config import Config, load
from deploy.model.health import ALIVE
from deploy.model.hosts import origin
from deploy.operations.doctor.target import Ticket
from deploy.stacks.local import state
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.manage import app_environment
from deploy.stacks.local.opened import opened
from deploy.stacks.local.prepare import APP

MANAGE = (sys.executable, "manage.py", "probe")


@dataclass(frozen=True)
class Asked:
    """What is asked of a project whose frames no probe knows: a page that answers 200, and a handshake each."""

    page: str = ALIVE
    sockets: tuple[str, ...] = ()


def asked(project: Path) -> Asked:
    """Read it from a project's parley.toml."""
    return _asked(load(project=project))


def _asked(config: Config) -> Asked:
    return Asked(config.project.health or ALIVE, config.project.sockets)


@dataclass(frozen=True)
class Site:
    """The site, through its edge; the environment in which its app says who may write; where metrics are served."""

    address: Address
    environment: Mapping[str, str] = field(repr=False)
    bind: tuple[str, int]
    own: Path | None = None  # the certificate of this machine, if it made one
    layout: Layout | None = None  # where a note is left for `render prometheus`
    asked: Asked | None = None  # None: a message is sent

    async def ticket(self) -> Ticket:
        """Ask the app for a session of an hour; raises StackError."""
        done = await processes.run_beside(MANAGE, env=self.environment, cwd=APP)
        try:
            return msgspec.json.decode(done.output.splitlines()[-1], type=Ticket)
        except (IndexError, msgspec.MsgspecError):
            raise StackError(f"manage.py probe ended with {done.status}: {done.output[-500:]}") from None


def local(folder: Path | None, project: Path | None = None) -> Site:
    """Find the `up` that runs in a folder; the port is the one after its instances' own."""
    config, layout = opened(project, folder)
    found = state.read(layout)
    port = config.app.metrics_port and config.app.metrics_port + len(found["instances"])
    environment = app_environment(config, layout, found["layer"])
    what = None if config.is_own else _asked(config)
    return Site(state.address(found), environment, ("127.0.0.1", port), layout.certificate, layout, what)


def named(
    url: str,
    edge: str | None,
    bind: str,
    own: Path | None = None,
    what: Asked | None = None,
    *,
    plain: bool = False,
) -> Site:
    """Take a site by its address; a message needs the app's environment, as a unit or a container has it."""
    if plain and edge is None:
        raise BadInputError("watch: --plain is about --edge, which is missing")
    try:
        address = replace(_shortest(Address.at(url)), plain=plain)
        if edge is not None:
            address = address.through(*_endpoint(edge, least=1))
        return Site(address, os.environ, _endpoint(bind), own, asked=what)
    except ValueError as error:
        raise BadInputError(f"watch: {error}") from None


def _shortest(address: Address) -> Address:
    """Write its Origin as a browser does: without the port that goes without saying."""
    scheme = "https" if address.secure else "http"
    return replace(address, origin=origin(address.hostname, address.port, scheme))


def _endpoint(text: str, least: int = 0) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    name = host.removeprefix("[").removesuffix("]")
    if (
        not name
        or not port.isdecimal()
        or len(port) > 5
        or not least <= int(port) <= 65_535
        or not hosts.encodable(name)
    ):
        raise ValueError(f"not host:port: {text!r}")
    return name, int(port)
