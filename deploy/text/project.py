"""[project] → the variables of its processes. Pure. app/parley_serving/environment.py reads those that are ours."""

from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from urllib.parse import unquote, urlsplit

from deploy.model.config import Config
from deploy.model.hosts import LOOPBACK, origin
from deploy.model.project import FILE
from deploy.text.environment import AppSite

KEY = "{secret_key}"
LATE = {"instance", "release"}  # places that only a process knows what to put in, where one file is all processes'
REDIS_URL = "{redis_url}"  # of the Redis that keeps; the layer's may lose everything


def serving(config: Config, *, is_hashed: bool) -> dict[str, str]:
    """Return what a worker is told of its project."""
    project = config.project
    listed = isinstance(project.origins, tuple)
    return {
        "PARLEY_ASGI": project.asgi,
        "PARLEY_SETTINGS": project.settings.module,
        "DJANGO_SETTINGS_MODULE": project.settings.module,
        "PARLEY_OVERLAY": str(int(project.settings.overlay)),
        "PARLEY_KEEP": ",".join(project.settings.keep),
        "PARLEY_LAYER": project.layer or "pubsub",
        "PARLEY_ORIGIN_RULE": "list" if listed else str(project.origins),
        "PARLEY_HEALTH": project.health,
        "PARLEY_STATIC_HASHED": str(int(is_hashed)),
    }


def origins(config: Config, own: str) -> str:
    """Return the origins that may open sockets, of those that are ours and those that the project lists."""
    listed = config.project.origins if isinstance(config.project.origins, tuple) else ()
    return ",".join(dict.fromkeys([*own.split(","), *listed]))


def own(config: Config, site: AppSite, values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of [project.env]: what is secret by the file that a process reads itself."""
    found: dict[str, str] = {}
    by_file: dict[str, str] = {}
    for name, text in config.project.env.items():
        if text.startswith(FILE):
            by_file[name] = text.removeprefix(FILE)
        elif text == KEY and "," not in str(site.secret_key_file):
            by_file[name] = str(site.secret_key_file)
        else:
            found[name] = text.format_map(values)
    if by_file:
        found["PARLEY_FILES"] = ",".join(f"{name}={path}" for name, path in by_file.items())
    return found


def values(
    config: Config, site: AppSite, told: Mapping[str, str], *, key: str, media: Path, store: str
) -> dict[str, str]:
    """Return what the values of [project.env] may name, the same for every process."""
    own = [origin(one, site.port, site.scheme) for one in config.site.names]
    return {
        **_database(str(site.database_url)),
        "redis_url": store,
        "layer_url": str(site.layer_url),
        "secret_key": key,
        "host": next(iter(config.site.names), LOOPBACK[0]),
        "hosts": told["PARLEY_HOSTS"],
        "origins": ",".join(own) or told["PARLEY_ORIGINS"],
        "static_root": str(site.static_root),
        "media_root": str(media),
        "release": site.release,
    }


def placed(config: Config) -> list[str]:
    """Name the variables whose value is another one in each process, or in each release."""
    texts = {name: text for name, text in config.project.env.items() if not text.startswith(FILE)}
    return [name for name, text in texts.items() if LATE & {place for _, place, _, _ in Formatter().parse(text)}]


def but_late(text: str, values: Mapping[str, str]) -> str:
    """Put values into a text whose other places a process fills in itself, by str.format."""
    found = []
    for literal, place, _, _ in Formatter().parse(text):
        found.append(_escaped(literal))
        if place is not None:
            found.append(f"{{{place}}}" if place in LATE else _escaped(values[place]))
    return "".join(found)


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def keeps(config: Config) -> bool:
    """Tell whether a variable of the project names the Redis that keeps."""
    return any(REDIS_URL in text for text in config.project.env.values())


def _database(url: str) -> dict[str, str]:
    """Return the parts of a database's URL; of SQLite's there is the path alone."""
    parts = urlsplit(url)
    return {
        "database_url": url,
        "database_host": unquote(parts.hostname or ""),  # a folder, where the server's socket is
        "database_port": str(parts.port or ("5432" if parts.hostname else "")),
        "database_name": unquote(parts.path.removeprefix("/")),
        "database_user": unquote(parts.username or ""),
        "database_password": unquote(parts.password or ""),
    }
