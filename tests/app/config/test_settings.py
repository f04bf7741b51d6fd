"""Settings by environment: what each URL becomes, and that production as it is started is closed."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from channels.layers import ChannelLayerManager
from django.core.checks import Error
from django.test import override_settings
from redis.exceptions import ConnectionError as NoRedisError

from config.checks import layer_is_honest, layer_is_shared
from parley_serving import databases, layers
from parley_serving.environment import environment
from tests.app.parley_serving.test_environment import PRODUCTION
from tests.checkout import APP


def python(code: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run code in the app's folder with these variables of ours and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PARLEY_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=APP, env=clean | variables, capture_output=True, text=True, check=False
    )


SHOW = """
import json
from config.settings.select import select_settings
select_settings()
from django.conf import settings
names = ["DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECRET_KEY",
         "SECRET_KEY_FALLBACKS", "TIME_ZONE", "CHANNEL_LAYERS", "DATABASES", "STORAGES"]
cookies, attributes = ("SESSION", "CSRF", "LANGUAGE"), ("NAME", "SECURE", "PATH", "DOMAIN")
names += [f"{cookie}_COOKIE_{attribute}" for cookie in cookies for attribute in attributes]
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""


def shown(**variables: str) -> dict[str, Any]:
    """The settings that a process has."""
    done = python(SHOW, **variables)
    assert done.returncode == 0, done.stderr
    settings: dict[str, Any] = json.loads(done.stdout)
    return settings


def test_production_is_closed() -> None:
    """Base as it is: nothing in production.py opens or closes anything."""
    settings = shown(**PRODUCTION)
    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["chat.example.com", "www.example.com"]
    assert settings["CSRF_TRUSTED_ORIGINS"] == ["https://chat.example.com", "https://chat.example.com:8443"]
    assert settings["SESSION_COOKIE_SECURE"] is settings["CSRF_COOKIE_SECURE"] is True
    assert (settings["SECRET_KEY"], settings["SECRET_KEY_FALLBACKS"]) == ("x" * 50, [])
    assert settings["TIME_ZONE"] == "UTC"
    assert settings["STORAGES"]["staticfiles"]["BACKEND"] == "config.static.HashedStorage"


def test_the_first_key_signs() -> None:
    """What the others signed is believed while they are there."""
    old, new = "o" * 50, "n" * 50
    settings = shown(**PRODUCTION | {"PARLEY_SECRET_KEY": f"{new}\n{old}\n"})
    assert (settings["SECRET_KEY"], settings["SECRET_KEY_FALLBACKS"]) == (new, [old])


@pytest.mark.parametrize("prefix", ["", "staging-", "__Host-"])
def test_each_cookie_has_its_prefix_and_is_for_this_host_alone(prefix: str) -> None:
    """With what a browser asks of `__Host-`, under whichever name."""
    settings = shown(**PRODUCTION | {"PARLEY_COOKIE_PREFIX": prefix})
    for cookie, name in (("SESSION", "sessionid"), ("CSRF", "csrftoken"), ("LANGUAGE", "django_language")):
        found = [settings[f"{cookie}_COOKIE_{attribute}"] for attribute in ("NAME", "SECURE", "PATH", "DOMAIN")]
        assert found == [f"{prefix}{name}", True, "/", None]


