"""What Prometheus scrapes, what it alerts of, and a Grafana dashboard."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.errors import BadInputError
from deploy.model import renewal
from deploy.model.capacity import Capacity
from deploy.model.config import Config
from deploy.text import render
from deploy.text.compose import site as compose
from deploy.text.dashboard import dashboard
from deploy.text.render import PrometheusSite, Replicas
from deploy.text.systemd import site as systemd

DASHBOARD = "dashboard.json"
PROBE_SECONDS = 15.0  # between two tries of the synthetic probe, unless `watch` is told otherwise


@dataclass(frozen=True)
class Targets:
    """Who serves /metrics, and where: the instances by their names or by DNS, and the probe if it runs."""

    instances: Mapping[str, str] = field(default_factory=dict)
    probe: str = ""
    probe_seconds: float = PROBE_SECONDS
    replicas: Replicas | None = None


def rendered(config: Config, size: Capacity, found: Targets) -> dict[str, str]:
    """Return {file name: text}."""
    site = PrometheusSite(
        targets=found.instances,
        replicas=found.replicas,
        scrape_seconds=config.monitoring.scrape_seconds,
        sockets=size.sockets,
        probe=found.probe,
        probe_seconds=found.probe_seconds,
        certificate_seconds=int(renewal.SOON.total_seconds()),
        certificate_share=renewal.SOON_SHARE,
        is_chat=config.is_own,
    )
    return render.prometheus(config, site) | {DASHBOARD: dashboard(config.site.name, is_chat=config.is_own)}


def of_compose(config: Config) -> Targets:
    """Say whom the Prometheus of Compose asks: the replicas that Docker's DNS knows, and the probe."""
    port = compose.metrics(config)
    return Targets(
        replicas=Replicas("web.", port, config.app.instances),
        probe=f"probe:{port}",
    )


def of_systemd(config: Config) -> Targets:
    """Say where the instances will listen under systemd."""
    if not config.app.metrics_port:
        raise BadInputError("app.metrics_port is 0: the instances serve no metrics")
    numbers = range(1, config.app.instances + 1)
    return Targets({f"web-{one}": systemd.metrics(config, one) for one in numbers}, systemd.probe_metrics(config))
