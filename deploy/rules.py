"""The rules between tiers (design.md section 6): each has an id and a sentence, and is checked before rendering."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.capacity import SPARE_FILES, Capacity
from deploy.config import Config
from deploy.errors import BadInputError

# Between uvicorn's graceful timeout and gunicorn's SIGKILL, for the worker's own end.
LAST_SECONDS = 2


@dataclass(frozen=True)
class Rule:
    """One relation between numbers of different tiers."""

    id: str
    sentence: str
    holds: Callable[[Config, Capacity], bool]


def _stop_seconds(config: Config) -> int:
    return config.stop.drain_seconds + config.stop.close_seconds


RULES = (
    Rule(
        "stop-times-add",
        "stop.drain_seconds + stop.close_seconds + stop.uvicorn_seconds + 2 must not exceed stop.graceful_seconds",
        lambda config, _: (
            _stop_seconds(config) + config.stop.uvicorn_seconds + LAST_SECONDS <= config.stop.graceful_seconds
        ),
    ),
    Rule(
        "reload-outlasts-drain",
        "stop.drain_seconds + stop.close_seconds must be below nginx.worker_shutdown_seconds",
        lambda config, _: _stop_seconds(config) < config.nginx.worker_shutdown_seconds,
    ),
    Rule(
        "nginx-has-connections",
        "2 x app.sockets x app.instances must be below nginx's worker_connections x nginx.workers",
        lambda config, capacity: (
            2 * capacity.sockets * config.app.instances < capacity.worker_connections * config.nginx.workers
        ),
    ),
    Rule(
        "nginx-has-files",
        "nginx's worker_rlimit_nofile must be at least 2 x worker_connections",
        lambda _, capacity: capacity.open_files >= 2 * capacity.worker_connections,
    ),
    Rule(
        "instance-has-files",
        f"the open-files limit must be at least app.sockets + {SPARE_FILES}",
        lambda _, capacity: capacity.open_files >= capacity.sockets + SPARE_FILES,
    ),
    Rule(
        "metrics-ports-fit",
        "app.metrics_port + app.instances must stay within 65536",
        lambda config, _: config.app.metrics_port + config.app.instances <= 65_536,
    ),
)


def broken(config: Config, capacity: Capacity) -> list[Rule]:
    """Return the rules that do not hold."""
    return [rule for rule in RULES if not rule.holds(config, capacity)]


def require(config: Config, capacity: Capacity) -> None:
    """Raise BadInputError for the first rule that does not hold."""
    for rule in broken(config, capacity):
        raise BadInputError(f"rule {rule.id}: {rule.sentence}")
