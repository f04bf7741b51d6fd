"""Where everything of an installed site lies, and what the host calls it: all of it by the site's name."""

from dataclasses import dataclass
from pathlib import Path

ALL_SITES = Path("/opt")
POSTGRES_SOCKETS = Path("/var/run/postgresql")
ETC = Path("/etc")
VAR = Path("/var/lib")
RUN = Path("/run")
UNITS = Path("/etc/systemd/system")
# Where systemd finds units: the operator's, those of this boot, those of packages.
UNIT_FOLDERS = (
    UNITS,
    *map(
        Path, ("/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
    ),
)
STAMPS = Path("/var/lib/systemd/timers")  # when a persistent timer was last due
VARIABLE = "PARLEY_NAME"  # stands over the checkout's site.name

# In a release's folder.
EDGE = "compose/edge.sh"
PYTHON = ".venv/bin/python"
COLLECTED = "static"
STAMP = "RELEASE"  # written last
LINK = "etc"  # → its folder in `rendered`
APP_ENV = "app.env"
# In that of a project, too.
PROJECT = "project"  # its files
TOML = "toml"  # the folder of its parley.toml
FACTS = "project.json"  # what it said of itself
SERVING = "serving"  # what Parley brings into its environment
ENVIRONMENT = "env"  # → its environment in `environments`
WORK = "work"  # → where its manage.py is
SECRETS = "secrets"  # → its folder in `own_secrets`
RELEASE_SH = "release.sh"  # the commands of [project].release


@dataclass(frozen=True)
class Places:
    """One site's; two sites share nothing but the host's own folders."""

    name: str  # the user, its group, the database and its role

    @property
    def opt(self) -> Path:
        """The code."""
        return ALL_SITES / self.name

    @property
    def releases(self) -> Path:
        """A folder to a release."""
        return self.opt / "releases"

    @property
    def current(self) -> Path:
        """→ the release that nginx and the timers are of."""
        return self.opt / "current"

    @property
    def previous(self) -> Path:
        """→ the one before it, kept for a rollback."""
        return self.opt / "previous"

    @property
    def instances(self) -> Path:
        """N → the release that NAME-web@N runs."""
        return self.opt / "instances"

    @property
    def environments(self) -> Path:
        """Those of a project: releases with the same requirements share one."""
        return self.opt / "environments"

    @property
    def processes(self) -> Path:
        """X → the release that the processes of NAME-process-X@ run."""
        return self.opt / "processes"

    @property
    def etc(self) -> Path:
        """What this host decides."""
        return ETC / self.name

    @property
    def toml(self) -> Path:
        """This host's own numbers."""
        return self.etc / "parley.toml"

    @property
    def env(self) -> Path:
        """Which [env.NAME] of parley.toml was installed."""
        return self.etc / "env"

    @property
    def owner(self) -> Path:
        """Whose the site is."""
        return self.etc / "project"

    @property
    def secrets(self) -> Path:
        """Keys and URLs."""
        return self.etc / "secrets"

    @property
    def secret_key(self) -> Path:
        """Django's."""
        return self.secrets / "secret_key"

    @property
    def database_url(self) -> Path:
        """It may hold a password."""
        return self.secrets / "database_url"

    @property
    def layer_url(self) -> Path:
        """It may hold a password."""
        return self.secrets / "layer_url"

    @property
    def redis_ca(self) -> Path:
        """The copy of redis.ca_file, which our group reads wherever that lies."""
        return self.secrets / "redis-ca.pem"

    @property
    def own_secrets(self) -> Path:
        """A folder to a release: the values of [project.env]."""
        return self.secrets / "releases"

    @property
    def store_conf(self) -> Path:
        """Port and password of the Redis that keeps."""
        return self.secrets / "store.conf"

    @property
    def tls(self) -> Path:
        """The certificate and its key."""
        return self.etc / "tls"

    @property
    def certificate(self) -> Path:
        """With its chain."""
        return self.tls / "certificate.pem"

    @property
    def certificate_key(self) -> Path:
        """Its key."""
        return self.tls / "key.pem"

    @property
    def served_tls(self) -> Path:
        """The copy of both that nginx has accepted, and reads."""
        return self.tls / "served"

    @property
    def rendered_all(self) -> Path:
        """A folder to a release: the app's environment, nginx's files."""
        return self.etc / "releases"

    @property
    def state(self) -> Path:
        """What grows."""
        return VAR / self.name

    @property
    def static(self) -> Path:
        """Static files of two releases."""
        return self.state / "static"

    @property
    def served(self) -> Path:
        """Where nginx finds them."""
        return self.static / "files"

    @property
    def backups(self) -> Path:
        """The daily ones too."""
        return self.state / "backups"

    @property
    def acme(self) -> Path:
        """An authority's webroot."""
        return self.state / "acme"

    @property
    def challenges(self) -> Path:
        """What it asks for."""
        return self.acme / ".well-known" / "acme-challenge"

    @property
    def data(self) -> Path:
        """The folder of a database that is a file."""
        return self.state / "data"

    @property
    def database(self) -> Path:
        """That file."""
        return self.data / "database.sqlite3"

    @property
    def media(self) -> Path:
        """What people upload."""
        return self.state / "media"

    @property
    def kept(self) -> Path:
        """The folders of [project.sandbox].write."""
        return self.state / "write"

    @property
    def store(self) -> Path:
        """What the Redis that keeps has written."""
        return self.state / "store"

    @property
    def run(self) -> Path:
        """Sockets."""
        return RUN / self.name

    @property
    def redis_socket(self) -> Path:
        """Where Redis listens."""
        return self.run / "redis.sock"

    @property
    def edge_socket(self) -> Path:
        """Where nginx listens for the instances."""
        return self.run / "edge.sock"

    @property
    def target(self) -> str:
        """All of its units."""
        return f"{self.name}.target"

    @property
    def nginx(self) -> str:
        """nginx's unit."""
        return f"{self.name}-nginx.service"

    @property
    def redis(self) -> str:
        """Redis's unit."""
        return f"{self.name}-redis.service"

    @property
    def probe(self) -> str:
        """The probe's unit."""
        return f"{self.name}-probe.service"

    @property
    def store_unit(self) -> str:
        """The unit of the Redis that keeps."""
        return f"{self.name}-store.service"

    @property
    def cleanup(self) -> str:
        """The timer of the daily clean-up."""
        return f"{self.name}-cleanup.timer"

    @property
    def backup(self) -> str:
        """The timer of the daily backup."""
        return f"{self.name}-backup.timer"

    def schedule(self, name: str) -> str:
        """The timer of a job of [project.schedule]."""
        return f"{self.name}-schedule-{name}.timer"

    def process(self, name: str, number: int | str) -> str:
        """The unit of a process of [project.processes]; without a number it is the template."""
        return f"{self.name}-process-{name}@{number}.service"

    def release(self, name: str) -> Path:
        """Where a release lies."""
        return self.releases / name

    def rendered(self, name: str) -> Path:
        """Where what is rendered for a release lies."""
        return self.rendered_all / name

    def instance(self, number: int) -> Path:
        """The link that says which release an instance runs."""
        return self.instances / str(number)

    def socket(self, number: int) -> Path:
        """Where an instance listens for nginx."""
        return self.run / f"web-{number}.sock"

    def unit(self, number: int | str) -> str:
        """An instance's unit; without a number it is the template."""
        return f"{self.name}-web@{number}.service"

    def migrate(self, release: str) -> str:
        """The unit that brings the database to a release's schema."""
        return f"{self.name}-migrate@{release}.service"
