"""The URL of a database: sqlite:////absolute/path or postgres://[user[:password]@]host[:port]/name[?sslmode=…]."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SQLITE = "sqlite://"
POSTGRESQL = ("postgres://", "postgresql://")
MEMORY = ":memory:"


def parse(url: str) -> dict[str, Any]:
    """Return ENGINE, NAME and what else Django has of it; an empty URL is an SQLite in memory.

    A folder as the host is one of a Unix socket, quoted. The query holds options of libpq. Raises ValueError for what
    is no such URL, without repeating it: it may hold a password.
    """
    if not url or url.startswith(SQLITE):
        name = unquote(url.removeprefix(f"{SQLITE}/").removeprefix(SQLITE).partition("?")[0])
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": name or MEMORY}
    if not url.startswith(POSTGRESQL):
        raise ValueError(f"must begin with {SQLITE}, {' or '.join(POSTGRESQL)}")
    try:
        parts = urlsplit(url)
        port = parts.port or ""
    except ValueError:
        raise ValueError(
            "must be postgres://user:password@host:port/name, with %40 for @ and %2F for / in a password"
        ) from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": port,
        "OPTIONS": {name: _option(value) for name, value in parse_qsl(parts.query)},
    }


def _option(value: str) -> int | bool | str:
    if value.isdecimal():
        return int(value)
    return value.lower() == "true" if value.lower() in ("true", "false") else value
