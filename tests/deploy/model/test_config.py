"""parley.toml: its text is the model's defaults, and a wrong key is one line with its path."""

import datetime as dt
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from deploy.errors import BadInputError
from deploy.model.config import ROOT, Config, load, parse, stack
from deploy.model.validation_errors import sentence


def test_the_file_in_the_checkout_is_the_defaults() -> None:
    """Every key is in the file with its default, so that the file is the reference."""
    text = (ROOT / "parley.toml").read_text()
    written = tomllib.loads(text)
    del written["env"]
    defaults = Config().model_dump(mode="json")
    project, whole = written.pop("project"), defaults.pop("project")
    assert written == defaults
    # This table is the reference chat's own, and shows every key all the same.
    assert project.keys() == whole.keys()
    assert {name: project[name].keys() for name in ("settings", "sandbox", "hooks", "drill")} == {
        name: whole[name].keys() for name in ("settings", "sandbox", "hooks", "drill")
    }


def test_every_key_has_its_comment() -> None:
    """A key without a word on what it does is half a key."""
    lines = (ROOT / "parley.toml").read_text().splitlines()
    bare = [line for line in lines if re.match(r"\w+ =", line) and "#" not in line]
    assert bare == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[site]\nprot = 1", "parley.toml: site.prot: unknown key"),
        ("[sites]", "parley.toml: sites: unknown key"),
        ("[app]\ninstances = 0", "parley.toml: app.instances: must be 1 or more"),
        ("[app]\ninstances = '2'", "parley.toml: app.instances: must be a whole number"),
        (
            "[app]\nlog_level = 'loud'",
            "parley.toml: app.log_level: must be 'debug', 'info', 'warning' or 'error'",
        ),
        ("[site]\nhosts = ['a b']", "parley.toml: site.hosts.0: 'a b' is not a host name or address, such as"),
        ("[site", "parley.toml: Expected"),
        ("site = 1", "parley.toml: site: must be a table"),
        ("[site]\nhosts = 'a'", "parley.toml: site.hosts: must be a list"),
        ("[site]\nport = 65536", "parley.toml: site.port: must be 65535 or less"),
        ("[site]\ntrusted_proxies = ['10.0.0.1/8']", "parley.toml: site.trusted_proxies.0: '10.0.0.1/8' is not an"),
        (
            "[site]\ntrusted_proxies = ['255.255.255.255']",
            "parley.toml: site.trusted_proxies.0: '255.255.255.255' is everybody's address",
        ),
        (
            "[site]\ntrusted_proxies = ['fe80::%eth0/64']",
            "parley.toml: site.trusted_proxies.0: 'fe80::%eth0/64' has a zone, which means something on one machine",
        ),
        ("[site]\nsubnets = ['172.30.5']", "parley.toml: site.subnets.0: '172.30.5' is not an address or network"),
        ("[site]\nsubnets = ['172.30.5.1/24']", "parley.toml: site.subnets.0: '172.30.5.1/24' is not an address"),
        ("[site]\nsubnets = ['172.30.5.0/30']", "parley.toml: site.subnets.0: '172.30.5.0/30' is no subnet for"),
        (
            "[site]\nsubnets = ['fd00::1']",
            "parley.toml: site.subnets.0: 'fd00::1' is no subnet for containers: give",
        ),
        ("[site]\nsubnets = ['0.0.0.0/0']", "parley.toml: site.subnets.0: '0.0.0.0/0' is no subnet for containers"),
        ("[site]\nsubnets = ['127.0.0.0/8']", "parley.toml: site.subnets.0: '127.0.0.0/8' is no subnet for"),
        (
            "[site]\nsubnets = ['fe80::/64']",
            "parley.toml: site.subnets.0: 'fe80::/64' is no subnet for containers:",
        ),
        (
            "[site]\nsubnets = ['10.0.0.0/24', '10.0.1.0/24']",
            "parley.toml: site.subnets: must be one subnet of IPv4, one of IPv6, or one of each",
        ),
        ("[site]\nsubnets = '10.0.0.0/24'", "parley.toml: site.subnets: must be a list"),
        ("[app]\nguests = 1", "parley.toml: app.guests: must be true or false"),
        ("[app]\ninstances = 1.5", "parley.toml: app.instances: must be a whole number"),
        ("[app]\nlog_level = 1", "parley.toml: app.log_level: must be 'debug', 'info', 'warning' or 'error'"),
        (
            "[database]\nurl = 'mysql://secret@h/n'",
            "parley.toml: database.url: must be a URL that begins with postgres",
        ),
        (
            "[redis]\nurl = 'redis://'",
            "parley.toml: redis.url: must be a URL that begins with redis:// or rediss:// or",
        ),
        ("[redis]\nurl = 1", "parley.toml: redis.url: must be a text in quotes"),
        ("[database]\nurl = 'postgres://u:secret@h:65536/n'", "parley.toml: database.url: has a port that is none"),
        ("[database]\nurl = 'postgres://u:secret@h:0/n'", "parley.toml: database.url: has a port that is none"),
        ("[database]\nurl = 'postgres://u:secret@h:x/n'", "parley.toml: database.url: has a port that is none"),
        ("[database]\nurl = 'postgres://u:secret@h:5432'", "parley.toml: database.url: names no database"),
        ("[database]\nurl = 'postgres://u:secret@h/'", "parley.toml: database.url: names no database"),
        ("[database]\nurl = 'postgres://u:secret@h?dbname=n'", "parley.toml: database.url: names no database"),
        ("[database]\nurl = 'postgres://u:secret@[::1/n'", "parley.toml: database.url: has a host that is none"),
        ('[database]\nurl = "postgres://u:secret@h/n\\n"', "parley.toml: database.url: holds a space or a control"),
        ("[database]\nurl = 'postgres://u:secret@a℀/n'", "parley.toml: database.url: has a host that is none"),
        ("[redis]\nurl = 'redis://:secret@h:65536/0'", "parley.toml: redis.url: has a port that is none"),
        ("[redis]\nurl = 'rediss://:secret@h:-1/0'", "parley.toml: redis.url: has a port that is none"),
        ("[redis]\nurl = 'redis://:secret@h/name'", "parley.toml: redis.url: must end with a database's number"),
        ("[redis]\nurl = 'unix://redis.sock'", "parley.toml: redis.url: names no socket: unix:///path"),
        ("[redis]\nsentinels = ['a:65536']", "parley.toml: redis.sentinels.0: 'a:65536' is not host:port, such as"),
        ("[a]\n" + "b = " + "[" * 5000 + "]" * 5000, "parley.toml: nested too deeply"),
        ("[a]\n" + "b = " + "{c = " * 5000 + "1" + "}" * 5000, "parley.toml: nested too deeply"),
        ("[a" + ".a" * 5000 + "]", "parley.toml: "),
        ("[site]\nport = " + "9" * 5000, "parley.toml: "),
        ('"a\\nb" = 1', 'parley.toml: "a\\nb": unknown key'),
        ("[redis]\nsentinels = ['a']", "parley.toml: redis.sentinels.0: 'a' is not host:port, such as"),
        ("[redis]\nsentinels = ['a:0']", "parley.toml: redis.sentinels.0: 'a:0' is not host:port, such as"),
        ("[redis]\nsentinel_name = 'a/b'", "parley.toml: redis.sentinel_name: must be letters, digits, dots and dash"),
        ("[redis]\nca_file = 'ca.pem'", "parley.toml: redis.ca_file: must be the whole path of a file, such as /etc"),
        ('[redis]\nca_file = "/a\\nb"', "parley.toml: redis.ca_file: must be the whole path of a file, such as /etc"),
        ("[site]\ncookie_prefix = 'a;'", "parley.toml: site.cookie_prefix: must be at most 32 letters, digits, dashes"),
        ("[backup]\nat = '24:00'", "parley.toml: backup.at: must be a time of day such as 03:30"),
        ("env = 1", "parley.toml: env: must be a table"),
        ("[env]\ncompose = 1", "parley.toml: env.compose: must be a table"),
        ("[env.compose]\napp = 1", "parley.toml: env.compose.app: must be a table"),
        ("[env.compose.app]\ninstances = 0", "parley.toml: env.compose.app.instances: must be 1 or more"),
        ("[env.compose.apps]", "parley.toml: env.compose.apps: unknown key"),
        ("[env.staging.app]", "parley.toml: env.staging.like: must be 'local' or 'compose' or 'systemd'"),
        ("[env.a]\nlike = 'b'\n[env.b]\nlike = 'compose'", "parley.toml: env.a.like: must be 'local' or 'compose' or"),
        ("[env.compose]\nlike = 'systemd'", "parley.toml: env.compose.like: unknown key"),
    ],
)
def test_a_wrong_file_is_one_line_with_the_keys_path(text: str, said: str) -> None:
    """The line names the file and the key."""
    with pytest.raises(BadInputError) as caught:
        parse(text, "parley.toml")
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("section", "url"),
    [
        ("database", "postgres://h/n"),
        ("database", "postgresql://u:p%40@[::1]:5432/n?sslmode=require"),
        ("database", "postgres://u@%2Frun%2Fpostgresql/n"),
        ("database", "postgres:///n"),
        ("redis", "redis://h"),
        ("redis", "rediss://u:p@h:6380/15?ssl_cert_reqs=none"),
        ("redis", "unix:///run/redis.sock?db=1"),
        ("redis", "unix://u:p@/run/redis.sock"),
    ],
)
def test_urls_that_clients_take_are_taken(section: str, url: str) -> None:
    """As they are."""
    assert getattr(parse(f"[{section}]\nurl = '{url}'", "parley.toml"), section).url == url


