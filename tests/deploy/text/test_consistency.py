"""What is one number in two tiers is read back from their files: each template broken once is refused by its rule."""

import pytest

from deploy.errors import BadInputError
from deploy.model.capacity import capacity, declared
from deploy.model.config import Config, load
from deploy.stacks.local import rendered as local
from deploy.text import consistency, readback, render
from deploy.text.compose import file as compose
from deploy.text.compose import site
from deploy.text.readback import AppFacts, Facts, NginxFacts
from deploy.text.systemd import site as systemd

# A rule's id → which text, what stands there, and what would break the rule.
MUTATIONS = {
    "three-pings": ("nginx", "proxy_read_timeout 60s", "proxy_read_timeout 59s"),
    "kill-after-graceful": ("compose", "stop_grace_period: 17s", "stop_grace_period: 16s"),
    "reload-outlasts-the-apps-drain": ("nginx", "worker_shutdown_timeout 10s", "worker_shutdown_timeout 8s"),
    "files-hold-sockets": ("compose", ":-20000}", ":-4351}"),
    "one-body-size": ("compose", 'PARLEY_BODY_BYTES: "1048576"', 'PARLEY_BODY_BYTES: "1048575"'),
    "nobody-is-given-up": ("nginx", " max_fails=0", ""),
    "proxies-are-one": ("nginx", "X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for"),
}


def read(*changes: tuple[str, str, str]) -> Facts:
    """Read what the defaults are rendered to for Compose, with texts replaced."""
    config = load(env="compose")
    size = declared(config)
    texts = {
        "compose": compose.compose_file(config),
        "nginx": NginxFacts.of(render.nginx(config, site.nginx(config, size))).text,
    }
    for name, old, new in changes:
        assert old in texts[name], f"{name} has no {old!r}"
        texts[name] = texts[name].replace(old, new)
    written = {f"PARLEY_{name.upper()}": text for name, text in site.files(config, size).items()}
    return Facts(readback.compose(texts["compose"], written), NginxFacts(texts["nginx"]))


def test_what_is_rendered_breaks_none() -> None:
    """For each stack, by way of what its own commands render."""
    consistency.require(read())
    config = load(env="compose")
    assert compose.read(config, declared(config)) == read()
    consistency.require(local.read(Config(), capacity(Config(), 20_000)))
    config = load(env="systemd")
    consistency.require(systemd.read(config, declared(config)))


@pytest.mark.parametrize("reading", consistency.CONSISTENCY_RULES, ids=lambda reading: reading.id)
def test_each_is_broken_by_a_template_that_is_wrong(reading: consistency.ConsistencyRule) -> None:
    """By the number next to its edge; and no other rule is."""
    wrong = read(MUTATIONS[reading.id])
    assert [one.id for one in consistency.CONSISTENCY_RULES if not one.relation(wrong).holds] == [reading.id]
    with pytest.raises(BadInputError, match=f"^rule {reading.id}: .* in the rendered files$"):
        consistency.require(wrong)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("client_max_body_size 1048576;", ""),
        ("client_max_body_size 1048576;", "client_max_body_size 1048576;\nclient_max_body_size 1048576;"),
        ("client_max_body_size 1048576;", "client_max_body_size 1m;"),
    ],
    ids=["missing", "twice", "unit"],
)
def test_a_number_that_cannot_be_read_is_not_taken_for_one_that_fits(old: str, new: str) -> None:
    """It is named."""
    with pytest.raises(LookupError, match=r"^client_max_body_size stands [02] times$"):
        consistency.require(read(("nginx", old, new)))


def test_a_unit_and_its_environment_are_read() -> None:
    """As systemd reads them: quotes go, comments too."""
    text = "[Service]\nTimeoutStopSec=17\nLimitNOFILE=65536\n"
    environment = '# made by Parley\nPARLEY_SOCKETS=4096\nPARLEY_RELEASE="a \\"b\\""\n\n'
    expected = AppFacts({"PARLEY_SOCKETS": "4096", "PARLEY_RELEASE": 'a "b"'}, kill_seconds=17, open_files=65_536)
    assert readback.unit(text, environment) == expected
    with pytest.raises(LookupError, match=r"^LimitNOFILE stands 0 times$"):
        readback.unit("TimeoutStopSec=17", environment)
