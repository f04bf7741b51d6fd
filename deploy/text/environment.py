"""Config and facts → the environment of the app. Pure. app/parley_serving/environment.py reads these names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy.model import urls
from deploy.model.config import Config
from deploy.model.hosts import LOOPBACK, in_url, origin

# What somebody's shell may hold that would reach the app or the server past parley.toml.
SUPERUSER = "DJANGO_SUPERUSER_"
FOREIGN = (
    "PARLEY_",
    "DJANGO_SETTINGS_MODULE",
    "GUNICORN_",
    "UVICORN_",
    "PYTHON",
    "WEB_CONCURRENCY",
    "FORWARDED_ALLOW_IPS",
)

UTF8 = {"PYTHONUTF8": "1"}  # paths, texts and log lines are, whatever the locale


@dataclass(frozen=True)
class AppSite:
    """The facts that the app needs beside Config, the same for every instance."""

    tier: str  # PARLEY_ENV
    scheme: str
    port: int
    secret_key_file: Path
    database_url: str | Path  # a path: the file that holds it, because a URL may hold a password
    layer_url: str | Path
    static_root: Path
    release: str
    sockets: int
    unlimited: tuple[str, ...] = ()  # networks that the limit of new people per address leaves out
    edge: str = ""  # nginx's listener for the instances; empty: there is no nginx


def clean(variables: Mapping[str, str]) -> dict[str, str]:
    """Leave out of the caller's environment what would change the app."""
    return {name: value for name, value in variables.items() if not name.startswith(FOREIGN)} | UTF8


def superuser(variables: Mapping[str, str]) -> dict[str, str]:
    """Give what `createsuperuser --noinput` reads, and the caller of `manage` may have set for it."""
    return {name: value for name, value in variables.items() if name.startswith(SUPERUSER)}


def app(config: Config, site: AppSite) -> dict[str, str]:
    """Return the variables that all of the app's processes share."""
    hosts = list(dict.fromkeys([*LOOPBACK, *config.site.names]))
    return {
        "PARLEY_ENV": site.tier,
        "PARLEY_NAME": config.site.name,
        "PARLEY_SECRET_KEY_FILE": str(site.secret_key_file),
        "PARLEY_HOSTS": ",".join(in_url(host) for host in hosts),
        "PARLEY_ORIGINS": ",".join(origin(host, site.port, site.scheme) for host in hosts),
        **_given("PARLEY_DATABASE_URL", site.database_url),
        **_given("PARLEY_LAYER_URL", site.layer_url),
        "PARLEY_STATIC_ROOT": str(site.static_root),
        "PARLEY_RELEASE": site.release,
        "PARLEY_COOKIE_PREFIX": config.site.cookie_prefix,
        **({"PARLEY_UNLIMITED": ",".join(site.unlimited)} if site.unlimited else {}),
        "PARLEY_GUESTS": str(config.app.guests).lower(),
        "PARLEY_SOCKETS": str(site.sockets),
        "PARLEY_SOCKETS_PER_USER": str(config.app.sockets_per_user),
        "PARLEY_SOCKETS_PER_ADDRESS": str(config.app.sockets_per_address),
        "PARLEY_INSTANCES": str(config.app.instances),
        "PARLEY_FRAMES_PER_SECOND": str(config.app.frames_per_second),
        "PARLEY_BURST": str(config.app.burst),
        "PARLEY_FRAME_BYTES": str(config.app.frame_bytes),
        "PARLEY_BODY_BYTES": str(config.app.body_bytes),
        "PARLEY_DATABASE_POOL": str(config.database.pool),
        "PARLEY_PING_SECONDS": str(config.app.ping_seconds),
        "PARLEY_DRAIN_SECONDS": str(config.stop.drain_seconds),
        "PARLEY_CLOSE_SECONDS": str(config.stop.close_seconds),
        "PARLEY_UVICORN_GRACEFUL_SECONDS": str(config.stop.uvicorn_seconds),
        "PARLEY_GRACEFUL_SECONDS": str(config.stop.graceful_seconds),
        "PARLEY_WORKER_TIMEOUT": str(config.stop.worker_timeout),
        "PARLEY_EDGE": site.edge,
        "PARLEY_LOG_FORMAT": config.app.log_format,
        "PARLEY_LOG_LEVEL": config.app.log_level,
        "PYTHONUNBUFFERED": "1",
        **UTF8,
    }


def _given(name: str, value: str | Path) -> dict[str, str]:
    """Give a variable by its value, or by the file that holds it."""
    return {f"{name}_FILE": str(value)} if isinstance(value, Path) else {name: value}


def layer_url(config: Config, authority: Path | None = None) -> str:
    """Write the URL of the Redis that parley.toml names, by itself or by its sentinels; empty: the stack's own.

    `authority` is where the processes find redis.ca_file, if that is elsewhere.
    """
    redis = config.redis
    ca_file = str(authority or redis.ca_file) if redis.ca_file else ""
    if not redis.sentinels:
        return urls.with_authority(redis.url, ca_file) if ca_file else redis.url
    login = f"{quote(redis.user, safe='')}:{quote(redis.password, safe='')}@" if redis.user or redis.password else ""
    given = {"sentinel_user": redis.sentinel_user, "sentinel_password": redis.sentinel_password, "ca_file": ca_file}
    query = "&".join(f"{name}={quote(value)}" for name, value in given.items() if value)
    return f"sentinel://{login}{','.join(redis.sentinels)}/{redis.sentinel_name}{'?' if query else ''}{query}"


def instance(name: str, socket: Path, metrics: str) -> dict[str, str]:
    """Return the variables of one instance. Behind a unix socket the only peer is nginx, which overwrites
    X-Forwarded-For, so every peer is trusted (pitfalls G11)."""
    return {
        "PARLEY_INSTANCE": name,
        "PARLEY_BIND": f"unix:{socket}",
        "PARLEY_METRICS_BIND": metrics,
        "PARLEY_TRUSTED_PROXIES": "*",
    }
