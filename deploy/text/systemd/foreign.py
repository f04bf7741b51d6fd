"""A project in its release's folder: what its processes are told, and by which file. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model.config import FILE, Config
from deploy.model.paths import Paths
from deploy.model.project import FILE as BY_PATH
from deploy.text import environment, project
from deploy.text.compose import folders
from deploy.text.compose.site import is_sqlite
from deploy.text.environment import AppSite
from deploy.text.systemd import places
from deploy.text.systemd.places import Places

HOME = "/tmp"  # noqa: S108 (of each unit its own)
INSTANCE = "{instance}"
UNUSED_DATABASE = "postgres://parley@127.0.0.1:5432/parley"  # while a release is made: nothing is connected to
UNUSED_REDIS = "redis://127.0.0.1:6379/0"


@dataclass(frozen=True)
class Place:
    """Where the project is in a release's folder, and what it said of itself."""

    folder: str = "."  # of manage.py, in places.PROJECT
    more: tuple[str, ...] = ()  # [project].paths, likewise
    paths: Paths = field(default_factory=Paths)
    is_hashed: bool = False


@dataclass(frozen=True)
class Given:
    """What this host has made for the project, and no model says."""

    key: str = field(default="", repr=False)  # Django's
    store: str = field(default="", repr=False)  # the URL of the Redis that keeps


def database_url(config: Config, at: Places) -> str:
    """Return the database's address: of PostgreSQL its socket, where it knows us by our user."""
    if config.database.url:
        return config.database.url
    if is_sqlite(config):
        return f"sqlite:///{at.database}"
    return f"postgres://{at.name}@{str(places.POSTGRES_SOCKETS).replace('/', '%2F')}/{at.name}"


def layer_url(config: Config, at: Places) -> str:
    """Return the address of the channel layer's Redis."""
    return environment.layer_url(config, at.redis_ca) or f"unix://{at.redis_socket}?db=0"


def variables(config: Config, release: Path, place: Place) -> dict[str, str]:
    """Return what every process of the project is told beside what every process is."""
    home = release / places.PROJECT
    folders = [release / places.SERVING, home / place.folder, *(home / one for one in place.more)]
    return {
        **project.serving(config, is_hashed=place.is_hashed),
        "PARLEY_INTERNET": str(int(config.project.sandbox.internet)),
        "PYTHONPATH": ":".join(map(str, folders)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": HOME,
    }


def own(config: Config, site: AppSite, told: Mapping[str, str], given: Given, instance: str) -> dict[str, str]:
    """Return the variables of [project.env] as one process has them."""
    at = Places(config.site.name)
    texts = replace(site, database_url=database_url(config, at), layer_url=layer_url(config, at))
    values = project.values(config, texts, told, key=given.key, media=at.media, store=given.store)
    return project.own(config, site, {**values, "instance": instance})


def differing(config: Config, found: Mapping[str, str]) -> dict[str, str]:
    """Return those that are another text in each process."""
    return {name: text for name, text in found.items() if INSTANCE in config.project.env.get(name, "")}


def unused(config: Config, site: AppSite, told: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of [project.env] while the release is made: secrets and addresses have no true value."""
    database = "sqlite://" if is_sqlite(config) else UNUSED_DATABASE
    texts = replace(site, database_url=database, layer_url=UNUSED_REDIS)
    media = Places(config.site.name).media
    values = project.values(config, texts, told, key="unused" * 10, media=media, store=UNUSED_REDIS)
    values["instance"] = "build"
    env = config.project.env
    return {name: "unused" if text.startswith(BY_PATH) else text.format_map(values) for name, text in env.items()}


def require(config: Config) -> None:
    """Raise BadInputError for what a project asks for and this stack cannot give."""
    said = f"{config.folder / FILE.name}: project.sandbox.write"
    for name in config.project.sandbox.write:
        if Path(name).is_absolute() or ".." in Path(name).parts or Path(name) == Path():
            raise BadInputError(f"{said}: {name!r}: name a folder inside the project")
    folders.written(config)  # it refuses files and folders with code: a link would stand in their place
    there = {name: Path(folders.inside(config, name)) for name in config.project.sandbox.write}
    for (one, path), (other, more) in combinations(there.items(), 2):
        if within(path, more):
            raise BadInputError(f"{said}: {one!r} and {other!r} are one inside the other: name the outer one alone")
    uploaded = folders.media(config)
    for name, path in there.items():
        if uploaded and within(path, Path(uploaded)):
            raise BadInputError(f"{said}: {name!r} and the uploaded files ({uploaded}) are one inside the other")


def within(one: Path, other: Path) -> bool:
    """Tell whether one of them lies inside the other, or is it."""
    return one.is_relative_to(other) or other.is_relative_to(one)
