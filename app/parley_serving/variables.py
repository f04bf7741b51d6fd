"""Parsers of one variable: its text → its value, or a ValueError that says why, without a secret in it."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from parley_serving import database_url as database
from parley_serving import redis_sentinel

T = TypeVar("T")
Parser = Callable[[str], T]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PARSER = "parser"  # of a field, in its metadata
PREFIX = "PARLEY_"
FILE_SUFFIX = "_FILE"
MEMORY = "memory://"  # a layer that reaches one process and looks well
LAYERS = ("redis://", "rediss://", "unix://", redis_sentinel.SCHEME, MEMORY, "none://")
TRUE, FALSE = {"1", "on", "t", "true", "y", "yes"}, {"0", "off", "f", "false", "n", "no"}
DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)*"  # a module, as Python writes one
FILE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(/.+)", re.DOTALL)


def required(parser: Parser[Any]) -> Any:
    """Return a dataclass field for a variable that has no default."""
    return field(metadata={PARSER: parser})


def variable(parser: Parser[Any], default: object) -> Any:
    """Return a dataclass field for a variable."""
    return field(default=default, metadata={PARSER: parser})


def matching(pattern: str) -> Parser[str]:
    """Take a text that is as a whole what the pattern says."""
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(f"String should match pattern '{pattern}'")
        return text

    return parse


def choice(*words: str) -> Parser[str]:
    """Take one of these words."""
    *first, last = map(repr, words)

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"Input should be {', '.join(first)} or {last}")
        return text

    return parse


def boolean(text: str) -> bool:
    """Take 1 or 0, or a word for it."""
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        raise ValueError("Input should be a valid boolean, such as true or false")
    return word in TRUE


def whole(least: int, most: int | None = None) -> Parser[int]:
    """Take an integer of this range."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError("Input should be a valid integer") from None
        if number < least:
            raise ValueError(f"Input should be greater than or equal to {least}")
        if most is not None and number > most:
            raise ValueError(f"Input should be less than or equal to {most}")
        return number

    return parse


def seconds(*, most: float, may_be_zero: bool = False) -> Parser[float]:
    """Take a number of seconds."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise ValueError("Input should be a valid number") from None
        if not (number >= 0 if may_be_zero else number > 0):  # as it stands, because of NaN
            raise ValueError(f"Input should be greater than {'or equal to 0' if may_be_zero else '0'}")
        if number > most:
            raise ValueError(f"Input should be less than or equal to {most:g}")
        return number

    return parse


def names(text: str) -> tuple[str, ...]:
    """Read a list: "a, b" is ("a", "b")."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def lines(text: str) -> tuple[str, ...]:
    """Read a text's lines."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def listed(parser: Parser[T]) -> Parser[tuple[T, ...]]:
    """Read a list, and tell of all parts that are wrong."""

    def parse(text: str) -> tuple[T, ...]:
        found, problems = [], []
        for part in names(text):
            try:
                found.append(parser(part))
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        return tuple(found)

    return parse


def network(text: str) -> Network:
    """Take a network."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error} (a network is such as 10.0.0.0/8 or fd00::/64)") from None


def origin(text: str) -> str:
    """Take scheme://host[:port] and nothing more: an Origin header has no path."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or text != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"{text!r} is not an origin such as https://chat.example.com")
    return text


def database_url(text: str) -> str:
    """Take a URL that databases.from_url knows, or none."""
    database.parse(text)
    return text


def layer_url(text: str) -> str:
    """Take a URL that layers.from_url knows, or none."""
    if text and not text.startswith(LAYERS):
        raise ValueError(f"must begin with {', '.join(LAYERS[:-1])} or {LAYERS[-1]}")
    if text.startswith(redis_sentinel.SCHEME):
        redis_sentinel.parse(text, {})
    return text


def path(text: str) -> Path | None:
    """Take a path, or none."""
    return Path(text) if text else None


def files(text: str) -> tuple[tuple[str, Path], ...]:
    """Read NAME=/path,NAME=/path; what comes after = is not repeated: somebody may have put the secret there."""
    found: dict[str, Path] = {}
    for number, part in enumerate(names(text), start=1):
        match = FILE.fullmatch(part)
        if match is None:
            raise ValueError(f"part {number} is not NAME=/path")
        if match[1].startswith(PREFIX):
            raise ValueError(f"{match[1]} is Parley's own: give {match[1]}{FILE_SUFFIX}")
        if match[1] in found:
            raise ValueError(f"{match[1]} comes twice")
        found[match[1]] = Path(match[2])
    return tuple(found.items())
