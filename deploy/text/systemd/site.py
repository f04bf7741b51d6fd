"""Config and facts → what is rendered for one host, {name: text}. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model import listening, rules
from deploy.model.capacity import Capacity, declared
from deploy.model.config import Config
from deploy.model.health import ALIVE
from deploy.model.hosts import in_url
from deploy.model.paths import Paths
from deploy.model.sections import Site
from deploy.text import environment, project, readback, render, run
from deploy.text.compose.site import is_sqlite
from deploy.text.environment import AppSite
from deploy.text.readback import Facts, NginxFacts
from deploy.text.render import NginxSite, SystemdSite
from deploy.text.systemd import foreign, places, words
from deploy.text.systemd.foreign import Given, Place
from deploy.text.systemd.places import Places

STACK = "systemd"


@dataclass(frozen=True)
class Programs:
    """What the distribution brings."""

    nginx: Path = Path("/usr/sbin/nginx")
    nginx_version: tuple[int, int, int] = (1, 22, 1)  # Debian 12's; what `render` writes where nothing is installed
    redis: Path | None = Path("/usr/bin/redis-server")
    ipv6: bool = True


def fitting(config: Config) -> Capacity:
    """Return the numbers as they stand; raise BadInputError for a rule that does not hold."""
    size = declared(config)
    rules.require(config, size, STACK)
    return size


def release_files(
    config: Config, size: Capacity, programs: Programs, release: str, place: Place | None = None
) -> dict[str, str]:
    """Return what belongs to one release: {path below its folder: text}. None of it is secret."""
    at = Places(config.site.name)
    files = {places.APP_ENV: env_file(shared(config, size, release, place))}
    for number in range(1, config.app.instances + 1):
        own = environment.instance(f"web-{number}", at.socket(number), metrics(config, number))
        files[f"web-{number}.env"] = env_file(own)
    if place:
        files[places.RELEASE_SH] = words.release(config, str(at.release(release) / words.PROJECT.python))
    configuration = render.nginx(config, nginx(config, size, programs, place))
    return files | {f"nginx/{name}": text for name, text in configuration.items()}


def shared(config: Config, size: Capacity, release: str, place: Place | None) -> dict[str, str]:
    """Return the variables that all processes of a release share, without the project's own."""
    told = environment.app(config, app(config, size, release))
    if place is None:
        return told
    told["PARLEY_ORIGINS"] = project.origins(config, told["PARLEY_ORIGINS"])
    return told | foreign.variables(config, Places(config.site.name).release(release), place)


def secret_files(config: Config, size: Capacity, release: str, place: Place, given: Given) -> dict[str, str]:
    """Return the values of [project.env], which may hold a password: {name below the release's folder: text}."""
    site, told = app(config, size, release), shared(config, size, release, place)

    def of(instance: str) -> dict[str, str]:
        return foreign.own(config, site, told, given, instance)

    files = {places.APP_ENV: env_file(of("manage"))}
    names = [f"web-{number}" for number in range(1, config.app.instances + 1)]
    for name, one in config.project.processes.items():
        names += [f"{name}-{number}" for number in range(1, one.instances + 1)]
    for name in names:
        if found := foreign.differing(config, of(name)):
            files[f"{name}.env"] = env_file(found)
    return files


def units(config: Config, size: Capacity, programs: Programs) -> dict[str, str]:
    """Return the units."""
    return render.systemd(config, size, host(config, programs))


def secrets(config: Config) -> dict[Path, str]:
    """Return the URLs, which may hold a password."""
    at = Places(config.site.name)
    return {
        at.database_url: foreign.database_url(config, at),
        at.layer_url: foreign.layer_url(config, at),
    }


def runs_postgres(config: Config) -> bool:
    """Tell whether the database is one of the distribution's PostgreSQL."""
    return config.brings_postgres and not is_sqlite(config)


def own_database(at: Places) -> str:
    """Return the URL of the distribution's PostgreSQL."""
    return foreign.database_url(Config(), at)


def metrics(config: Config, number: int) -> str:
    """Return where an instance serves /metrics; empty: nowhere."""
    return f"127.0.0.1:{config.app.metrics_port + number - 1}" if config.app.metrics_port else ""


def probe_metrics(config: Config) -> str:
    """Return where the probe serves /metrics: after the last instance; empty: it does not run."""
    return metrics(config, config.app.instances + 1)


def app(config: Config, size: Capacity, release: str) -> AppSite:
    """Return what every process of the app is told."""
    at = Places(config.site.name)
    return AppSite(
        tier="production",
        scheme="https",
        port=config.site.public_port,
        secret_key_file=at.secret_key,
        database_url=at.database_url,
        layer_url=at.layer_url,
        static_root=at.release(release) / places.COLLECTED,
        release=release,
        sockets=size.sockets,
        edge=f"unix:{at.edge_socket}",
    )


def nginx_files(config: Config) -> dict[str, str]:
    """Return nginx's files for a host of Debian 12; raise BadInputError for a rule that does not hold."""
    return render.nginx(config, nginx(config, fitting(config), Programs()))


def listen(config: Config, port: int, *, ipv6: bool) -> tuple[str, ...]:
    """Return what nginx listens on: loopback alone, until a host makes this machine known to others."""
    return tuple(f"{in_url(one)}:{port}" for one in listening.wanted(config) if port and (ipv6 or ":" not in one))


