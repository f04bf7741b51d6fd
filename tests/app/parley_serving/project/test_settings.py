"""Each setting that is laid over, extended or left: the rows of docs/your-project-settings.md."""

import json
from pathlib import Path
from typing import Any

import pytest

from parley_serving import logs, redis_sentinel
from parley_serving.databases import CONNECT_SECONDS
from parley_serving.environment import Environment, read
from parley_serving.project import channel_layers, databases, localhost, logging_settings, static_files
from parley_serving.project.overlay import extended, overlay_of, trusted_origins
from tests.app.parley_serving.project.projects import KEY, ran, settings, written

SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/project/db.sqlite3"}
POSTGRES = {"ENGINE": "django.db.backends.postgresql", "NAME": "own", "HOST": "db.example"}


def env(**variables: str) -> Environment:
    """Return the environment of a worker of a project."""
    given = {
        "env": "production",
        "name": "mysite",
        "asgi": "mysite.asgi:application",
        "settings": "mysite.settings",
        "secret_key": KEY,
        "hosts": "site.example",
        "origins": "https://site.example",
        "database_url": "sqlite:////state/db.sqlite3",
        "layer_url": "redis://127.0.0.1:6390/0",
        "static_root": "/static",
        **variables,
    }
    return read({f"PARLEY_{name.upper()}": value for name, value in given.items()})


def default(found: Any, **variables: str) -> Any:
    """Lay over DATABASES, which are left as they were found, and return what became of the default."""
    before = json.dumps(found)
    laid = databases.rule(env(**variables))(found)
    assert json.dumps(found) == before
    assert databases.rule(env(**variables))(laid) is laid, "to do it again changes nothing"
    return laid["default"]


