"""Config and facts → {file name: text}. Pure: it reads the checkout's templates and writes nothing."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.errors import BadInputError
from deploy.model.capacity import Capacity
from deploy.model.config import ROOT, Config
from deploy.model.hosts import LOOPBACK, in_url
from deploy.model.paths import STREAM_SECONDS, Paths, places, require

NGINX = ROOT / "nginx"
COMPOSE = ROOT / "compose"
SYSTEMD = ROOT / "systemd"
PROMETHEUS = ROOT / "prometheus"
RESOLVES_SINCE = (1, 27, 3)  # `server … resolve` in the open-source nginx
# What nginx would read as the end of a string, a variable or a pattern, even between quotes.
AUTHORITY = "default $hsts_wanted;\n"  # authority.conf, as compose/edge.sh writes it too
UNSPEAKABLE = set('"$\\*?[;{}') | {chr(code) for code in range(32)}


@dataclass(frozen=True)
class NginxSite:
    """The facts of one host that nginx's configuration needs beside Config; paths are absolute."""

    nginx_version: tuple[int, int, int]
    listen: tuple[str, ...]  # addresses with port, as `listen` takes them
    upstreams: tuple[str, ...]  # as `server` takes them, e.g. unix:/run/parley/web-1.sock or web:8000
    run: str  # folder for the pid file and spooled bodies
    static: str
    certificate: str
    certificate_key: str
    access_log: str  # a file, /dev/stdout in a container, syslog:server=unix:/dev/log,nohostname for journald
    error_log: str
    open_files: int
    worker_connections: int
    workers: int
    authority: str  # folder that has a file authority.conf where the certificate is an authority's
    inside: str = ""  # where the instances find nginx, as `listen` takes it; empty: they hear of no reload
    beside: int = 0  # a port that no proxy can reach, for the probe, where a proxy in front has the TLS
    user: str = ""  # only a master that is root can have one
    unlimited: tuple[str, ...] = ()  # networks that the limits per address leave out
    resolver: str = ""  # a DNS server, e.g. 127.0.0.11: the upstreams' names are asked again every second
    http_listen: tuple[str, ...] = ()  # plain http: redirects to https
    proxied_listen: tuple[str, ...] = ()  # the same as `listen`, for a balancer with the PROXY protocol
    acme: str = ""  # folder of certificate challenges, served by http_listen
    paths: Paths = field(default_factory=Paths)
    media: str = ""  # folder of what people uploaded; empty: there is none


@dataclass(frozen=True)
class ComposeProcess:
    """One of a project's processes beside its instances."""

    service: str
    command: Sequence[str]
    replicas: int
    grace: int  # seconds from the signal that ends it
    well: str  # the file that is there while a job's last run went well; empty: it is a process


@dataclass(frozen=True)
class ComposeSite:
    """The facts that the Compose file needs beside Config."""

    env: str  # whose [env.NAME] this is
    model: str  # this configuration as JSON, for the one-shot `setup`; without what is secret
    environment: Mapping[str, str]  # of every process of the app
    user: int  # the image's
    folders: Mapping[str, str]  # volume → where containers have it
    port: int  # where an instance listens
    edge: tuple[int, int, int]  # where nginx listens for https, http and the PROXY protocol
    asked: Sequence[str]  # options of `watch`: the site, and the way to it
    metrics: int  # where the probe serves /metrics
    prometheus: int  # where Prometheus listens
    redis_files: int  # that a Redis may have open, connections among them
    owner: str  # whose the site's name is, where .env does not say it
    build: str  # what the image is built from, as Compose takes it
    deploy: Sequence[str]  # Parley's own commands
    migrate: str  # what comes before the instances, as a shell's line
    cleanup: str  # what the service of this name runs; empty: there is none
    mounts: Sequence[str]  # files of the host that the app reads
    runs_postgres: bool  # whether the database is a service of this file
    data: str  # the folder of a database that is a file; empty: it is none
    variables: str  # the file of [project.env] beside the Compose file; empty: there is nothing in it
    probe: Sequence[str]  # `watch`, up to where the site is
    media: str  # the folder of uploaded files; empty: none are kept
    written: Mapping[str, str]  # volume → folder that the project's processes write to
    keeps: bool  # whether there is a Redis that keeps what the project gives it
    outside: bool  # whether the project's processes reach other hosts
    home: str  # the working directory of the project's processes; empty: the image's
    processes: Sequence[ComposeProcess]  # beside the instances


@dataclass(frozen=True)
class SystemdSite:
    """The facts that the units need beside Config; paths are absolute."""

    name: str  # of the site: what its units begin with
    title: str  # for people
    user: str
    group: str
    prefix: str  # /opt/parley
    etc: str  # /etc/parley
    state: str  # /var/lib/parley
    run: str  # /run/parley
    nginx: str  # the binary
    redis: str  # the binary; empty where this host runs none
    probe: str  # where the probe serves /metrics; empty: it does not run
    origin: str  # the site, as this host opens it
    edge: Sequence[str]  # options of `watch`, where nginx is not at the origin's port or has no TLS
    asked: Sequence[str]  # more of them, for a project
    words: Any  # how its programs are called (text/systemd/words.py)
    runs_postgres: bool  # whether the distribution's PostgreSQL has the database
    keeps: bool  # whether there is a Redis that keeps what the project gives it
    processes: Sequence[Any]  # [project.processes], as text/run.py has them
    jobs: Mapping[str, Sequence[str]]  # [project.schedule]: name → words after Python


