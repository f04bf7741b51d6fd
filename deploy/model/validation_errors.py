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
    "missing": "is missing",
}
PATTERNS = {
    "cookie_prefix": "must be at most 32 letters, digits, dashes and underscores",
    "at": "must be a time of day such as 03:30",
    "sentinel_name": "must be letters, digits, dots and dashes",
    "packages": "must be the name of a Debian package",
    "keep": "must be the name of a setting, such as CACHES",
}


def sentence(error: ValidationError) -> str:
    """Name the first wrong key by its path, and say what is wrong with it."""
    first = error.errors()[0]
    key = ".".join(_key(str(part)) for part in first["loc"] if part != "[key]")  # its name says where it is
    kind = first["type"]
    if kind == "string_pattern_mismatch":
        return f"{key}: {PATTERNS[next(part for part in reversed(first['loc']) if isinstance(part, str))]}"
    if kind not in WORDS:
        return f"{key}: {first['msg'].removeprefix('Value error, ')}"  # which may hold braces that somebody typed
    return f"{key}: {WORDS[kind].format(**first.get('ctx', {}))}"


def _key(part: str) -> str:
    """Write a part of a key's path as TOML does: in quotes where it would not be read without."""
    return part if part.replace("-", "_").isidentifier() or part.isdecimal() else json.dumps(part)