def test_a_default_database_that_is_sqlite() -> None:
    """It becomes the site's; what is no place of it stays, and other databases do."""
    laid = default({"default": SQLITE | {"ATOMIC_REQUESTS": True, "OPTIONS": {"timeout": 20}}, "other": SQLITE})
    assert (laid["NAME"], laid["ATOMIC_REQUESTS"]) == ("/state/db.sqlite3", True)
    assert laid["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    laid = default({"default": SQLITE}, database_url="postgresql://user:pass@db/site")
    assert (laid["ENGINE"], laid["HOST"], laid["NAME"]) == ("django.db.backends.postgresql", "db", "site")


def test_an_engine_of_its_own_over_sqlite() -> None:
    """Stays, in the site's file."""
    laid = default({"default": SQLITE | {"ENGINE": "django.contrib.gis.db.backends.spatialite"}})
    assert laid["ENGINE"] == "django.contrib.gis.db.backends.spatialite"
    assert (laid["NAME"], laid["OPTIONS"]) == ("/state/db.sqlite3", {"timeout": 2})


@pytest.mark.parametrize("package", ["django.contrib.gis", "django_prometheus"])
def test_a_geo_engine_over_postgresql(package: str) -> None:
    """SpatiaLite becomes PostGIS, which knows the same fields; what the project changes in place afterwards stays."""
    found = {"default": SQLITE | {"ENGINE": f"{package}.db.backends.spatialite"}}
    laid = default(found, database_url="postgresql://user:pass@db/site")
    assert (laid["ENGINE"], laid["HOST"]) == ("django.contrib.gis.db.backends.postgis", "db")
    assert laid["OPTIONS"]["connect_timeout"] == CONNECT_SECONDS


GEO = [f"django.contrib.gis.db.backends.{name}" for name in ("postgis", "mysql", "oracle")]


@pytest.mark.parametrize("engine", GEO)
@pytest.mark.parametrize("url", ["sqlite:////state/db.sqlite3", "postgresql://user:pass@db/site"])
def test_other_geo_engines_stay(engine: str, url: str) -> None:
    """They are no SQLite, and so the project's own."""
    own = POSTGRES | {"ENGINE": engine}
    assert default({"default": own}, database_url=url) == own


@pytest.mark.parametrize("own", [POSTGRES, {}, {"ENGINE": ""}])
def test_a_default_database_that_is_another_one(own: dict[str, Any]) -> None:
    """Stays, and so does none."""
    assert default({"default": own}) == own


def test_a_connection_that_a_project_keeps() -> None:
    """Under ASGI it would leak (pitfalls B7)."""
    assert default({"default": POSTGRES | {"CONN_MAX_AGE": 600}}) == POSTGRES | {"CONN_MAX_AGE": 0}
    assert default({"default": POSTGRES | {"CONN_MAX_AGE": None}})["CONN_MAX_AGE"] == 0


def test_a_database_that_is_changed_in_place_afterwards() -> None:
    """`DATABASES["default"].update(…)`: what SQLite was given is no option of PostgreSQL."""
    laid = default({"default": dict(SQLITE)})
    theirs = laid | POSTGRES | {"OPTIONS": laid["OPTIONS"] | {"sslmode": "require"}}
    assert default({"default": theirs}) == theirs | {"OPTIONS": {"sslmode": "require"}}


def test_another_database_by_the_name_of_ours() -> None:
    """Settings that read PostgreSQL by parts have the site's file under `up`, where {database_name} gave it."""
    ours = default({"default": dict(SQLITE)})
    parts = {"ENGINE": POSTGRES["ENGINE"], "HOST": "", "PORT": "", "NAME": ours["NAME"], "ATOMIC_REQUESTS": True}
    assert default({"default": parts}) == {**ours, "ATOMIC_REQUESTS": True}


@pytest.mark.parametrize("found", [None, [], "text", {}])
def test_databases_that_are_none(found: Any) -> None:
    """Django says what is wrong with them, or that there is none."""
    assert databases.rule(env())(found) is found


def test_below_django_5_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a database takes neither of the options, an engine of ours does it."""
    monkeypatch.setattr("django.VERSION", (4, 2, 0))
    laid = default({"default": SQLITE})
    assert (laid["ENGINE"], laid["OPTIONS"]) == ("parley_serving.project.sqlite3", {"timeout": 2})
    laid = default({"default": SQLITE}, database_url="postgresql://user:pass@db/site")
    assert "pool" not in laid["OPTIONS"]
    assert trusted_origins(("https://site.example:8443",)) == ("https://site.example:8443",)
    monkeypatch.setattr("django.VERSION", (3, 2, 0))
    assert trusted_origins(("https://site.example:8443",)) == ("site.example:8443",)


def test_the_engine_of_ours(tmp_path: Path) -> None:
    """Transactions begin with the lock, and the file has a write-ahead log."""
    project = written(
        tmp_path / "project",
        mysite__settings=f"""
            DATABASES = {{"default": {{"ENGINE": "parley_serving.project.sqlite3", "NAME": "{tmp_path}/x.sqlite3"}}}}
            """,
    )
    code = """
        import json
        import django
        django.setup()
        from django.db import connection, transaction
        with transaction.atomic():
            held = connection.connection.in_transaction
            import sqlite3
            try:
                sqlite3.connect(connection.settings_dict["NAME"], timeout=0).execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                print(error)
        print(connection.cursor().execute("PRAGMA journal_mode").fetchone()[0], connection.vendor)
    """
    done = ran(project, code, PARLEY_OVERLAY="0")
    assert done.stdout.splitlines() == ["database is locked", "wal sqlite"], done.stderr


def layer(found: Any, **variables: str) -> Any:
    """Lay over CHANNEL_LAYERS, and return what became of it."""
    laid = channel_layers.rule(env(**variables))(found)
    assert channel_layers.rule(env(**variables))(laid) is laid, "to do it again changes nothing"
    return laid


HOST = {"address": "redis://127.0.0.1:6390/0"}


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
        {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [("127.0.0.1", 6379)]}}},
    ],
)
def test_a_layer(found: Any) -> None:
    """Our pub/sub layer, on the packages that it was made for."""
    laid = layer(found)["default"]
    assert laid["BACKEND"] == channel_layers.OWN
    assert laid["CONFIG"]["prefix"] == "mysite"
    assert HOST.items() <= laid["CONFIG"]["hosts"][0].items()


@pytest.mark.parametrize(
    "versions", [{"channels-redis": (4, 2)}, {"redis": (5, 0)}, {"hiredis": None}, {"hiredis": (2, 3)}]
)
def test_a_layer_on_other_packages(versions: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The pub/sub layer of the project's channels-redis."""
    known = {"channels-redis": (4, 3, 0), "redis": (8, 1), "hiredis": (3, 5)}
    monkeypatch.setattr(channel_layers, "installed", (known | versions).get)
    assert layer({})["default"]["BACKEND"] == channel_layers.PUBSUB


def test_what_a_layer_encodes_with_stays() -> None:
    """Keys, and no address."""
    config = {"hosts": ["redis://own"], "symmetric_encryption_keys": ["secret"], "prefix": "own"}
    laid = layer({"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": config}})
    assert laid["default"]["CONFIG"]["symmetric_encryption_keys"] == ["secret"]
    assert laid["default"]["CONFIG"]["prefix"] == "mysite"


