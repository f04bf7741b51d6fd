"""run/state.json: what runs where, for people, for `drain` and for tests."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deploy.effects import files
from deploy.effects.client.address import Address
from deploy.errors import BadInputError
from deploy.stacks.local import lock
from deploy.stacks.local.layout import Layout


@dataclass(frozen=True)
class Instance:
    """One instance; pid is gunicorn's master, None while it starts again."""

    name: str
    pid: int | None
    socket: str
    metrics: str


@dataclass(frozen=True)
class Beside:
    """One of the project's processes or jobs; `dies` tells whether the last one died at once."""

    name: str
    pid: int | None
    dies: bool


@dataclass(frozen=True)
class State:
    """The running stack."""

    url: str
    layer: str
    up_pid: int
    nginx_pid: int | None
    redis_pid: int | None
    redis_socket: str | None
    instances: Sequence[Instance]
    store_port: int = 0
    store_pid: int | None = None
    port: int = 0  # nginx's own; the URL may have that of a proxy in front
    tls: bool = True  # whether nginx has it
    beside: Sequence[Beside] = ()


def write(layout: Layout, state: State) -> None:
    """Replace the file."""
    files.write(layout.state, json.dumps(asdict(state), indent=2) + "\n")


def address(state: dict[str, Any]) -> Address:
    """Return the way to the site of a running stack, past any proxy in front of it."""
    if "port" not in state:  # of a release before there could be one in front
        return Address.at(state["url"])
    return Address.edge(state["url"], state["port"], tls=state["tls"])


def read(layout: Layout) -> dict[str, Any]:
    """Return the running stack's state; raise BadInputError where none runs or it is not ready."""
    if not lock.is_running(layout):
        raise BadInputError(f"no `./parley up` runs in {layout.dir}")
    try:
        state: dict[str, Any] = json.loads(layout.state.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"the stack in {layout.dir} is not ready yet") from None
    except ValueError:  # whoever changed it; `up` writes it whole
        raise BadInputError(f"{layout.state} is not what `up` wrote: start it again") from None
    return state
