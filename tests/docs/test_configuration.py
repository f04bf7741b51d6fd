"""docs/configuration.md has every key and every variable with its default, and nothing else."""

import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from deploy.model.config import Config
from deploy.model.rules import RULES
from deploy.text.consistency import CONSISTENCY_RULES
from parley_serving.environment import Environment
from parley_serving.variables import PREFIX
from tests.checkout import ROOT

PAGE = (ROOT / "docs" / "configuration.md").read_text()
ROW = re.compile(r"^\| `([^`]+)` \| (.*?) \| (.+) \|$", re.MULTILINE)
KEYS, ENVIRONMENT = PAGE.split("## The app's environment")
WORDS = {"required": MISSING, "empty": ("", ()), "none": None}


def rows(text: str) -> dict[str, str]:
    """Return the tables' rows: the first cell to the second."""
    found = ROW.findall(text)
    assert len(found) == len({name for name, _, _ in found}), "a row comes twice"
    assert all(reason.strip() for _, _, reason in found)
    return {name: value for name, value, _ in found}


def flat(tables: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Give each key with its path; an empty table is a value."""
    for name, value in tables.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def test_every_key_of_parley_toml_has_its_default() -> None:
    """The model's sections and fields, as JSON writes their values."""
    defaults = json.loads(Config().model_dump_json())
    known = dict(flat(defaults))
    written = {
        name: json.loads(value.strip("`")) for name, value in rows(KEYS.split("### Configuration rules")[0]).items()
    }
    assert written == known


def test_every_variable_has_its_default() -> None:
    """The fields of app/parley_serving/environment.py."""
    written = rows(ENVIRONMENT)
    assert written.keys() == {PREFIX + field.name.upper() for field in fields(Environment)}
    for field in fields(Environment):
        name = field.name
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
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == [rule.id for rule in (*RULES, *CONSISTENCY_RULES)]
