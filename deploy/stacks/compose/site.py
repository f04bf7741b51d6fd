"""Config → what the app and nginx are told in their containers. Pure."""

from deploy import environment
from deploy.capacity import Capacity
from deploy.config import Config
from deploy.environment import AppSite
from deploy.render import NginxSite
from deploy.stacks.compose import places

NGINX_VERSION = (1, 30, 0)  # of the image that the Compose file names
DOCKER_DNS = "127.0.0.11"
# What .env may change is not in the Compose file: the app reads it from files that `setup` writes.
BY_FILE = ("PARLEY_HOSTS", "PARLEY_ORIGINS", "PARLEY_SOCKETS")


def app(config: Config, size: Capacity) -> dict[str, str]:
    """Return the variables of every process of the app, as the Compose file has them."""
    values = _values(config, size)
    for name in BY_FILE:
        del values[name]
        values[f"{name}_FILE"] = str(places.APP / file(name))
    del values["PARLEY_RELEASE"]  # the image knows
    del values["PARLEY_NAME"], values["PARLEY_INSTANCES"]  # .env decides
    values["PARLEY_INSTANCE_FILE"] = "/etc/hostname"  # each replica has another
    values["PARLEY_BIND"] = f"0.0.0.0:{places.WEB}"
    values["PARLEY_METRICS_BIND"] = f"0.0.0.0:{metrics(config)}"  # all of a replica's networks are internal
    # Of what people reach only the edge shares a network with this port, under an address that changes, and it
    # overwrites X-Forwarded-For: there is never a second address in it (pitfalls G12).
    values["PARLEY_TRUSTED_PROXIES"] = "*"
    return values


def files(config: Config, size: Capacity) -> dict[str, str]:
    """Return the files that the app reads instead, {name: text}."""
    values = _values(config, size)
    return {file(name): values[name] for name in BY_FILE}


def file(variable: str) -> str:
    """Name the file of a variable."""
    return variable.removeprefix("PARLEY_").lower()


def metrics(config: Config) -> int:
    """Return the port of a replica's /metrics, and of the probe's, which nginx does not know."""
    return config.app.metrics_port or places.METRICS


def nginx(config: Config, size: Capacity) -> NginxSite:
    """Return what nginx's templates need."""
    return NginxSite(
        nginx_version=NGINX_VERSION,
        listen=(str(places.HTTPS),),
        http_listen=(str(places.HTTP),),
        upstreams=(f"web:{places.WEB}",),
        resolver=DOCKER_DNS,
        run="/tmp",  # noqa: S108 (a tmpfs of the container's own)
        static=str(places.SERVED),
        certificate=str(places.CERTIFICATE),
        certificate_key=str(places.CERTIFICATE_KEY),
        access_log="/dev/stdout",
        error_log="stderr",
        open_files=size.open_files,
        worker_connections=size.worker_connections,
        workers=config.nginx.workers,
        acme=str(places.CHALLENGES),
        inside=str(places.INSIDE),
    )


def _values(config: Config, size: Capacity) -> dict[str, str]:
    return environment.app(
        config,
        AppSite(
            tier="production",
            scheme="https",
            port=config.site.port,
            secret_key_file=places.APP / file("PARLEY_SECRET_KEY"),
            database_url=places.APP / file("PARLEY_DATABASE_URL"),
            layer_url=places.APP / file("PARLEY_LAYER_URL"),
            static_root=places.COLLECTED,
            release="",
            sockets=size.sockets,
            edge=f"edge:{places.INSIDE}",
        ),
    )
