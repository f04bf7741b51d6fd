"""Passwords and keys: made once, kept in volumes, read by the services as files. None is in the environment."""

import secrets
from pathlib import Path

from deploy import files
from deploy.config import Config
from deploy.environment import layer_url
from deploy.stacks.compose import places
from deploy.stacks.secret_key import KEY_BYTES

PASSWORD_BYTES = 24
READABLE = 0o440  # by the group too: postgres has an account of its own, and our group


def fill(config: Config) -> dict[str, str]:
    """Make what is missing, and return the app's own secrets, {file name: text}."""
    return {
        "secret_key": once(places.APP / "secret_key", KEY_BYTES),
        "database_url": config.database.url or _postgres(),
        "layer_url": layer_url(config) or _redis(config),
    }


def once(path: Path, size: int) -> str:
    """Return what the file holds, or fill it: another password would lock the app out of its database."""
    if not path.exists():
        files.write(path, secrets.token_urlsafe(size), READABLE)
    return path.read_text(encoding="ascii").strip()


def _postgres() -> str:
    return f"postgres://parley:{once(places.POSTGRES / 'password', PASSWORD_BYTES)}@postgres:5432/parley"


def _redis(config: Config) -> str:
    """Write the server's password into its configuration: on a command line everybody could read it."""
    password = once(places.REDIS / "password", PASSWORD_BYTES)
    settings = {
        "port": "6379",
        "bind": "* -::*",
        "save": '""',  # nothing on disk, and nothing evicted: what is lost is repaired, a silent drop later (C12, C16)
        "appendonly": "no",
        "dir": "/tmp",  # noqa: S108 (the container's own)
        "maxmemory": f"{config.redis.megabytes}mb",
        "maxmemory-policy": "noeviction",
        "tcp-keepalive": "60",
        "loglevel": "notice",
        "requirepass": password,
    }
    text = "".join(f"{key} {value}\n" for key, value in settings.items())
    files.write(places.REDIS / "redis.conf", text, READABLE)
    return f"redis://:{password}@redis:6379/0"
