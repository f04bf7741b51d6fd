"""Config and facts → the services of one local stack, and the site they are rendered for. Pure."""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy import environment
from deploy.capacity import Capacity
from deploy.config import Config
from deploy.environment import AppSite
from deploy.render import NginxSite
from deploy.stacks.local.binaries import Nginx, NoRedis
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.prepare import APP
from deploy.stacks.local.process import Service

LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1")


@dataclass(frozen=True)
class Plan:
    """Everything that was found out before the first process starts."""

    config: Config
    layout: Layout
    capacity: Capacity
    nginx: Nginx
    redis: Path | NoRedis
    listen: tuple[str, ...]
    metrics_ports: tuple[int, ...]
    release: str
    http_listen: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The instances' names."""
        return tuple(f"web-{number}" for number in range(1, self.config.app.instances + 1))

    @property
    def redis_socket(self) -> Path | None:
        """Where Redis listens, if there is one."""
        return None if isinstance(self.redis, NoRedis) else self.layout.sockets / "redis.sock"

    @property
    def layer_url(self) -> str:
        """The channel layer's address for the app."""
        return layer_url(self.config, self.redis_socket)

    def instance_socket(self, name: str) -> Path:
        """Where an instance listens for nginx."""
        return self.layout.sockets / f"{name}.sock"

    def metrics(self, name: str) -> str:
        """Where an instance serves /metrics."""
        return f"127.0.0.1:{self.metrics_ports[self.names.index(name)]}"


def layer_url(config: Config, redis_socket: Path | None) -> str:
    """Write the channel layer's URL: parley.toml's, or of our Redis on a unix socket, or of none."""
    own = "none://" if redis_socket is None else f"unix://{quote(str(redis_socket))}?db=0"
    return environment.layer_url(config) or own


def app_site(config: Config, layout: Layout, *, sockets: int, layer: str, release: str) -> AppSite:
    """Return what every process of the app is told; `manage` uses it too."""
    return AppSite(
        tier="production",
        scheme="https",
        port=config.site.port,
        secret_key_file=layout.secret_key,
        database_url=config.database.url or f"sqlite:///{quote(str(layout.database))}",
        layer_url=layer,
        static_root=layout.static,
        release=release,
        sockets=sockets,
        edge=f"unix:{layout.edge}",
    )


def app_environment(plan: Plan, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment that the app's processes share."""
    site = app_site(
        plan.config,
        plan.layout,
        sockets=plan.capacity.sockets,
        layer=plan.layer_url,
        release=plan.release,
    )
    return environment.clean(variables) | environment.app(plan.config, site)


def nginx_site(plan: Plan) -> NginxSite:
    """Return what nginx's templates need."""
    return NginxSite(
        nginx_version=plan.nginx.version,
        listen=plan.listen,
        http_listen=plan.http_listen,
        upstreams=tuple(f"unix:{plan.instance_socket(name)}" for name in plan.names),
        run=str(plan.layout.run),
        static=str(plan.layout.static),
        certificate=str(plan.layout.certificate),
        certificate_key=str(plan.layout.certificate_key),
        access_log=str(plan.layout.log / "access.log"),
        error_log="stderr",
        open_files=plan.capacity.open_files,
        worker_connections=plan.capacity.worker_connections,
        workers=plan.config.nginx.workers,
        inside=f"unix:{plan.layout.edge}",
        # Everything under --dir is private to its owner, and nginx would make its workers `nobody`.
        user="root" if os.getuid() == 0 else "",
        unlimited=LOOPBACK_NETWORKS,
    )


def nginx_command(plan: Plan, *arguments: str) -> tuple[str, ...]:
    """Return nginx on the rendered configuration."""
    layout = plan.layout
    configuration = layout.nginx / "nginx.conf"
    return (str(plan.nginx.path), "-e", "stderr", "-p", str(layout.run), "-c", str(configuration), *arguments)


def nginx_service(plan: Plan, env: Mapping[str, str]) -> Service:
    """Return nginx. QUIT closes its listeners and lets what is open end."""
    return Service(
        "nginx",
        nginx_command(plan),
        env,
        plan.layout.run,
        signal.SIGQUIT,
        plan.config.stop.kill_seconds,
        stale=(plan.layout.edge,),
    )


def redis_service(plan: Plan, env: Mapping[str, str]) -> Service:
    """Return Redis: a unix socket, no port, nothing on disk (pitfalls C16)."""
    options = {
        "--port": "0",
        "--unixsocket": str(plan.redis_socket),
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        "--dir": str(plan.layout.run),
        "--loglevel": "warning",
    }
    words = [word for option in options.items() for word in option]
    return Service("redis", (str(plan.redis), *words), env, plan.layout.run)


def instance_service(plan: Plan, name: str, env: Mapping[str, str]) -> Service:
    """Return one gunicorn with one worker."""
    command = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "config.asgi:application")
    own = environment.instance(name, plan.instance_socket(name), plan.metrics(name))
    return Service(name, command, {**env, **own}, APP, grace=plan.config.stop.kill_seconds)
