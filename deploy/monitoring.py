"""`./parley render prometheus`: what to scrape, what to alert, and a dashboard, all from parley.toml."""

from pathlib import Path

from deploy import files, render
from deploy.capacity import Capacity, capacity, declared
from deploy.config import LOCAL, Config, load, stack
from deploy.dashboard import dashboard
from deploy.errors import BadInputError
from deploy.render import PrometheusSite
from deploy.stacks.local import state
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.limits import open_files
from deploy.stacks.systemd import site as systemd

SCRAPE_SECONDS = 15
DASHBOARD = "dashboard.json"


def write(env: str, folder: Path | None, every: int, out: Path) -> None:
    """Write it for an environment; the running `up` in `folder` names its own ports."""
    config, of = load(env=env), stack(env)
    if folder is not None and of != LOCAL:
        raise BadInputError(f"--dir is for `up`: the stack {of} has its own places")
    if of == LOCAL:
        targets, size = _running(Layout.at(folder)), capacity(config, open_files())
    else:
        targets, size = _installed(config, of), declared(config)
    files.write_all(out, rendered(config, size, targets, every))


def rendered(config: Config, size: Capacity, targets: dict[str, str], every: int = SCRAPE_SECONDS) -> dict[str, str]:
    """Return {file name: text}, for targets by the instances' names."""
    texts = render.prometheus(config, PrometheusSite(targets, every, size.sockets))
    return texts | {DASHBOARD: dashboard()}


def _running(layout: Layout) -> dict[str, str]:
    return {one["name"]: one["metrics"] for one in state.read(layout)["instances"]}


def _installed(config: Config, of: str) -> dict[str, str]:
    """Say where the instances will listen; under Compose each has an address that only Docker knows."""
    if of != "systemd":
        raise BadInputError(f"the stack {of} has no fixed addresses to scrape: only local and systemd have")
    if not config.app.metrics_port:
        raise BadInputError("app.metrics_port is 0: the instances serve no metrics")
    return {f"web-{number}": systemd.metrics(config, number) for number in range(1, config.app.instances + 1)}