@dataclass(frozen=True)
class Replicas:
    """Instances that come and go, each under an address that a DNS server knows."""

    name: str  # with a dot at its end: no domain of the host's is searched for it
    port: int  # of /metrics
    wanted: int


@dataclass(frozen=True)
class PrometheusSite:
    """The facts that Prometheus's configuration needs beside Config."""

    scrape_seconds: int
    sockets: int  # that one instance takes
    targets: Mapping[str, str]  # instance → the address of its /metrics
    replicas: Replicas | None  # in the targets' place
    probe: str  # the address of the probe's /metrics; empty: there is none
    probe_seconds: float  # between two of its tries
    certificate_seconds: int  # fewer are soon
    certificate_share: int  # of its lifetime, one part in so many is soon too
    is_chat: bool  # a project has nothing of what the chat alone counts: an alert of it would fire for ever, or never


def quoted(value: str) -> str:
    """Write a path as an nginx string; raise BadInputError where nginx has no way to say it."""
    return f'"{speakable(value)}"'


def speakable(value: str) -> str:
    """Return a path that may stand in an nginx string; raise BadInputError where nginx has no way to say it."""
    for character in value:
        if character in UNSPEAKABLE:
            raise BadInputError(f"{value!r} holds {character!r}, which is not allowed in an nginx configuration")
    return value


def scalar(value: object) -> str:
    """Write a value as YAML that Compose takes literally: JSON is YAML, and Compose expands a single $."""
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")


def word(value: str) -> str:
    """Write one word of a unit's command line, with what systemd expands, between quotes too, written twice."""
    return shlex.quote(value).replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")


def words(line: str) -> str:
    """Write a command line of parley.toml as one of a unit."""
    return " ".join(map(word, shlex.split(line)))


def nginx_names() -> set[str]:
    """Return the names of all files of nginx: one that a configuration has no more is to be removed."""
    return {path.name.removesuffix(".j2") for path in NGINX.iterdir() if path.is_file()}


def nginx(config: Config, site: NginxSite) -> dict[str, str]:
    """Render nginx/ to {file name: text}; nginx.conf includes the others by name."""
    if site.resolver and site.nginx_version < RESOLVES_SINCE:
        raise BadInputError(f"nginx {'.'.join(map(str, site.nginx_version))} cannot resolve names while it runs")
    names = [in_url(host) for host in dict.fromkeys([*LOOPBACK, *config.site.names])]
    require(site.paths)
    values = {"paths": site.paths, "places": places(site.paths), "stream_seconds": STREAM_SECONDS}
    texts = folder(NGINX, {"config": config, "site": site, "names": names, **values})
    used = {
        "inside.conf": bool(site.inside),
        "hsts.conf": bool(config.nginx.hsts_seconds and config.site.has_tls),
        "tls.conf": config.site.has_tls,
        "behind.conf": not config.site.has_tls,
        "plain.conf": bool(site.http_listen),
        "proxied.conf": bool(site.proxied_listen),
        "balancer.conf": bool(config.site.trusted_proxies),
        "sent.conf": bool(site.resolver),
    }
    return {name: text for name, text in texts.items() if used.get(name, True)}


def compose(config: Config, size: Capacity, site: ComposeSite) -> dict[str, str]:
    """Render compose/ to {file name: text}."""
    return folder(COMPOSE, {"config": config, "size": size, "site": site})


def systemd(config: Config, size: Capacity, site: SystemdSite) -> dict[str, str]:
    """Render systemd/ to {unit: text}; no Redis where parley.toml names another, no probe where nobody asks it."""
    values = {"config": config, "size": size, "site": site}
    texts = folder(SYSTEMD, values)
    used = {
        "parley-redis.service": config.brings_redis,
        "parley-probe.service": bool(site.probe),
        "parley-store.service": site.keeps,
        **{f"parley-cleanup.{kind}": bool(config.project.hooks.cleanup) for kind in ("service", "timer")},
    }
    found = {name: text for name, text in texts.items() if used.get(name, True)}
    each = _environment(SYSTEMD)
    for process in site.processes:
        text = each.get_template("each/process.service.j2").render(values | {"process": process})
        found[f"parley-{process.service}@.service"] = text
    for name, words in site.jobs.items():
        for kind in ("service", "timer"):
            text = each.get_template(f"each/schedule.{kind}.j2").render(values | {"name": name, "command": words})
            found[f"parley-schedule-{name}.{kind}"] = text
    return {name.replace("parley", site.name, 1): text for name, text in found.items()}


def prometheus(config: Config, site: PrometheusSite) -> dict[str, str]:
    """Render prometheus/ to {file name: text}."""
    return folder(PROMETHEUS, {"config": config, "site": site})


def folder(path: Path, values: Mapping[str, Any]) -> dict[str, str]:
    """Render a folder's *.j2 and pass its other files through, to {file name: text}."""
    environment = _environment(path)
    names = sorted(entry.name for entry in path.iterdir() if entry.is_file())
    return {name.removesuffix(".j2"): environment.get_template(name).render(values) for name in names}


def _environment(path: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(path),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (no HTML; each format has its own filter)
    )
    filters: dict[str, Callable[..., str]] = {"quoted": quoted, "speakable": speakable, "scalar": scalar}
    filters |= {"word": word, "words": words}
    environment.filters.update(filters)
    return environment