def test_local_is_open_to_this_machine_alone() -> None:
    """DEBUG, and no host but this one."""
    settings = shown(PARLEY_ENV="local")
    assert settings["DEBUG"] is True
    assert settings["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert settings["SESSION_COOKIE_SECURE"] is False


def test_a_process_that_lacks_something_ends_with_one_message() -> None:
    """No traceback."""
    done = python("import config.asgi", PARLEY_ENV="production")
    assert done.returncode == 1
    assert done.stderr.startswith("The environment cannot be used:\n")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 7


# URLs


def test_sqlite_is_as_it_was_measured() -> None:
    """L7: the default BEGIN lost a fifth of the commits."""
    settings = databases.from_url("sqlite:////srv/parley.db", pool=4)
    assert settings["NAME"] == "/srv/parley.db"
    assert settings["CONN_MAX_AGE"] == 0
    assert settings["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert settings["OPTIONS"]["timeout"] == 2
    assert "journal_mode=WAL" in settings["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in settings["OPTIONS"]["init_command"]
    assert (
        databases.from_url("", pool=4)["NAME"] == databases.from_url("sqlite://:memory:", pool=4)["NAME"] == ":memory:"
    )
    assert databases.from_url("sqlite:////srv/a%20b%3Fc/db", pool=4)["NAME"] == "/srv/a b?c/db"


@pytest.mark.parametrize(
    ("url", "host", "name"),
    [
        ("postgres://u:p%40ss@db:5433/parley", "db", "parley"),
        ("postgresql://u@%2Frun%2Fpostgresql/parley", "/run/postgresql", "parley"),
    ],
)
def test_postgresql_has_a_pool_and_timeouts(url: str, host: str, name: str) -> None:
    """B7: no connection is kept by a request's thread, and nothing waits for ever."""
    settings = databases.from_url(url, pool=6)
    assert (settings["HOST"], settings["NAME"], settings["USER"]) == (host, name, "u")
    assert settings["CONN_MAX_AGE"] == 0
    assert settings["CONN_HEALTH_CHECKS"]
    assert settings["OPTIONS"] == {
        "pool": {"min_size": 1, "max_size": 6, "timeout": 2},
        "connect_timeout": 2,
        "options": "-c statement_timeout=10s",
    }
    assert settings["PASSWORD"] == ("p@ss" if "p%40ss" in url else "")


def test_options_of_libpq_stand_in_the_query() -> None:
    """An address in brackets is one, and a number is a number."""
    settings = databases.from_url("postgres://u:p@[fd00::1]:5433/db?sslmode=require&keepalives_idle=30", pool=6)
    assert (settings["HOST"], settings["PORT"]) == ("fd00::1", 5433)
    assert (settings["OPTIONS"]["sslmode"], settings["OPTIONS"]["keepalives_idle"]) == ("require", 30)
    folder = databases.from_url("postgres://%2Frun%2FPostgreSQL/db", pool=6)
    assert (folder["HOST"], folder["PORT"], folder["USER"]) == ("/run/PostgreSQL", "", "")


@pytest.mark.parametrize("url", ["redis://redis:6379/0", "rediss://redis:6379/0", "unix:///run/redis.sock?db=0"])
def test_redis_is_the_pubsub_layer_with_its_limits(url: str) -> None:
    """C1 and C2: explicit timeouts and connections, as redis-py's own defaults end consumers."""
    [layer] = layers.from_url(url).values()
    assert layer["BACKEND"] == "parley_serving.pubsub.PubSubLayer"
    [host] = layer["CONFIG"]["hosts"]
    assert host["address"] == url
    assert host["socket_timeout"] == host["socket_connect_timeout"] == 2
    assert host["max_connections"] >= 256


def test_sites_on_one_redis_do_not_hear_each_other() -> None:
    """Each has its name in front of its channels; the default is the one that there was before there was a name."""
    prefixes = [
        shown(**PRODUCTION | named)["CHANNEL_LAYERS"]["default"]["CONFIG"]["prefix"]
        for named in ({}, {"PARLEY_NAME": "staging"})
    ]
    assert prefixes == ["parley", "staging"]


def test_sentinels_are_asked_with_patience() -> None:
    """What channels-redis 4.3 takes, with a password for each side and timeouts for both."""
    url = "sentinel://me:p%40ss@10.0.0.1:5000,[fd00::1],two/our%20chat?db=3&sentinel_password=a%26b"
    [layer] = layers.from_url(url).values()
    [host] = layer["CONFIG"]["hosts"]
    assert host == {
        "sentinels": [("10.0.0.1", 5000), ("fd00::1", 26_379), ("two", 26_379)],
        "master_name": "our chat",
        "sentinel_kwargs": {"socket_timeout": 2, "socket_connect_timeout": 2, "username": None, "password": "a&b"},
        "db": 3,
        "username": "me",
        "password": "p@ss",
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
        "max_connections": 256,
    }


def test_sentinels_by_tls_and_with_users() -> None:
    """The authority is for both kinds of server; a user may need no password."""
    [layer] = layers.from_url("sentinel://me:@a:1/chat?sentinel_user=it&sentinel_password=p&ca_file=/a%20b").values()
    [host] = layer["CONFIG"]["hosts"]
    tls = {"ssl": True, "ssl_ca_certs": "/a b"}
    assert {"username": "me", "password": "", **tls}.items() <= host.items()
    assert {"username": "it", "password": "p", **tls}.items() <= host["sentinel_kwargs"].items()


async def test_channels_redis_takes_what_it_is_given(tmp_path: Path) -> None:
    """The options reach the connection pool, for a unix socket and for sentinels too."""
    for url in ("redis://localhost:1/0", f"unix://{tmp_path}/redis.sock?db=0", "sentinel://:p@localhost:1/chat?db=1"):
        with override_settings(CHANNEL_LAYERS=layers.from_url(url)):
            layer = ChannelLayerManager()["default"]
        with pytest.raises(NoRedisError, match=r"connecting to|No master found for 'chat'"):
            await layer.send("c", {"type": "x"})
        await layer.flush()


def test_no_layer_and_the_one_in_memory() -> None:
    """The latter with room for more than Channels' 100 (C3)."""
    assert layers.from_url("none://") == layers.from_url("") == {}
    [layer] = layers.from_url("memory://").values()
    assert layer["BACKEND"] == "channels.layers.InMemoryChannelLayer"
    assert layer["CONFIG"]["capacity"] >= 100_000


@pytest.mark.parametrize(
    ("env", "url", "refused"),
    [
        ("production", "memory://", True),
        ("production", "redis://localhost", False),
        ("production", "none://", False),
        ("local", "memory://", False),
        ("test", "memory://", False),
    ],
)
def test_the_layer_in_memory_is_refused_outside_local_and_test(
    env: Literal["local", "test", "production"], url: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C9: it reaches one process and looks well."""
    changed = replace(environment(), env=env)
    monkeypatch.setattr("config.checks.environment", lambda: changed)
    with override_settings(CHANNEL_LAYERS=layers.from_url(url)):
        found = [error for error in layer_is_shared() if isinstance(error, Error) and error.id == "parley.E001"]
    assert bool(found) is refused


@pytest.mark.parametrize(("env", "refused"), [("production", ["parley.E002"]), ("local", []), ("test", [])])
def test_the_lossy_layer_is_refused_outside_local_and_test(
    env: Literal["local", "test", "production"], refused: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it drops is gone."""
    changed = replace(environment(), env=env)
    monkeypatch.setattr("config.checks.environment", lambda: changed)
    lossy = {
        "BACKEND": "realtime.lossy.LossyChannelLayer",
        "CONFIG": {"layer": layers.from_url("memory://")["default"]},
    }
    with override_settings(CHANNEL_LAYERS={"default": lossy}):
        assert [error.id for error in layer_is_honest()] == refused


@pytest.mark.parametrize("id", ["parley.E001", "parley.E002"])
def test_the_checks_are_registered(id: str) -> None:  # noqa: A002 (the check's own word)
    """`manage.py check` fails by their ids, whoever wrote such a layer into the settings."""
    backend = {"parley.E001": "channels.layers.InMemoryChannelLayer", "parley.E002": "realtime.lossy.LossyChannelLayer"}
    done = python(CHECK, **PRODUCTION | {"PARLEY_DATABASE_URL": "sqlite://:memory:", "BACKEND": backend[id]})
    assert done.returncode == 1
    assert id in done.stderr


CHECK = """
import os
from config.settings.select import select_settings
select_settings()
from django.conf import settings
settings.CHANNEL_LAYERS = {"default": {"BACKEND": os.environ["BACKEND"]}}
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check"])
"""


def test_production_does_not_boot_on_the_layer_in_memory() -> None:
    """gunicorn runs no system check, so the ASGI file itself refuses."""
    done = python("import config.asgi", **PRODUCTION | {"PARLEY_LAYER_URL": "memory://"})
    assert done.returncode == 1
    assert "PARLEY_LAYER_URL: memory:// reaches one process only" in done.stderr


# The ASGI file


def test_asgi_boots() -> None:
    """With no database and no layer at hand."""
    done = python("import config.asgi; print(type(config.asgi.application).__name__)", PARLEY_ENV="test")
    assert (done.returncode, done.stdout.strip()) == (0, "Ids"), done.stderr


def test_a_sorted_asgi_does_not_boot() -> None:
    """A1: what the comment in the file says is so."""
    lines = (APP / "config" / "asgi.py").read_text().splitlines()
    imports = [line for line in lines if line.startswith(("from ", "import "))]
    rest = [line for line in lines if line not in imports and line != "select_settings()"]
    select = imports.index("from config.settings.select import select_settings")
    first = [imports.pop(select), "select_settings()"]
    code = "\n".join([*first, *sorted(imports), *rest])
    done = python(code, PARLEY_ENV="test")
    assert done.returncode == 1
    assert "AppRegistryNotReady" in done.stderr


def test_ruff_leaves_the_order_of_asgi_as_it_is(tmp_path: Path, here: Path) -> None:
    """An editor that sorts on saving does not break the boot."""
    source = (APP / "config" / "asgi.py").read_text()
    copy = tmp_path / "app" / "config" / "asgi.py"
    copy.parent.mkdir(parents=True)
    copy.write_text(source)
    ruff = [sys.executable, "-m", "ruff"]
    config = ["--config", str(here / "pyproject.toml"), "--no-cache", str(copy)]
    subprocess.run([*ruff, "check", "--fix", "--unsafe-fixes", *config], check=False, capture_output=True)
    subprocess.run([*ruff, "format", *config], check=True, capture_output=True)
    assert copy.read_text() == source
