"""parley.toml, typed: the one model that nginx, Compose, systemd and the app's environment are rendered from."""

from pathlib import Path
from typing import Any

from deploy.overlay import Layers
from deploy.sections import App, Backup, Database, Limits, Monitoring, Nginx, Redis, Section, Site, Stop

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "parley.toml"
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
) -> Config:
    """Read parley.toml ← [env.NAME] ← the host's own file ← the command line; raise BadInputError with one line.

    `lenient` leaves out keys that it does not know: the file is a newer release's.
    """
    layers = Layers.read(Config, path, lenient=lenient).pick(env)
    return (layers if site is None else layers.put(site)).model(overrides)


def stack(env: str, path: Path = FILE) -> str:
    """Return which stack an environment is for: its own name, or what it says it is like."""
    return Layers.read(Config, path).stack(env)
