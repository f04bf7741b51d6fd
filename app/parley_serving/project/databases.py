"""DATABASES: a default database that is SQLite, or was given our file, becomes the site's; any other stays."""

import copy
import importlib.util
import logging
from collections.abc import Callable
from typing import Any

import django

from parley_serving import databases
from parley_serving.environment import Environment

log = logging.getLogger(__name__)

POSTGRESQL = "django.db.backends.postgresql"
POSTGIS = "django.contrib.gis.db.backends.postgis"
SPATIALITE = "spatialite"
SQLITE = ("sqlite3", SPATIALITE)  # how the engines end; ours below Django 5.1 does, too
OWN_SQLITE = "parley_serving.project.sqlite3"
WHERE = {"NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS", "ENGINE", "CONN_MAX_AGE", "CONN_HEALTH_CHECKS"}


def rule(env: Environment) -> Callable[[Any], Any]:
    """Return the rule for a site's database."""
    ours = fitted(databases.from_url(env.database_url, pool=env.database_pool)) if env.database_url else {}

    def lay(found: Any) -> Any:
        default = found.get("default") if isinstance(found, dict) else None
        if not isinstance(default, dict) or not default.get("ENGINE"):
            return found  # no database, or one that a router chooses
        laid = laid_over(default, ours)
        return found if laid == default else {**found, "default": laid}

    return lay


def laid_over(default: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """Return the project's default database with the site's in its place, if it is SQLite."""
    engine = str(default["ENGINE"])
    if ours and ours["ENGINE"] == POSTGRESQL and (engine.endswith(SPATIALITE) or engine == POSTGIS):
        ours = {**ours, "ENGINE": POSTGIS}  # fields of GeoDjango need a database that knows them
    if not engine.endswith(SQLITE) and not _is_given(default, ours):
        # A request's sync work is on a fresh thread under ASGI: a kept connection would leak (pitfalls B7).
        theirs = _without(ours, default)
        return theirs if theirs.get("CONN_MAX_AGE", 0) == 0 else {**theirs, "CONN_MAX_AGE": 0}
    if not ours:
        return default
    kept = {name: value for name, value in default.items() if name not in WHERE}
    laid = kept | copy.deepcopy(ours)
    if (
        str(ours["ENGINE"]).endswith(SQLITE)
        and engine.endswith(SQLITE)
        and not engine.startswith(("django.db.", OWN_SQLITE))
    ):
        laid["ENGINE"] = default["ENGINE"]  # spatialite, or one that counts: it stays, in our file
        laid["OPTIONS"] = {"timeout": laid["OPTIONS"]["timeout"]} | default.get("OPTIONS", {})
    return laid


def _is_given(default: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Tell whether settings for another engine name the site's SQLite file: {database_name} gives it, under `up`."""
    return bool(ours) and str(ours["ENGINE"]).endswith(SQLITE) and str(default.get("NAME")) == str(ours["NAME"])


def _without(ours: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
    """Drop options of ours that a project's `DATABASES["default"].update(…)` left behind under another engine."""
    options, mine = default.get("OPTIONS"), ours.get("OPTIONS", {})
    if not options or not mine or default["ENGINE"] == ours["ENGINE"]:
        return default
    left = {name: value for name, value in options.items() if mine.get(name) != value}
    return default if left == options else {**default, "OPTIONS": left}


def fitted(ours: dict[str, Any]) -> dict[str, Any]:
    """Return a database as this Django and these packages can take it."""
    options = ours.get("OPTIONS", {})
    is_new = django.VERSION >= (5, 1)
    if "pool" in options and not (is_new and importlib.util.find_spec("psycopg_pool")):
        options = {name: value for name, value in options.items() if name != "pool"}
    if "transaction_mode" in options and not is_new:
        # The engine does what the options would (pitfalls L7).
        return {**ours, "ENGINE": OWN_SQLITE, "OPTIONS": {"timeout": options["timeout"]}}
    return {**ours, "OPTIONS": options}
