"""A database URL → Django's settings for it, with the options this stack was measured with."""

from typing import Any

from parley_serving import database_url

CONNECT_SECONDS = 2
STATEMENT_SECONDS = 10
POOL_SECONDS = 2  # how long a thread waits for a pooled connection before it says `unavailable`


def from_url(url: str, *, pool: int) -> dict[str, Any]:
    """Return one entry of DATABASES; an empty URL is an in-memory SQLite."""
    settings: dict[str, Any] = database_url.parse(url)
    # A request's sync work runs on a fresh thread under ASGI: a kept connection would leak (pitfalls B7).
    # The log keeps its own two connections, on threads of its own (chat/log.py).
    settings["CONN_MAX_AGE"] = 0
    if settings["ENGINE"].endswith("sqlite3"):
        settings["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",  # the default lost 414 of 2 000 commits (pitfalls L7)
            "timeout": 2,
            # FULL: NORMAL can lose an acknowledged message at power loss.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    else:
        # The pool asks a connection whether it is there still before it hands it out: after a restart of PostgreSQL
        # each of them would else fail one request (pitfalls B8).
        settings["CONN_HEALTH_CHECKS"] = True
        settings["OPTIONS"] = {
            **settings.get("OPTIONS", {}),
            "pool": {"min_size": 1, "max_size": pool, "timeout": POOL_SECONDS},
            "connect_timeout": CONNECT_SECONDS,
            "options": f"-c statement_timeout={STATEMENT_SECONDS}s",
        }
    return settings