def test_the_command_line_goes_on_top() -> None:
    """One key of a section is replaced, and the others stay."""
    config = parse("[app]\ninstances = 3\nguests = false", "parley.toml", {"app": {"instances": 4}})
    assert (config.app.instances, config.app.guests) == (4, False)


def test_nginx_waits_three_pings() -> None:
    """The rule of design.md section 6 that is a product, not a comparison."""
    assert load().proxy_read_seconds == 3 * load().app.ping_seconds


@pytest.mark.parametrize("value", [-1, 2**31, 1.5, True, "", "no such thing", [1], {}, dt.date(2026, 1, 1)], ids=repr)
def test_no_word_of_pythons_reaches_whoever_wrote_the_file(value: object) -> None:
    """For any key and any value."""
    for section, fields in Config():
        for key in type(fields).model_fields:
            try:
                config = Config.model_validate({section: {key: value}})
            except ValidationError as error:
                said = sentence(error)
                assert said.startswith(f"{section}.{key}"), said
                assert re.search(r"(?i)input|valid|tuple|string|dict|regex|pattern", said) is None, said
            else:
                found = getattr(getattr(config, section), key)
                assert found == value or isinstance(found, BaseModel)


LAYERED = """
[app]
instances = 3
burst = 300

[env.compose.app]
instances = 4
sockets = 400

[env.staging]
like = "compose"

[env.staging.app]
sockets = 500
"""