def nginx(config: Config, size: Capacity, programs: Programs, place: Place | None = None) -> NginxSite:
    """Return what nginx's templates need."""
    at = Places(config.site.name)
    return NginxSite(
        nginx_version=programs.nginx_version,
        listen=listen(config, config.site.port, ipv6=programs.ipv6),
        http_listen=listen(config, config.site.redirect_port, ipv6=programs.ipv6),
        proxied_listen=listen(config, config.site.proxy_port, ipv6=programs.ipv6),
        upstreams=tuple(f"unix:{at.socket(number)}" for number in range(1, config.app.instances + 1)),
        run=str(at.run),
        static=str(at.served),
        certificate=str(at.served_tls / at.certificate.name),
        certificate_key=str(at.served_tls / at.certificate_key.name),
        authority=str(at.served_tls / "now"),
        access_log=access_log(at),
        error_log="stderr",
        open_files=size.open_files,
        worker_connections=size.worker_connections,
        workers=config.nginx.workers,
        acme=str(at.challenges),
        inside=f"unix:{at.edge_socket}",
        paths=place.paths if place else Paths(config.project.sockets, config.project.streams),
        media=str(at.media) if place and place.paths.media_url else "",
    )


def host(config: Config, programs: Programs) -> SystemdSite:
    """Return what the units need."""
    at = Places(config.site.name)
    return SystemdSite(
        name=at.name,
        title=title(at),
        user=at.name,
        group=at.name,
        prefix=str(at.opt),
        etc=str(at.etc),
        state=str(at.state),
        run=str(at.run),
        nginx=str(programs.nginx),
        redis=str(programs.redis) if (config.brings_redis or keeps(config)) and programs.redis else "",
        probe=probe_metrics(config),
        origin=config.site.origin("localhost"),
        edge=_edge(config),
        words=words.of(config),
        runs_postgres=runs_postgres(config),
        keeps=keeps(config),
        asked=_asked(config),
        processes=[one for one in run.beside(config) if not one.at],
        jobs=run.jobs(config),
    )


def keeps(config: Config) -> bool:
    """Tell whether there is a Redis that keeps what the project gives it."""
    return not config.is_own and project.keeps(config)


def timers(config: Config) -> list[str]:
    """Name the timers."""
    at = Places(config.site.name)
    cleanup = [at.cleanup] if config.project.hooks.cleanup else []
    return [*cleanup, at.backup, *(at.schedule(name) for name in config.project.schedule)]


def _asked(config: Config) -> list[str]:
    """Return the options of `watch` that ask a project for a page and for handshakes: they need no account."""
    if config.is_own:
        return []
    return [f"--page={config.project.health or ALIVE}", *(f"--handshake={one}" for one in config.project.sockets)]


def _edge(config: Config) -> list[str]:
    if not config.site.has_tls:
        return ["--edge", f"localhost:{config.site.port}", "--plain"]
    return [] if config.site.public_port == config.site.port else ["--edge", f"localhost:{config.site.port}"]


def access_log(at: Places) -> str:
    """Write to journald, for a unit's stdout cannot be opened again; two sites have two tags, without a hyphen."""
    tag = "" if at.name == Site().name else f",tag={at.name.replace('-', '_')}_nginx"
    return f"syslog:server=unix:/dev/log,nohostname{tag}"


def title(at: Places) -> str:
    """Name the site to people."""
    return "Parley" if at.name == Site().name else f"Parley ({at.name})"


def read(config: Config, size: Capacity) -> Facts:
    """Render everything, and read it back as systemd and nginx will."""
    files = release_files(config, size, Programs(), "0", None if config.is_own else Place())
    text = units(config, size, Programs())[f"{config.site.name}-web@.service"]
    return Facts(
        app=readback.unit(text, files[places.APP_ENV]),
        nginx=NginxFacts.of({name.removeprefix("nginx/"): text for name, text in files.items()}),
    )


def env_file(variables: Mapping[str, str]) -> str:
    """Write an EnvironmentFile; nothing is expanded in one, and quotes keep what a line would lose."""
    lines = []
    for name, value in variables.items():
        if "\n" in value:
            raise BadInputError(f"{name} has a line break")
        lines.append(f'{name}="{"".join(f"{chr(92)}{one}" if one in QUOTED else one for one in value)}"\n')
    return "".join(lines)


QUOTED = '\\"`$'


def toml(at: Places, hosts: Sequence[str], port: int | None, cores: int, *, instances: int, option: str = "") -> str:
    """Write a site's first parley.toml of its own; with an instance to a core, unless the project says how many.

    `option` names the project to our commands.
    """
    lines = [
        f"# This host's own, on top of the release's parley.toml ({at.current}/parley.toml has every key).",
        f"# After a change: sudo ./parley install{option}, and sudo ./parley rollout --stack systemd{option} --again",
        "",
        "[site]",
        *([f"hosts = [{', '.join(chr(34) + name + chr(34) for name in hosts)}]"] if hosts or not option else []),
    ]
    if port is not None:
        lines += [f"port = {port}", "http_port = 0                    # no redirect beside a port of its own"]
    if instances:
        lines += ["", "[app]", f"instances = {instances}                    # one per core of this host"]
    lines += ["", "[nginx]", f"workers = {cores}"]
    return "\n".join(lines) + "\n"
