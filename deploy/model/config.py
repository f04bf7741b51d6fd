"""parley.toml, typed: the one model that nginx, Compose, systemd and the app's environment are rendered from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import PrivateAttr

from deploy.errors import BadInputError
from deploy.model.hosts import DEFAULT_SITE
from deploy.model.overlay import Layers
from deploy.model.project import Project
from deploy.model.sections import App, Backup, Database, Limits, Monitoring, Nginx, Redis, Section, Site, Stop

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "parley.toml"
TABLE = "project"
LOCAL = "local"  # the environment of `up`
PINGS_BEFORE_CUT = 3
Overrides = dict[str, dict[str, Any]]


class Config(Section):
    """All of parley.toml, for one environment."""

    site: Site = Site()
    app: App = App()
    database: Database = Database()
    redis: Redis = Redis()
    stop: Stop = Stop()
    nginx: Nginx = Nginx()
    limits: Limits = Limits()
    backup: Backup = Backup()
    monitoring: Monitoring = Monitoring()
    project: Project = Project()
    _folder: Path = PrivateAttr(default=ROOT)

    @property
    def folder(self) -> Path:
        """Where the parley.toml with [project] lies: its paths begin there."""
        return self._folder

    @property
    def is_own(self) -> bool:
        """Whether it is the checkout's own project, which runs in the environment that the launcher makes."""
        return self.folder == ROOT

    def within(self, folder: Path) -> Self:
        """Return it as what the parley.toml of another folder says."""
        found = self.model_copy()
        found._folder = folder  # noqa: SLF001 (of this class)
        return found

    def with_body(self, size: int) -> Self:
        """Return it with the largest HTTP body that [project] says."""
        return self.model_copy(update={"app": self.app.model_copy(update={"body_bytes": size})})

    @property
    def proxy_read_seconds(self) -> int:
        """How long nginx waits for a silent socket."""
        return self.app.ping_seconds * PINGS_BEFORE_CUT

    @property
    def brings_redis(self) -> bool:
        """Whether the stack runs a Redis of its own."""
        return not (self.redis.url or self.redis.sentinels)

    @property
    def brings_postgres(self) -> bool:
        """Whether the stack's own database is used: PostgreSQL in Compose and systemd, SQLite in `up`."""
        return not self.database.url


def parse(text: str, source: str, overrides: Overrides | None = None, *, env: str = LOCAL) -> Config:
    """Read parley.toml's text for one environment, with the command line's {section: {key: value}} on top.

    Raises BadInputError with one line that names source and the key's path.
    """
    return Layers(Config, text, source).pick(env).model(overrides)


def load(
    overrides: Overrides | None = None,
    path: Path = FILE,
    *,
    env: str = LOCAL,
    site: Path | None = None,
    lenient: bool = False,
    project: Path | None = None,
) -> Config:
    """Read parley.toml ← the project's ← [env.NAME] ← the host's own file ← the command line.

    Raises BadInputError with one line. `lenient` leaves out keys that it does not know: the file is a newer release's.
    """
    layers = _read(path, project, lenient=lenient).pick(env)
    found = (layers if site is None else layers.put(site)).model(overrides)
    return found if project is None else _whole(found, project, layers.written)


def stack(env: str, path: Path = FILE, project: Path | None = None) -> str:
    """Return which stack an environment is for: its own name, or what it says it is like."""
    return _read(path, project).stack(env)


def _read(path: Path, project: Path | None, *, lenient: bool = False) -> Layers[Config]:
    """Read the checkout's file; a project's lies on top of it, and has a [project] of its own."""
    layers = Layers.read(Config, path, lenient=lenient)
    if project is None:
        return layers
    if not project.is_dir():
        raise BadInputError(f"{project} is not a folder")
    file = project / FILE.name
    if not file.exists():
        raise BadInputError(f"{project} has no {FILE.name}: `./parley adopt {project}` writes it")
    return layers.lay(file, without=TABLE)


def _whole(config: Config, project: Path, written: Mapping[str, Any]) -> Config:
    """Ask for what every project has to say, and take what it says in one of two places."""
    file = project / FILE.name
    for key, value in (("asgi", config.project.asgi), ("settings", config.project.settings.module)):
        if not value:
            raise BadInputError(f"{file}: {TABLE}.{key}: is missing: name the project's module")
    if config.site.name == DEFAULT_SITE:
        raise BadInputError(f"{file}: site.name: is missing: give the site a name of its own")
    size = config.project.body_bytes
    if size and ("body_bytes" in written.get(TABLE, {}) or "body_bytes" not in written.get("app", {})):
        config = config.with_body(size)
    return config.within(project.resolve())
