"""The rules between tiers (design.md section 6): each has an id and a sentence, and is checked before rendering."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network

from deploy.capacity import SPARE_FILES, Capacity
from deploy.config import LOCAL, Config
from deploy.errors import BadInputError
from deploy.overlay import STACKS

# Between uvicorn's graceful timeout and gunicorn's SIGKILL, for the worker's own end.
LAST_SECONDS = 2
RELEASES = 2  # that overlap in a roll
SPARE_CONNECTIONS = 10  # of the database: psql, backup, migrate and the server's reserved ones
SOCKET_KILOBYTES = 40  # a logged-in, joined socket takes 27 (docs/performance.md); the rest is for its buffers
PROCESS_MEGABYTES = 160
RENDERED = ("compose", "systemd")  # stacks whose limits are written into a file, for a machine that may be another


@dataclass(frozen=True)
class Rule:
    """One relation between numbers of different tiers."""

    id: str
    sentence: str
    holds: Callable[[Config, Capacity], bool]
    stacks: tuple[str, ...] = STACKS


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
        "open-files-known",
        "limits.open_files must be a number, because what is rendered is for another machine",
        lambda config, _: config.limits.open_files > 0,
        RENDERED,
    ),
    Rule(
        "memory-holds-sockets",
        f"app.sockets x {SOCKET_KILOBYTES} kB + {PROCESS_MEGABYTES} MB must not exceed limits.instance_megabytes",
        lambda config, capacity: (
            capacity.sockets * SOCKET_KILOBYTES / 1000 + PROCESS_MEGABYTES <= config.limits.instance_megabytes
        ),
        RENDERED,
    ),
    Rule(
        "database-has-connections",
        "2 x app.instances x database.pool + 10 must be below database.max_connections",
        lambda config, _: (
            RELEASES * config.app.instances * config.database.pool + SPARE_CONNECTIONS < config.database.max_connections
        ),
        RENDERED,
    ),
    Rule(
        "one-redis",
        "redis.url or redis.sentinels, not both; redis.sentinel_name belongs to the sentinels",
        lambda config, _: (
            not (config.redis.url and config.redis.sentinels)
            and bool(config.redis.sentinels) == bool(config.redis.sentinel_name)
        ),
    ),
    Rule(
        "ports-differ",
        "site.port and site.http_port must differ",
        lambda config, _: config.site.port != config.site.http_port,
    ),
    Rule(
        "proxies-are-ours",
        "site.trusted_proxies must name networks, not everybody",
        lambda config, _: all(ip_network(one).prefixlen > 0 for one in config.site.trusted_proxies),
    ),
    Rule(
        "metrics-ports-fit",
        "app.metrics_port + app.instances must stay within 65536",
        lambda config, _: config.app.metrics_port + config.app.instances <= 65_536,
    ),
)


def of(stack: str) -> tuple[Rule, ...]:
    """Return the rules that concern a stack."""
    return tuple(rule for rule in RULES if stack in rule.stacks)


def broken(config: Config, capacity: Capacity, stack: str = LOCAL) -> list[Rule]:
    """Return the rules that do not hold."""
    return [rule for rule in of(stack) if not rule.holds(config, capacity)]


def require(config: Config, capacity: Capacity, stack: str = LOCAL) -> None:
    """Raise BadInputError for the first rule that does not hold."""
    for rule in broken(config, capacity, stack):
        raise BadInputError(f"rule {rule.id}: {rule.sentence}")
