"""Config → what the app and nginx are told in their containers. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model.capacity import Capacity
from deploy.model.config import FILE, Config
from deploy.model.paths import Paths
from deploy.model.project import FILE as BY_PATH
from deploy.text import environment, project
from deploy.text.compose import folders, places
from deploy.text.environment import AppSite
from deploy.text.render import NginxSite

NGINX_VERSION = (1, 30, 0)  # of the image that the Compose file names
DOCKER_DNS = "127.0.0.11"
# What .env may change is not in the Compose file: the app reads it from files that `setup` writes.
UNUSED_DATABASE = "postgres://parley@postgres:5432/parley"  # while an image is built: nothing is connected to
UNUSED_LAYER = "redis://redis:6379/0"
UNUSED_KEY = "unused" * 10  # as many characters as one has to have
UNUSED_STORE = "redis://store:6379/0"
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
    values["PARLEY_METRICS_BIND"] = f"0.0.0.0:{metrics(config)}"  # on the site's own networks; nothing publishes it
    # Of what people reach only the edge shares a network with this port, under an address that changes, and it
    # overwrites X-Forwarded-For: there is never a second address in it (pitfalls G12).
    values["PARLEY_TRUSTED_PROXIES"] = "*"
    return values if config.is_own else values | _project(config)


def build(config: Config, size: Capacity, *, key: str = UNUSED_KEY) -> dict[str, str]:
    """Return what a project is told while its image is built: keys and addresses of services have no true value."""
    told = {**_values(config, size), **_project(config)}
    for name in ("SECRET_KEY", "DATABASE_URL", "LAYER_URL"):
        del told[f"PARLEY_{name}_FILE"]
    del told["PARLEY_STATIC_HASHED_FILE"], told["PARLEY_INTERNET"]  # an image is built without the sandbox
    told.pop("PARLEY_FILES", None)
    database = database_url() if is_sqlite(config) else UNUSED_DATABASE
    urls = {"PARLEY_DATABASE_URL": database, "PARLEY_LAYER_URL": UNUSED_LAYER}
    given = {
        "secret_key": key,
        "database_url": database,
        "layer_url": UNUSED_LAYER,
        "store_url": UNUSED_STORE,
    }
    own = project_files(config, size, given)
    for name in project.placed(config):
        own[env_file(name)] = own[env_file(name)].format(**dict.fromkeys(project.LATE, "build"))
    return {**{name: own.get(env_file(name), "unused") for name in config.project.env}, **told, **urls}


def project_files(config: Config, size: Capacity, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the files of [project.env], {name: text}: a value may have a password in it."""
    site = replace(_site(config, size), database_url=secrets["database_url"], layer_url=secrets["layer_url"])
    told = environment.app(config, site)
    key, store = secrets["secret_key"].split()[0], secrets.get("store_url", "")
    values = project.values(config, site, told, key=key, media=Path(folders.media(config)), store=store)
    texts = {name: text for name, text in config.project.env.items() if not text.startswith(BY_PATH)}
    late = project.placed(config)
    return {
        env_file(name): project.but_late(text, values) if name in late else text.format_map(values)
        for name, text in texts.items()
    }


def env_file(name: str) -> str:
    """Name the file of one of the project's own variables."""
    return f"env-{name}"


def is_sqlite(config: Config) -> bool:
    """Tell whether the database is a file, on a volume of this host."""
    return config.project.database == "sqlite" and not config.database.url


def database_url() -> str:
    """Return the address of that file."""
    return f"sqlite:///{places.DATABASE}"


def mounts(config: Config) -> list[str]:
    """Return the files of this host that the project's processes read."""
    paths = (text.removeprefix(BY_PATH) for text in config.project.env.values() if text.startswith(BY_PATH))
    return list(dict.fromkeys(paths))  # Compose takes a target once


def require(config: Config) -> None:
    """Raise BadInputError for what a project asks for and this stack does not have yet."""
    if config.is_own:
        return
    file = config.folder / FILE.name
    asked = {
        "database.url": config.database.url,
        "redis.url or redis.sentinels": not config.brings_redis,
    }
    for name, is_asked in asked.items():
        if is_asked:
            raise BadInputError(f"{file}: {name}: not yet for a project on Compose")


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


def nginx(config: Config, size: Capacity, paths: Paths | None = None) -> NginxSite:
    """Return what nginx's templates need; `paths` is known where the project has been looked at."""
    return NginxSite(
        nginx_version=NGINX_VERSION,
        listen=_listen(config, places.HTTPS),
        beside=0 if config.site.has_tls else places.BESIDE,
        proxied_listen=_listen(config, places.PROXIED) if config.site.proxy_port else (),
        http_listen=_listen(config, places.HTTP) if config.site.has_tls else (),
        upstreams=(f"web:{places.WEB}",),
        resolver=DOCKER_DNS,
        run="/tmp",  # noqa: S108 (a tmpfs of the container's own)
        static=str(places.SERVED),
        certificate=str(places.CERTIFICATE),
        certificate_key=str(places.CERTIFICATE_KEY),
        authority=str(places.TLS / "now"),
        access_log="/dev/stdout",
        error_log="stderr",
        open_files=size.open_files,
        worker_connections=size.worker_connections,
        workers=config.nginx.workers,
        acme=str(places.CHALLENGES),
        inside=str(places.INSIDE),
        paths=paths or Paths(config.project.sockets, config.project.streams),
        media=str(places.MEDIA) if paths and config.project.has_uploads else "",
    )


def _listen(config: Config, port: int) -> tuple[str, ...]:
    """Of IPv6 only where the container has it: on a host without it nginx would not start."""
    return (str(port), f"[::]:{port}") if config.site.has_ipv6_subnet else (str(port),)


def _values(config: Config, size: Capacity) -> dict[str, str]:
    values = environment.app(config, _site(config, size))
    values["PARLEY_ORIGINS"] = project.origins(config, values["PARLEY_ORIGINS"])
    return values


def _site(config: Config, size: Capacity) -> AppSite:
    return AppSite(
        tier="production",
        scheme="https",
        port=config.site.public_port,
        secret_key_file=places.APP / file("PARLEY_SECRET_KEY"),
        database_url=places.APP / file("PARLEY_DATABASE_URL"),
        layer_url=places.APP / file("PARLEY_LAYER_URL"),
        static_root=places.COLLECTED,
        release="",
        sockets=size.sockets,
        edge=f"edge:{places.INSIDE}",
    )


def _project(config: Config) -> dict[str, str]:
    """Return what a process of a project is told beside what every process is."""
    values = project.serving(config, is_hashed=False)
    del values["PARLEY_STATIC_HASHED"]  # the image knows
    by_file = {
        name: text.removeprefix(BY_PATH) if text.startswith(BY_PATH) else str(places.APP / env_file(name))
        for name, text in config.project.env.items()
    }
    if by_file:
        values["PARLEY_FILES"] = ",".join(f"{name}={path}" for name, path in by_file.items())
    if late := project.placed(config):
        values["PARLEY_PLACED"] = ",".join(late)
    values["PARLEY_INTERNET"] = str(int(config.project.sandbox.internet))
    found = [config.project.path, *config.project.paths]
    values["PYTHONPATH"] = ":".join([str(places.SERVING), *(folders.inside(config, folder) for folder in found)])
    values["PARLEY_STATIC_HASHED_FILE"] = str(places.HASHED)
    return values
