"""Where everything of an installed host lies."""

from pathlib import Path

USER = "parley"  # and its group
OPT = Path("/opt/parley")
RELEASES = OPT / "releases"
CURRENT = OPT / "current"  # → the release that nginx and the timers are of
PREVIOUS = OPT / "previous"  # → the one before it, kept for a rollback
INSTANCES = OPT / "instances"  # N → the release that parley-web@N runs

ETC = Path("/etc/parley")
TOML = ETC / "parley.toml"
ENV = ETC / "env"  # which [env.NAME] of parley.toml was installed
SECRETS = ETC / "secrets"
SECRET_KEY = SECRETS / "secret_key"
DATABASE_URL = SECRETS / "database_url"
LAYER_URL = SECRETS / "layer_url"
TLS = ETC / "tls"
CERTIFICATE = TLS / "certificate.pem"
CERTIFICATE_KEY = TLS / "key.pem"
RENDERED = ETC / "releases"  # a folder to a release: the app's environment, nginx's files

STATE = Path("/var/lib/parley")
STATIC = STATE / "static"
SERVED = STATIC / "files"
BACKUPS = STATE / "backups"
ACME = STATE / "acme"
CHALLENGES = ACME / ".well-known" / "acme-challenge"

RUN = Path("/run/parley")
REDIS_SOCKET = RUN / "redis.sock"
EDGE_SOCKET = RUN / "edge.sock"  # where nginx listens for the instances
POSTGRES_SOCKETS = Path("/var/run/postgresql")
UNITS = Path("/etc/systemd/system")
STAMPS = Path("/var/lib/systemd/timers")  # when a persistent timer was last due
TARGET = "parley.target"

# In a release's folder.
PYTHON = ".venv/bin/python"
COLLECTED = "static"
STAMP = "RELEASE"  # written last
LINK = "etc"  # → its folder in RENDERED
APP_ENV = "app.env"


def release(name: str) -> Path:
    """Where a release lies."""
    return RELEASES / name


def rendered(name: str) -> Path:
    """Where what is rendered for a release lies."""
    return RENDERED / name


def instance(number: int) -> Path:
    """The link that says which release an instance runs."""
    return INSTANCES / str(number)


def socket(number: int) -> Path:
    """Where an instance listens for nginx."""
    return RUN / f"web-{number}.sock"


def unit(number: int) -> str:
    """An instance's unit."""
    return f"parley-web@{number}.service"