def test_the_core_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what pitfalls C1 to C4 ask for; a project's larger bounds stay, and its smaller ones do not."""
    config = {"capacity": 50_000, "group_expiry": 60, "expiry": 20, "channel_capacity": {"slow.*": 10}}
    found = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": config}}
    laid = layer(found, layer="core")["default"]
    assert laid["BACKEND"] == channel_layers.CORE
    [host] = laid["CONFIG"].pop("hosts")
    assert laid["CONFIG"] == config | {"group_expiry": channel_layers.GROUP_SECONDS, "prefix": "mysite"}
    assert (host["socket_timeout"], host["max_connections"]) == (15, 4096)
    monkeypatch.setattr(channel_layers, "installed", {"channels-redis": (4, 0)}.get)
    assert layer(found, layer="core")["default"]["CONFIG"]["hosts"] == [HOST]


def test_layers_that_stay(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another kind; where none is asked for; and where the project has no channels-redis, which is said once."""
    rabbit = {"default": {"BACKEND": "channels_rabbitmq.core.RabbitmqChannelLayer", "CONFIG": {}}}
    memory = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    assert layer(rabbit) is rabbit
    assert layer(memory, layer="none") is memory
    assert layer(memory, layer_url="none://") is memory
    assert caplog.messages == []
    monkeypatch.setattr(channel_layers, "installed", {}.get)
    rule = channel_layers.rule(env())
    assert rule(rule(memory)) is memory
    [said] = caplog.messages
    assert said.startswith("CHANNEL_LAYERS stays the project's: it has no channels-redis")


def test_sentinels_of_a_layer() -> None:
    """As the chat has them."""
    laid = layer({}, layer_url="sentinel://one:1,two:2/name")["default"]["CONFIG"]["hosts"]
    assert laid[0]["master_name"] == "name"
    assert redis_sentinel.SCHEME not in json.dumps(laid)


def test_lists_are_extended() -> None:
    """And not repeated; what is none is left for Django to complain of."""
    assert extended(("a",), ("b", "a")) == ["a", "b"]
    assert extended("a", ("b",)) == "a"
    assert extended([None], ("a",)) == ["a"], "of a variable that is not set"
    hosts = overlay_of(env()).rules["ALLOWED_HOSTS"]
    assert hosts(["*", "own.example"]) == ["own.example", "site.example"], "with it anybody could name the site"
    same = ["b", "a"]
    assert extended(same, ("a",)) is same


def test_the_header_that_says_https() -> None:
    """Another one would be anybody's to send; none is right, too."""
    rule = overlay_of(env()).rules["SECURE_PROXY_SSL_HEADER"]
    assert rule(("HTTP_X_FORWARDED_SSL", "on")) == ("HTTP_X_FORWARDED_PROTO", "https")
    assert rule(None) is None


def test_a_key_that_was_rotated() -> None:
    """What the older ones signed is still believed."""
    rules = overlay_of(env(secret_key="n" * 50 + "\n" + "o" * 50)).rules
    assert (rules["SECRET_KEY"]("own"), rules["SECRET_KEY_FALLBACKS"](["own"])) == ("n" * 50, ["o" * 50])


def test_a_redis_on_this_machine(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by its setting alone: the text may hold a password; and not what a variable gives."""
    monkeypatch.setenv("REDIS_URL", "redis://:given@127.0.0.1:6400")
    localhost.finish(
        {
            "CELERY_BROKER_URL": "redis://:secret@localhost:6379/0",
            "CACHES": {"default": {"LOCATION": ["redis://127.0.0.1:6379/1"]}, "one": {"BACKEND": localhost.LOCMEM}},
            "RQ_QUEUES": {"high": {"HOST": "localhost", "PORT": 6379}},
            "FAR": "redis://localhost.example.com:6379/0 rediss://redis.example/0",
            "GIVEN": "redis://:given@127.0.0.1:6400/1",
            "CHANNEL_LAYERS": {"default": {"CONFIG": {"hosts": [{"address": "redis://127.0.0.1:6390/0"}]}}},
            "lower": "redis://localhost",
        }
    )
    assert caplog.messages == [
        "CACHES['default']['LOCATION'] names a Redis on this machine; name one in [project.env]",
        "CELERY_BROKER_URL names a Redis on this machine; name one in [project.env]",
        "RQ_QUEUES['high'] names a Redis on this machine; name one in [project.env]",
        "CACHES['one'] is in the memory of each process: instances do not share it",
    ]


def test_cached_sessions_without_a_cache(caplog: pytest.LogCaptureFixture) -> None:
    """People would be logged out by each other instance; who never says cache is told nothing."""
    localhost.finish({})
    assert caplog.messages == []
    localhost.finish({"SESSION_ENGINE": "django.contrib.sessions.backends.cache"})
    assert len(caplog.messages) == 1


def test_hashed_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where they were collected so, and where the project has no storage of its own."""

    def stored(*, is_hashed: bool = True, **namespace: Any) -> dict[str, Any]:
        static_files.finish(namespace, is_hashed=is_hashed)
        return namespace

    hashed = {"BACKEND": static_files.HASHED}
    assert stored(is_hashed=False) == {}
    assert stored() == {"STORAGES": {"default": {"BACKEND": static_files.FILES}, "staticfiles": hashed}}
    own = {"default": {"BACKEND": "own"}}
    assert stored(STORAGES=own) == {"STORAGES": own | {"staticfiles": hashed}}
    white = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"}}
    assert stored(STORAGES=white) == {"STORAGES": white}
    monkeypatch.setattr("django.VERSION", (4, 2))
    assert stored(DEFAULT_FILE_STORAGE="own") == {
        "DEFAULT_FILE_STORAGE": "own",
        "STATICFILES_STORAGE": static_files.HASHED,
    }
    assert stored(STATICFILES_STORAGE="own") == {"STATICFILES_STORAGE": "own"}
    monkeypatch.setattr("django.VERSION", (4, 1))
    assert stored() == {"STATICFILES_STORAGE": static_files.HASHED}


def test_a_project_without_logging() -> None:
    """Writes as the worker does."""
    namespace: dict[str, Any] = {}
    logging_settings.finish(namespace, env(log_format="json"))
    assert namespace["LOGGING"]["root"]["level"] == "INFO"
    own = {"LOGGING_CONFIG": None}
    logging_settings.finish(own, env())
    assert own == {"LOGGING_CONFIG": None}


def test_a_project_that_logs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its console in our shape, a file in its own folder on the console, and the rest as it is."""
    theirs = {
        "version": 1,
        "formatters": {"verbose": {"format": "%(message)s"}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "verbose", "level": "WARNING"},
            "file": {"class": "logging.FileHandler", "filename": "debug.log", "formatter": "verbose", "filters": ["f"]},
            "far": {"class": "logging.FileHandler", "filename": str(tmp_path / "x.log")},
            "mail": {"class": "django.utils.log.AdminEmailHandler"},
        },
        "loggers": {"shop": {"handlers": ["console"], "level": "DEBUG"}},
    }
    laid = logging_settings.extended(theirs, logs.configuration(style="json", level="info"))
    line = logging_settings.FORMATTER
    assert laid["handlers"] == {
        "console": {"class": "logging.StreamHandler", "formatter": line, "level": "WARNING"},
        "file": {"class": "logging.StreamHandler", "formatter": line, "filters": ["f"]},
        "far": theirs["handlers"]["far"],  # type: ignore[index]
        "mail": theirs["handlers"]["mail"],  # type: ignore[index]
    }
    assert set(laid["formatters"]) == {"verbose", line}
    assert (laid["loggers"], laid["disable_existing_loggers"]) == (theirs["loggers"], False)
    assert caplog.messages == ["LOGGING: file writes to the console, as the project's folder is not written to"]


def test_all_of_it_in_one_project(tmp_path: Path) -> None:
    """As Django sees it."""
    project = written(
        tmp_path / "project",
        mysite__settings="""
            INSTALLED_APPS = ["channels", "django.contrib.staticfiles"]
            CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
            DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
            STATIC_URL = "static/"
            """,
    )
    found = settings(project, "CHANNEL_LAYERS", "STORAGES", "DATABASES", "LOGGING", PARLEY_STATIC_HASHED="1")
    assert found["CHANNEL_LAYERS"]["default"]["CONFIG"]["prefix"] == "mysite"
    assert found["DATABASES"]["default"]["NAME"] == f"{tmp_path}/state.sqlite3"
    assert found["STORAGES"]["staticfiles"] == {"BACKEND": static_files.HASHED}
    assert found["LOGGING"]["root"]["handlers"]
