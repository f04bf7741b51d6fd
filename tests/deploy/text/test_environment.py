"""The app's environment: app/parley_serving/environment.py reads these names and accepts the values."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from deploy.model.capacity import capacity
from deploy.model.config import Config, load
from deploy.model.sections import App
from deploy.stacks.local import application, plan, told
from deploy.stacks.local.binaries import Nginx, NoRedis
from deploy.stacks.local.layout import Layout
from deploy.text import environment
from parley_serving.environment import Environment, read

NAMES = {field.name for field in fields(Environment)}


@pytest.fixture
def found(tmp_path: Path) -> plan.Plan:
    """A plan for two instances under a folder with a space in its name."""
    layout = Layout(tmp_path / "a b?c")
    layout.dir.mkdir()
    layout.secret_key.write_text("k" * 64)
    config = Config.model_validate({"site": {"hosts": ["chat.lan", "fd00::1"], "port": 9443}})
    return plan.Plan(
        config=config,
        layout=layout,
        capacity=capacity(config, 20_000),
        nginx=Nginx(Path("/nginx"), (1, 22, 1)),
        redis=Path("/redis"),
        listen=("127.0.0.1:9443",),
        metrics_ports=(5001, 5002),
        release="1.2.3",
        application=application.own(load()),
    )


def test_the_app_accepts_all_of_it_and_knows_every_name(found: plan.Plan) -> None:
    """deploy and app share nothing but these names, so this test is what ties them."""
    service = plan.instance_service(found, "web-2", told.app_environment(found, {}))
    read_back = read(service.env)
    given = {name for name in service.env if name.startswith("PARLEY_")}
    known = {f"PARLEY_{name.upper()}" for name in NAMES}
    assert {name.removesuffix("_FILE") for name in given} <= known
    assert read_back.env == "production"
    assert read_back.hosts == ("localhost", "127.0.0.1", "[::1]", "chat.lan", "[fd00::1]")
    assert "https://chat.lan:9443" in read_back.origins
    assert (read_back.instance, read_back.metrics_bind, read_back.release) == ("web-2", "127.0.0.1:5002", "1.2.3")
    assert read_back.bind == f"unix:{found.layout.run}/web-2.sock"
    assert read_back.trusted_proxies == "*"
    assert read_back.sockets == found.capacity.sockets


@pytest.mark.parametrize("key", sorted(NAMES & App.model_fields.keys() - {"sockets"}))
def test_each_key_reaches_the_app_under_its_own_name(found: plan.Plan, key: str) -> None:
    """One that is dropped on the way would be a setting without an effect; the limit of files decides `sockets`."""
    given = getattr(found.config.app, key)
    value = (
        {"guests": False, "log_level": "debug", "log_format": "json"}[key]
        if isinstance(given, bool | str)
        else given + 1
    )
    app = found.config.app.model_copy(update={key: value})
    changed = replace(found, config=found.config.model_copy(update={"app": app}))
    service = plan.instance_service(changed, "web-1", told.app_environment(changed, {}))
    assert getattr(read(service.env), key) == value


def test_addresses_survive_odd_paths(found: plan.Plan) -> None:
    """A space and a question mark in --dir are quoted in URLs."""
    site = told.app_site(found.config, found.layout, sockets=1, layer=found.layer_url, release="1")
    assert str(site.database_url).endswith("/a%20b%3Fc/parley.sqlite3")
    assert str(site.layer_url).endswith("/a%20b%3Fc/run/redis.sock?db=0")


def test_no_redis_is_no_layer() -> None:
    """The app is told so in so many words."""
    assert plan.layer_url(Config(), None) == "none://"
    assert NoRedis("why").reason == "why"


def test_the_callers_environment_does_not_reach_the_app() -> None:
    """What a shell holds for another project must not change this one."""
    kept = environment.clean(
        {
            "PARLEY_ENV": "local",
            "PYTHONPATH": "/x",
            "GUNICORN_CMD_ARGS": "-w 9",
            "WEB_CONCURRENCY": "9",
            "FORWARDED_ALLOW_IPS": "*",
            "DJANGO_SETTINGS_MODULE": "x",
            "DJANGO_SUPERUSER_PASSWORD": "kept",
            "HOME": "/h",
        }
    )
    assert kept == {"DJANGO_SUPERUSER_PASSWORD": "kept", "HOME": "/h"} | environment.UTF8