@pytest.mark.parametrize(
    ("env", "instances", "burst", "sockets"),
    [("local", 3, 300, 4096), ("systemd", 3, 300, 4096), ("compose", 4, 300, 400), ("staging", 4, 300, 500)],
)
def test_an_environment_goes_over_the_file(env: str, instances: int, burst: int, sockets: int) -> None:
    """Key by key, and over those of the stack that it is like."""
    app = parse(LAYERED, "parley.toml", env=env).app
    assert (app.instances, app.burst, app.sockets) == (instances, burst, sockets)


def test_an_environment_that_nobody_wrote_down_is_refused() -> None:
    """By its name, with those that there are."""
    with pytest.raises(
        BadInputError, match=r"^parley.toml: no environment is called 'prod': there are local, .*staging$"
    ):
        parse(LAYERED, "parley.toml", env="prod")


def test_an_environment_knows_its_stack(tmp_path: Path) -> None:
    """What `check` and `render` go by."""
    file = tmp_path / "parley.toml"
    file.write_text(LAYERED)
    assert [stack(env, file) for env in ("local", "systemd", "staging")] == ["local", "systemd", "compose"]


def test_a_hosts_own_file_goes_over_the_environment_and_below_the_command_line(tmp_path: Path) -> None:
    """And what is wrong in it is blamed on it, by its whole path."""
    file, own = tmp_path / "parley.toml", tmp_path / "etc.toml"
    file.write_text(LAYERED)
    own.write_text("[app]\nsockets = 600\nburst = 600")
    app = load({"app": {"burst": 700}}, file, env="compose", site=own).app
    assert (app.instances, app.sockets, app.burst) == (4, 600, 700)
    for wrong, said in (
        ("[app]\nsockets = 0", "app.sockets: must be 1 or more"),
        ("[env.compose.app]", "env: unknown key"),
        ("[app", "Expected"),
    ):
        own.write_text(wrong)
        with pytest.raises(BadInputError, match=f"^{re.escape(str(own))}: {said}"):
            load(path=file, env="compose", site=own)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(BadInputError, match=r"parley.toml: No such file or directory$"):
        load(path=tmp_path / "parley.toml")
    (tmp_path / "parley.toml").write_bytes(b"\xff")
    with pytest.raises(BadInputError, match=r"parley.toml is not UTF-8$"):
        load(path=tmp_path / "parley.toml")
    with pytest.raises(BadInputError, match=r"own.toml: No such file or directory$"):
        load(site=tmp_path / "own.toml")


def test_a_wrong_option_is_not_blamed_on_a_file() -> None:
    """The key alone is named."""
    with pytest.raises(BadInputError, match=r"^app.instances: must be 1 or more$"):
        load({"app": {"instances": 0}})
