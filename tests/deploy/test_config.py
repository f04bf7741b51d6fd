"""parley.toml: its text is the model's defaults, and a wrong key is one line with its path."""

import re
import tomllib

import pytest

from deploy.config import ROOT, Config, load, parse
from deploy.errors import BadInputError


def test_the_file_in_the_checkout_is_the_defaults() -> None:
    """Every key is in the file with its default, so that the file is the reference."""
    text = (ROOT / "parley.toml").read_text()
    written = tomllib.loads(text)
    del written["env"]
    assert written == Config().model_dump(mode="json")


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
    ],
)
def test_a_wrong_file_is_one_line_with_the_keys_path(text: str, said: str) -> None:
    """The line names the file and the key."""
    with pytest.raises(BadInputError) as caught:
        parse(text, "parley.toml")
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_the_command_line_goes_on_top() -> None:
    """One key of a section is replaced, and the others stay."""
    config = parse("[app]\ninstances = 3\nguests = false", "parley.toml", {"app": {"instances": 4}})
    assert (config.app.instances, config.app.guests) == (4, False)


def test_nginx_waits_three_pings() -> None:
    """The rule of design.md section 6 that is a product, not a comparison."""
    assert load().proxy_read_seconds == 3 * load().app.ping_seconds
