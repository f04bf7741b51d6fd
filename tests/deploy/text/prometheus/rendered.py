"""What `./parley render prometheus` writes for the defaults, read back."""

import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from prometheus_client import Metric

from deploy.effects import files
from deploy.model.capacity import declared
from deploy.model.config import load
from deploy.operations.watch.figures import Figures
from deploy.text import prometheus
from parley_serving import metrics

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

TARGETS = prometheus.Targets({"web-1": "127.0.0.1:9101", "web-2": "127.0.0.1:9102"}, "127.0.0.1:9103")
NAME = re.compile(r"\b(?:parley|process)_\w+")


@functools.cache
def texts() -> dict[str, str]:
    """Return {file name: text}."""
    config = load()
    return prometheus.rendered(config, declared(config), TARGETS)


def write(folder: Path) -> None:
    """Write it."""
    files.write_all(folder, texts())


def alerts() -> list[dict[str, Any]]:
    """Return the alerts."""
    (group,) = yaml.safe_load(texts()["rules.yml"])["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> dict[str, list[str]]:
    """Return the dashboard's queries by panel."""
    found = json.loads(texts()[prometheus.DASHBOARD])["panels"]
    return {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in found}


def own() -> list[Metric]:
    """Return the app's own metrics and the probe's, in the order in which they are declared."""
    collectors: list[Collector] = [
        *metrics.STATES.values(),
        *metrics.EVENTS.values(),
        metrics.REFUSED,
        metrics.TURNED_AWAY,
        *metrics.BATCHES.values(),
    ]
    return [metric for collector in collectors for metric in collector.collect()] + probes()


def probes() -> list[Metric]:
    """Return those of `watch`."""
    return list(Figures().registry.collect())
