"""The tables of parley.toml, typed: frozen, exact about types, and closed to unknown keys."""

from ipaddress import ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from deploy.model import urls
from deploy.model.hosts import (
    DEFAULT_SITE,
    HTTPS,
    LOOPBACK_NETWORKS,
    endpoint,
    host,
    network,
    one_of_each,
    origin,
    site,
    subnet,
)

KILL_AFTER = 5  # design.md section 6: the supervisor kills so long after gunicorn's graceful_timeout


Host = Annotated[str, AfterValidator(host)]
SiteName = Annotated[str, AfterValidator(site)]
Network = Annotated[str, AfterValidator(network)]
Subnet = Annotated[str, AfterValidator(subnet)]
Endpoint = Annotated[str, AfterValidator(endpoint)]
Port = Annotated[int, Field(ge=1, le=65_535)]
NoPort = Annotated[int, Field(ge=0, le=65_535)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Seconds = Annotated[int, Field(ge=1, le=3600)]
Megabytes = Annotated[int, Field(ge=16, le=1_048_576)]


class Section(BaseModel):
    """A table."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Site(Section):
    """Where people find the site, and what this host calls it."""

    name: SiteName = DEFAULT_SITE
    hosts: Annotated[tuple[Host, ...], Field(strict=False)] = ()
    port: Port = 8443
    http_port: NoPort = 0
    tls: Literal["own", "none"] = "own"  # none: a proxy in front has it, and speaks plain http to us
    public: Annotated[str, AfterValidator(urls.public)] = ""
    proxy_port: NoPort = 0
    trusted_proxies: Annotated[tuple[Network, ...], Field(strict=False)] = ()
    subnets: Annotated[tuple[Subnet, ...], AfterValidator(one_of_each), Field(strict=False)] = ()
    cookie_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,32}$")] = ""

    @property
    def has_tls(self) -> bool:
        """Whether nginx has it, and no proxy in front."""
        return self.tls == "own"

    @property
    def redirect_port(self) -> int:
        """The port of plain http that leads to https; 0: none, or a proxy in front has it."""
        return self.http_port if self.has_tls else 0

    @property
    def proxies(self) -> tuple[str, ...]:
        """The networks that are believed: a proxy on this machine may come by either family."""
        here = any(ip_network(one).is_loopback for one in self.trusted_proxies)
        return tuple(dict.fromkeys([*self.trusted_proxies, *(LOOPBACK_NETWORKS if here else ())]))

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and address that people open, beside those of this machine alone."""
        public = urlsplit(self.public).hostname
        return tuple(dict.fromkeys([*([public] if public else []), *self.hosts]))

    @property
    def public_port(self) -> int:
        """The port in the URLs that people open; another proxy's, where one is in front."""
        if self.public:
            return urlsplit(self.public).port or HTTPS
        return self.port if self.has_tls else HTTPS

    def origin(self, name: str) -> str:
        """Write the Origin that a browser sends which has opened the site under this name."""
        return origin(name, self.public_port)

    @property
    def has_ipv6_subnet(self) -> bool:
        """Whether Compose's edge has an IPv6 address."""
        return any(":" in one for one in self.subnets)


class App(Section):
    """What every instance is told; app/parley_serving/environment.py has the same names."""

    instances: Annotated[int, Field(ge=1, le=64)] = 2
    guests: bool = True
    sockets: Annotated[int, Field(ge=1, le=1_000_000)] = 4096
    sockets_per_user: Count = 0
    sockets_per_address: Count = 0
    frames_per_second: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    frame_bytes: Annotated[int, Field(ge=65_536, le=16_777_216)] = 65_536  # clients are promised so much (protocol.md)
    body_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = 1_048_576
    ping_seconds: Annotated[int, Field(ge=1, le=600)] = 20
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    metrics_port: NoPort = 0


class Database(Section):
    """PostgreSQL; without a URL the stack brings its own, and `up` takes SQLite."""

    url: Annotated[str, AfterValidator(urls.database)] = ""
    pool: Annotated[int, Field(ge=6, le=1000)] = 6  # five threads of an instance keep one each, a page needs one
    max_connections: Annotated[int, Field(ge=10, le=100_000)] = 100


class Redis(Section):
    """The channel layer; without a URL or sentinels the stack brings its own."""

    url: Annotated[str, AfterValidator(urls.layer)] = ""
    sentinels: Annotated[tuple[Endpoint, ...], Field(strict=False)] = ()
    sentinel_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    user: str = ""
    password: str = ""
    sentinel_user: str = ""
    sentinel_password: str = ""
    ca_file: Annotated[str, AfterValidator(urls.file)] = ""
    megabytes: Megabytes = 64

    @property
    def has_logins(self) -> bool:
        """Whether a key names a user or a password of the sentinels, or of the Redis behind them."""
        return any((self.user, self.password, self.sentinel_user, self.sentinel_password))

    @property
    def takes_authority(self) -> bool:
        """Whether ca_file has something to be used for."""
        return bool(self.sentinels) or urls.takes_authority(self.url)


class Stop(Section):
    """The shutdown chain, in seconds (pitfalls L2: the times add up)."""

    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 5
    close_seconds: Seconds = 2
    uvicorn_seconds: Annotated[int, Field(ge=1, le=600)] = 3
    graceful_seconds: Seconds = 12
    worker_timeout: Annotated[int, Field(ge=2, le=600)] = 15

    @property
    def kill_seconds(self) -> int:
        """When the supervisor kills: TimeoutStopSec, stop_grace_period and the stop timeout of `up`."""
        return self.graceful_seconds + KILL_AFTER


class Nginx(Section):
    """nginx's own numbers."""

    workers: Annotated[int, Field(ge=1, le=256)] = 2
    worker_shutdown_seconds: Seconds = 10
    sockets_per_address: Annotated[int, Field(ge=0, le=65_535)] = 600  # what limit_conn takes
    handshakes_per_second: Annotated[int, Field(ge=0, le=10_000)] = 50
    handshakes_burst: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    pages_per_address: Annotated[int, Field(ge=0, le=65_535)] = 300
    pages_per_second: Annotated[int, Field(ge=0, le=10_000)] = 100
    pages_burst: Annotated[int, Field(ge=1, le=1_000_000)] = 1500
    hsts_seconds: Annotated[int, Field(ge=0, le=63_072_000)] = 31_536_000


class Limits(Section):
    """What one process may take; enforced by systemd and Docker, and by `up` for open files alone."""

    open_files: Annotated[int, Field(ge=0, le=1_048_576)] = 0
    instance_megabytes: Megabytes = 512
    nginx_megabytes: Megabytes = 256
    postgres_megabytes: Megabytes = 512
    tasks: Annotated[int, Field(ge=16, le=65_536)] = 128


class Backup(Section):
    """When the backup is made, and how many are kept."""

    at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "03:30"
    keep: Annotated[int, Field(ge=1, le=1000)] = 14


class Monitoring(Section):
    """Prometheus: how often it asks, and what Compose's own keeps."""

    scrape_seconds: Annotated[int, Field(ge=1, le=300)] = 15
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 15
    keep_megabytes: Megabytes = 1024
