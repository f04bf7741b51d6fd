"""A pydantic error → one line in the words of somebody who wrote TOML."""

import json

from pydantic import ValidationError

TABLE = "must be a table"
# What pydantic calls by Python's names.
WORDS = {
    "extra_forbidden": "unknown key",
    "tuple_type": "must be a list",
    "model_type": TABLE,
    "model_attributes_type": TABLE,
    "dict_type": TABLE,
    "string_type": "must be a text in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
}
PATTERNS = {
    "at": "must be a time of day such as 03:30",
    "sentinel_name": "must be letters, digits, dots and dashes",
}


def sentence(error: ValidationError) -> str:
    """Name the first wrong key by its path, and say what is wrong with it."""
    first = error.errors()[0]
    key = ".".join(_key(str(part)) for part in first["loc"])
    kind = first["type"]
    if kind == "string_pattern_mismatch":
        return f"{key}: {PATTERNS[str(first['loc'][-1])]}"
    said = WORDS.get(kind, first["msg"].removeprefix("Value error, "))
    return f"{key}: {said.format(**first.get('ctx', {}))}"


def _key(part: str) -> str:
    """Write a part of a key's path as TOML does: in quotes where it would not be read without."""
    return part if part.replace("-", "_").isidentifier() or part.isdecimal() else json.dumps(part)
