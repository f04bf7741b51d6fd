"""The rules between tiers (design.md section 6): each has an id and a sentence, and is checked before rendering.

What is one number in two tiers by construction is in text/consistency.py, which reads it back from the rendered text.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import NamedTuple

from deploy.errors import BadInputError
from deploy.model.capacity import SPARE_FILES, Capacity
from deploy.model.config import LOCAL, Config
from deploy.model.overlay import STACKS

LAST_SECONDS = 2  # between uvicorn's graceful timeout and gunicorn's SIGKILL, for the worker's own end
NOTICE_SECONDS = 1  # at most, until an instance knows that nginx was reloaded (app/parley_serving/edge.py)
RELEASES = 2  # that overlap in a roll
SPARE_CONNECTIONS = 10  # of the database: psql, backup, migrate and the server's reserved ones
SOCKET_KILOBYTES = 40  # a logged-in, joined socket takes 27 (docs/performance.md); the rest is for its buffers
PROCESS_MEGABYTES = 160  # an instance without sockets: gunicorn's master and its worker
RENDERED = ("compose", "systemd")  # stacks whose limits are written into a file, for a machine that may be another
SIGNS = {"<": operator.lt, "<=": operator.le, ">=": operator.ge, "=": operator.eq, "!=": operator.ne}


class Relation(NamedTuple):
    """Two numbers and what must hold between them."""

    left: int
    sign: str
    right: int

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return bool(SIGNS[self.sign](self.left, self.right))

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"


@dataclass(frozen=True)
class Rule:
    """One relation between numbers of different tiers."""

    id: str
    sentence: str
    relation: Callable[[Config, Capacity], Relation]
    stacks: tuple[str, ...] = STACKS

    def broken(self, relation: Relation) -> str:
        """Say that it does not hold, in one line."""
        return f"rule {self.id}: {self.sentence}: {relation} is false"


def _ports(config: Config) -> list[int]:
    site = config.site
    return [port for port in (site.port, site.redirect_port, site.proxy_port) if port]


def _stop_seconds(config: Config) -> int:
    return config.stop.drain_seconds + config.stop.close_seconds


RULES = (
    Rule(
        "stop-times-add",
        f"stop.drain_seconds + close_seconds + uvicorn_seconds + {LAST_SECONDS} <= stop.graceful_seconds",
        lambda config, _: Relation(
            _stop_seconds(config) + config.stop.uvicorn_seconds + LAST_SECONDS, "<=", config.stop.graceful_seconds
        ),
    ),
    Rule(
        "reload-outlasts-drain",
        f"stop.drain_seconds + close_seconds + {NOTICE_SECONDS} < nginx.worker_shutdown_seconds",
        lambda config, _: Relation(_stop_seconds(config) + NOTICE_SECONDS, "<", config.nginx.worker_shutdown_seconds),
    ),
    Rule(
        "nginx-has-connections",
        "2 x app.sockets x app.instances < nginx's worker_connections x nginx.workers",
        lambda config, size: Relation(
            2 * size.sockets * config.app.instances, "<", size.worker_connections * config.nginx.workers
        ),
    ),
    Rule(
        "nginx-has-files",
        "nginx's worker_rlimit_nofile >= 2 x worker_connections",
        lambda _, size: Relation(size.open_files, ">=", 2 * size.worker_connections),
    ),
    Rule(
        "instance-has-files",
        f"the open-files limit >= app.sockets + {SPARE_FILES}",
        lambda _, size: Relation(size.open_files, ">=", size.sockets + SPARE_FILES),
    ),
    Rule(
        "open-files-known",
        "limits.open_files > 0, because the files are rendered for another machine",
        lambda config, _: Relation(config.limits.open_files, "!=", 0),
        RENDERED,
    ),
    Rule(
        "memory-holds-sockets",
        f"app.sockets x {SOCKET_KILOBYTES} kB + {PROCESS_MEGABYTES} MB <= limits.instance_megabytes",
        lambda config, size: Relation(
            size.sockets * SOCKET_KILOBYTES + PROCESS_MEGABYTES * 1000, "<=", config.limits.instance_megabytes * 1000
        ),
        RENDERED,
    ),
    Rule(
        "database-has-connections",
        f"{RELEASES} x app.instances x database.pool + {SPARE_CONNECTIONS} < database.max_connections",
        lambda config, _: Relation(
            RELEASES * config.app.instances * config.database.pool + SPARE_CONNECTIONS,
            "<",
            config.database.max_connections,
        ),
        RENDERED,
    ),
    Rule(
        "one-redis",
        "set redis.url or redis.sentinels, not both",
        lambda config, _: Relation(bool(config.redis.url) + bool(config.redis.sentinels), "<=", 1),
    ),
    Rule(
        "sentinels-have-a-name",
        "redis.sentinels and redis.sentinel_name must be set together",
        lambda config, _: Relation(+bool(config.redis.sentinels), "=", +bool(config.redis.sentinel_name)),
    ),
    Rule(
        "logins-are-for-sentinels",
        "redis.user, redis.password, redis.sentinel_user and redis.sentinel_password need redis.sentinels;"
        " a redis.url contains its own user and password",
        lambda config, _: Relation(+config.redis.has_logins, "<=", +bool(config.redis.sentinels)),
    ),
    Rule(
        "authority-is-for-tls",
        "redis.ca_file needs a redis.url that begins with rediss:// and names no ssl_ca_certs, or redis.sentinels",
        lambda config, _: Relation(+bool(config.redis.ca_file), "<=", +config.redis.takes_authority),
    ),
    Rule(
        "ports-differ",
        "no two of site.port, site.http_port and site.proxy_port are the same",
        lambda config, _: Relation(len(set(_ports(config))), "=", len(_ports(config))),
    ),
    Rule(
        "proxy-is-named",
        'with site.tls = "none", or with a site.proxy_port, site.trusted_proxies must name the proxy in front',
        lambda config, _: Relation(
            len(config.site.trusted_proxies), ">=", +(not config.site.has_tls or config.site.proxy_port > 0)
        ),
    ),
    Rule(
        "proxies-are-ours",
        "no network of site.trusted_proxies contains every address",
        lambda config, _: Relation(sum(ip_network(one).prefixlen == 0 for one in config.site.trusted_proxies), "=", 0),
    ),
    Rule(
        "metrics-ports-fit",
        "app.metrics_port + app.instances <= 65535, because `watch` uses the port after the last instance's",
        lambda config, _: Relation(config.app.metrics_port + config.app.instances, "<=", 65_535),
    ),
)


def of(stack: str) -> tuple[Rule, ...]:
    """Return the rules that concern a stack."""
    return tuple(rule for rule in RULES if stack in rule.stacks)


def broken(config: Config, size: Capacity, stack: str = LOCAL) -> list[Rule]:
    """Return the rules that do not hold."""
    return [rule for rule in of(stack) if not rule.relation(config, size).holds]


def require(config: Config, size: Capacity, stack: str = LOCAL) -> None:
    """Raise BadInputError for the first rule that does not hold."""
    for rule in broken(config, size, stack):
        raise BadInputError(rule.broken(rule.relation(config, size)))
