"""docs/configuration.md has every key and every variable with its default, and nothing else."""

import json
import re

from pydantic_core import PydanticUndefined

from config.env import PREFIX, Environment
from deploy.config import Config
from deploy.readings import READINGS
from deploy.rules import RULES
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "configuration.md").read_text()
ROW = re.compile(r"^\| `([^`]+)` \| (.*?) \| (.+) \|$", re.MULTILINE)
KEYS, ENVIRONMENT = PAGE.split("## The app's environment")
WORDS = {"required": PydanticUndefined, "empty": ("", ()), "none": None}


def rows(text: str) -> dict[str, str]:
    """Return the tables' rows: the first cell to the second."""
    found = ROW.findall(text)
    assert len(found) == len({name for name, _, _ in found}), "a row comes twice"
    assert all(reason.strip() for _, _, reason in found)
    return {name: value for name, value, _ in found}


def test_every_key_of_parley_toml_has_its_default() -> None:
    """The model's sections and fields, as JSON writes their values."""
    defaults = json.loads(Config().model_dump_json())
    known = {f"{section}.{key}": value for section, keys in defaults.items() for key, value in keys.items()}
    written = {
        name: json.loads(value.strip("`")) for name, value in rows(KEYS.split("### Configuration rules")[0]).items()
    }
    assert written == known


def test_every_variable_has_its_default() -> None:
    """The fields of app/config/env.py."""
    written = rows(ENVIRONMENT)
    assert written.keys() == {PREFIX + name.upper() for name in Environment.model_fields}
    for name, field in Environment.model_fields.items():
        value = written[PREFIX + name.upper()]
        if value.startswith("`"):
            default = str(field.default)
            assert value.strip("`") == (default.lower() if isinstance(field.default, bool) else default), name
        else:
            meant = WORDS[value]
            assert field.default in meant if isinstance(meant, tuple) else field.default is meant, name


def test_every_rule_is_there() -> None:
    """By its id."""
    table = PAGE.split("### Configuration rules")[1].split("## The app's environment")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == [rule.id for rule in (*RULES, *READINGS)]
