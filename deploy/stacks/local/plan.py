"""Config and facts → the services of one local stack, and the site they are rendered for. Pure."""

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy.model.capacity import Capacity
from deploy.model.config import Config
from deploy.stacks.local import store
from deploy.stacks.local.application import Application
from deploy.stacks.local.binaries import Nginx, NoRedis
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.supervised import Service
from deploy.text import environment, run
from deploy.text.render import NginxSite
from deploy.text.run import Beside

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
    application: Application
    http_listen: tuple[str, ...] = ()
    proxied_listen: tuple[str, ...] = ()
    store_port: int = 0  # of the Redis that keeps; 0: there is none

    @property
    def names(self) -> tuple[str, ...]:
        """The instances' names."""
        return tuple(f"web-{number}" for number in range(1, self.config.app.instances + 1))

    @property
    def beside(self) -> dict[str, Beside]:
        """The project's processes and jobs, by the names under which each of them runs."""
        return dict(named(run.beside(self.config)))

    @property
    def redis_socket(self) -> Path | None:
        """Where the layer's Redis listens, if there is one."""
        is_without = isinstance(self.redis, NoRedis) or self.config.project.layer == "none"
        return None if is_without else self.layout.sockets / "redis.sock"

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


def named(found: Iterator[Beside]) -> Iterator[tuple[str, Beside]]:
    """Name them as Compose does: a process by its number, since there may be more of it."""
    for one in found:
        if one.at:
            yield one.service, one
        else:
            yield from ((f"{one.service}-{number}", one) for number in range(1, one.instances + 1))


def layer_url(config: Config, redis_socket: Path | None) -> str:
    """Write the channel layer's URL: parley.toml's, or of our Redis on a unix socket, or of none."""
    own = "none://" if redis_socket is None else f"unix://{quote(str(redis_socket))}?db=0"
    return environment.layer_url(config) or own


def nginx_site(plan: Plan) -> NginxSite:
    """Return what nginx's templates need."""
    return NginxSite(
        nginx_version=plan.nginx.version,
        listen=plan.listen,
        http_listen=plan.http_listen,
        proxied_listen=plan.proxied_listen,
        upstreams=tuple(f"unix:{plan.instance_socket(name)}" for name in plan.names),
        run=str(plan.layout.run),
        static=str(plan.layout.static),
        certificate=str(plan.layout.certificate),
        certificate_key=str(plan.layout.certificate_key),
        authority=str(plan.layout.authority.parent),
        access_log=str(plan.layout.log / "access.log"),
        error_log="stderr",
        open_files=plan.capacity.open_files,
        worker_connections=plan.capacity.worker_connections,
        workers=plan.config.nginx.workers,
        inside=f"unix:{plan.layout.edge}",
        # Everything under --dir is private to its owner, and nginx would make its workers `nobody`.
        user="root" if os.getuid() == 0 else "",
        unlimited=LOOPBACK_NETWORKS,
        paths=plan.application.paths,
        media=plan.application.media,
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
    application = plan.application
    command = (str(application.python), *application.server)
    own = environment.instance(name, plan.instance_socket(name), plan.metrics(name))
    return Service(name, command, {**env, **own}, application.folder, grace=plan.config.stop.kill_seconds)


def beside_service(plan: Plan, name: str, env: Mapping[str, str]) -> Service:
    """Return one of the project's processes or jobs."""
    application, one = plan.application, plan.beside[name]
    command = (str(application.python), *one.words)
    told = {**env, "PARLEY_INSTANCE": name}
    return Service(name, command, told, application.folder, grace=one.grace, beside=True)


def store_service(plan: Plan, env: Mapping[str, str]) -> Service:
    """Return the Redis that keeps what the project gives it."""
    command = (str(plan.redis), str(plan.layout.store / store.FILE))
    return Service("store", command, env, plan.layout.store)
