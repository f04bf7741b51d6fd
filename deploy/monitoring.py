"""`./parley render prometheus`: what to scrape, what to alert, and a dashboard, all from parley.toml."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy import files, render
from deploy.capacity import Capacity, capacity, declared
from deploy.config import LOCAL, Config, load, stack
from deploy.dashboard import dashboard
from deploy.errors import BadInputError
from deploy.render import PrometheusSite, Replicas
from deploy.stacks import certificate
from deploy.stacks.compose import site as compose
from deploy.stacks.installed import require_own
from deploy.stacks.local import state
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.limits import open_files
from deploy.stacks.systemd import site as systemd
from deploy.watch import note as watched

DASHBOARD = "dashboard.json"


@dataclass(frozen=True)
class Targets:
    """Who serves /metrics, and where: the instances by their names or by DNS, and the probe if it runs."""

    instances: Mapping[str, str] = field(default_factory=dict)
    probe: str = ""
    probe_seconds: float = watched.SECONDS
    replicas: Replicas | None = None


def write(env: str, folder: Path | None, every: int | None, out: Path) -> None:
    """Write it for an environment; the running `up` in `folder` names its own ports."""
    overrides = {"monitoring": {"scrape_seconds": every}} if every else {}
    config, of = load(overrides, env=env), stack(env)
    require_own(of, folder, None)
    if of == LOCAL:
        found, size = _running(Layout.at(folder)), capacity(config, open_files())
    else:
        found, size = of_compose(config) if of == "compose" else _installed(config), declared(config)
    files.write_all(out, rendered(config, size, found))


def rendered(config: Config, size: Capacity, found: Targets) -> dict[str, str]:
    """Return {file name: text}."""
    site = PrometheusSite(
        targets=found.instances,
        replicas=found.replicas,
        scrape_seconds=config.monitoring.scrape_seconds,
        sockets=size.sockets,
        probe=found.probe,
        probe_seconds=found.probe_seconds,
        certificate_seconds=int(certificate.SOON.total_seconds()),
        certificate_share=certificate.SOON_SHARE,
    )
    return render.prometheus(config, site) | {DASHBOARD: dashboard()}


def of_compose(config: Config) -> Targets:
    """Say whom the Prometheus of Compose asks: the replicas that Docker's DNS knows, and the probe."""
    port = compose.metrics(config)
    return Targets(replicas=Replicas("web.", port, config.app.instances), probe=f"probe:{port}")


def _running(layout: Layout) -> Targets:
    """Ask `up`, and the `watch` beside it if there is one."""
    instances = {one["name"]: one["metrics"] for one in state.read(layout)["instances"]}
    note = watched.read(layout)
    return Targets(instances, note.metrics, note.seconds) if note else Targets(instances)


def _installed(config: Config) -> Targets:
    """Say where the instances will listen under systemd."""
    if not config.app.metrics_port:
        raise BadInputError("app.metrics_port is 0: the instances serve no metrics")
    numbers = range(1, config.app.instances + 1)
    return Targets({f"web-{one}": systemd.metrics(config, one) for one in numbers}, systemd.probe_metrics(config))
