"""Passwords and keys: made here once, kept in volumes, read by the services as files. None is in the environment."""

import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.effects import files
from deploy.model.capacity import Capacity
from deploy.model.config import Config
from deploy.model.project import FILE
from deploy.stacks import own_key
from deploy.stacks.secret_key import KEY_BYTES
from deploy.text import project
from deploy.text.compose import places, site
from deploy.text.environment import layer_url

PASSWORD_BYTES = 24
READABLE = 0o440  # by the group too: postgres has an account of its own, and our group


def fill(config: Config) -> dict[str, str]:
    """Make what is missing, and return the app's own secrets, {file name: text}."""
    found = {
        "secret_key": once(places.APP / "secret_key", KEY_BYTES),
        "database_url": config.database.url or (site.database_url() if site.is_sqlite(config) else _postgres()),
        "layer_url": layer_url(config, places.REDIS_CA) or _redis(config),
    }
    return {**found, "store_url": _store(config)} if project.keeps(config) else found


def take(config: Config, size: Capacity) -> Iterator[str]:
    """Have the key of the project's own settings in the place of one of ours, if it is good and the site is new.

    It comes from the settings in the image to the volume: it is in no file beside them, and in no log.
    """
    file = places.APP / "secret_key"
    if file.exists() or not own_key.is_asked(config):
        return
    # What stands for ours, and for a file of the host, which is the processes' to read. Nobody can guess it: settings
    # may make a key of it that does not look like it.
    unused = secrets.token_urlsafe(KEY_BYTES)
    told = site.build(config, size, key=unused) | {"PARLEY_SECRET_KEY": unused, "PYTHONDONTWRITEBYTECODE": "1"}
    unread = dict.fromkeys((name for name, text in config.project.env.items() if text.startswith(FILE)), unused)
    env = {**os.environ, **told, **unread}
    key = own_key.read([str(places.VENV / "bin" / "python")], env, config.folder / config.project.path)
    if key:
        yield from own_key.said(key, config.folder)
    if key and not own_key.why_not(key):
        files.write(file, key, READABLE)


def once(path: Path, size: int) -> str:
    """Return what the file holds, or fill it: another password would lock the app out of its database."""
    if not path.exists():
        files.write(path, secrets.token_urlsafe(size), READABLE)
    return path.read_text(encoding="ascii").strip()


def _postgres() -> str:
    return f"postgres://parley:{once(places.POSTGRES / 'password', PASSWORD_BYTES)}@postgres:5432/parley"


def _redis(config: Config) -> str:
    """Nothing on disk, and nothing evicted: what is lost is repaired, a silent drop later (pitfalls C12, C16)."""
    own = {"appendonly": "no", "dir": "/tmp"}  # noqa: S108 (the container's own)
    return f"redis://:{_server(config, places.REDIS, own)}@redis:6379/0"


def _store(config: Config) -> str:
    """Each write is on disk within a second (Redis's everysec); where memory is full, a write is refused."""
    own = {"appendonly": "yes", "dir": str(places.KEPT)}
    return f"redis://:{_server(config, places.STORE, own)}@store:6379/0"


def _server(config: Config, folder: Path, own: Mapping[str, str]) -> str:
    """Write a server's password into its configuration: on a command line everybody could read it.

    Its memory is on its command line: it may start before this file is written anew.
    """
    password = once(folder / "password", PASSWORD_BYTES)
    settings = {
        "port": "6379",
        "bind": "* -::*",
        "save": '""',
        **own,
        "maxmemory": f"{config.redis.megabytes}mb",  # for a container of before its command line had it
        "maxmemory-policy": "noeviction",
        "tcp-keepalive": "60",
        "loglevel": "notice",
        "requirepass": password,
    }
    text = "".join(f"{key} {value}\n" for key, value in settings.items())
    files.write(folder / "redis.conf", text, READABLE)
    return password
