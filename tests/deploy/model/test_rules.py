"""Every rule between tiers: broken one at a time, and read back from the rendered text."""

import contextlib
import re
from dataclasses import replace

import pytest

from deploy.errors import BadInputError
from deploy.model import rules
from deploy.model.capacity import Capacity, capacity
from deploy.model.config import Config
from deploy.model.paths import STREAM_SECONDS
from deploy.stacks.local.layout import Layout
from deploy.text import environment, render
from deploy.text.environment import AppSite
from deploy.text.render import NginxSite

FITTING = Capacity(open_files=20_000, sockets=4096, worker_connections=10_000)
BREAKERS = {
    "stop-times-add": ({"stop": {"uvicorn_seconds": 4}}, FITTING),
    "reload-outlasts-drain": ({"nginx": {"worker_shutdown_seconds": 8}}, FITTING),
    "nginx-has-connections": ({}, replace(FITTING, worker_connections=8192)),
    "nginx-has-files": ({}, replace(FITTING, worker_connections=10_001)),
    "instance-has-files": ({"app": {"instances": 1}}, replace(FITTING, sockets=19_745, worker_connections=9_999)),
    "open-files-known": ({}, FITTING),
    "memory-holds-sockets": ({"app": {"instances": 1}}, replace(FITTING, sockets=8801)),
    "database-has-connections": ({"app": {"instances": 5}, "database": {"pool": 9}}, FITTING),
    "one-redis": ({"redis": {"url": "redis://a", "sentinels": ["b:1"], "sentinel_name": "c"}}, FITTING),
    "sentinels-have-a-name": ({"redis": {"sentinels": ["b:1"]}}, FITTING),
    "logins-are-for-sentinels": ({"redis": {"url": "redis://a", "sentinel_password": "b"}}, FITTING),
    "authority-is-for-tls": ({"redis": {"ca_file": "/etc/ssl/redis-ca.pem"}}, FITTING),
    "ports-differ": ({"site": {"http_port": 8443}}, FITTING),
    "proxy-is-named": ({"site": {"tls": "none"}}, FITTING),
    "proxies-are-ours": ({"site": {"trusted_proxies": ["0.0.0.0/0"]}}, FITTING),
    "metrics-ports-fit": ({"app": {"metrics_port": 65_534}}, FITTING),
}


def test_the_defaults_break_no_rule() -> None:
    """`up` must run with the file as it is."""
    assert rules.broken(Config(), FITTING) == []


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.id)
def test_each_rule_is_broken_by_the_number_next_to_its_edge(rule: rules.Rule) -> None:
    """And the line names the rule and says it."""
    values, size = BREAKERS[rule.id]
    config = Config.model_validate(values)
    stack = rule.stacks[-1]
    assert rule in rules.broken(config, size, stack)
    if rules.broken(config, size, stack) == [rule]:
        with pytest.raises(BadInputError, match=f"rule {rule.id}: "):
            rules.require(config, size, stack)


@pytest.mark.parametrize("open_files", [700, 1024, 4096, 20_000, 1_048_576])
@pytest.mark.parametrize("instances", [1, 2, 8])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_whatever_fits_the_limit_breaks_no_rule(open_files: int, instances: int, workers: int) -> None:
    """Sockets are derived from the limit so that every rule holds, or the limit is refused."""
    config = Config.model_validate({"app": {"instances": instances}, "nginx": {"workers": workers}})
    with contextlib.suppress(BadInputError):
        assert rules.broken(config, capacity(config, open_files)) == []


def test_a_number_in_the_file_is_the_limit_where_the_machine_allows_more() -> None:
    """And never more than the machine."""
    config = Config.model_validate({"limits": {"open_files": 3000}})
    assert capacity(config, 20_000).open_files == 3000
    assert capacity(config, 20_000).sockets == 749
    assert capacity(config, 2000).open_files == 2000


def test_a_limit_too_low_is_refused_by_number() -> None:
    """And says what to do."""
    with pytest.raises(BadInputError, match="the open-files limit of 64 is too low for 2 instances: raise ulimit -n"):
        capacity(Config(), 64)


def test_the_rendered_numbers_are_the_models() -> None:
    """The same number in nginx and in the app's environment, for every number that both have."""
    config = Config.model_validate({"app": {"body_bytes": 4321, "ping_seconds": 7}})
    size = capacity(config, 20_000)
    site = NginxSite(
        nginx_version=(1, 22, 1),
        listen=("127.0.0.1:1",),
        upstreams=("unix:/a", "unix:/b"),
        run="/r",
        static="/s",
        certificate="/c",
        certificate_key="/k",
        authority="/a",
        access_log="/l",
        error_log="stderr",
        open_files=size.open_files,
        worker_connections=size.worker_connections,
        workers=config.nginx.workers,
    )
    text = "\n".join(render.nginx(config, site).values())
    folder = Layout.at(None)
    app = environment.app(
        config,
        AppSite(
            tier="production",
            scheme="https",
            port=1,
            secret_key_file=folder.secret_key,
            database_url="",
            layer_url="",
            static_root=folder.static,
            release="1",
            sockets=size.sockets,
        ),
    )

    def number(directive: str) -> int:
        return int(re.findall(rf"^\s*{directive} (\d+)s?;", text, re.MULTILINE)[0])

    assert number("client_max_body_size") == int(app["PARLEY_BODY_BYTES"]) == 4321
    sockets, streams = re.findall(r"proxy_read_timeout (\d+)s", text)
    assert int(sockets) == 3 * int(app["PARLEY_PING_SECONDS"])
    assert int(streams) == STREAM_SECONDS
    stop = {name: int(app[f"PARLEY_{name}_SECONDS"]) for name in ("DRAIN", "CLOSE", "UVICORN_GRACEFUL", "GRACEFUL")}
    assert stop["DRAIN"] + stop["CLOSE"] + stop["UVICORN_GRACEFUL"] + 2 <= stop["GRACEFUL"]
    assert stop["DRAIN"] + stop["CLOSE"] < number("worker_shutdown_timeout")
    connections = number("worker_connections") * number("worker_processes")
    assert 2 * int(app["PARLEY_SOCKETS"]) * config.app.instances < connections
    assert number("worker_rlimit_nofile") >= 2 * number("worker_connections")
    servers = re.findall(r"^\s*server \"unix:.*$", text, re.MULTILINE)
    assert len(servers) == 2
    assert all(line.endswith("max_fails=0;") for line in servers)
