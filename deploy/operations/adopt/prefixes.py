"""Patterns of URLs → the prefixes under which nginx lets sockets and streams pass."""

import re
from collections.abc import Iterable

CUT = re.compile(r"[^\w./~@+-]")  # what a location of nginx, or a URL's path, does not hold as it is
NAMED = re.compile(r"(web)?sockets?|wss?|channels?|realtime|live", re.IGNORECASE)
# A regular expression as far as it is a plain text: a letter, or an escaped sign, that no quantifier follows.
PLAIN = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^\w\s])(?![*+?{])")
PARAMETER = re.compile(r"<[^>]*>")


def of_route(route: str) -> tuple[str, bool]:
    """Return the fixed beginning of a path() pattern, and whether that is all of it."""
    begin = PARAMETER.split(route, maxsplit=1)[0]
    return begin, begin == route


def of_regex(regex: str) -> tuple[str, bool]:
    """Return the fixed beginning of a re_path() pattern, and whether that is all of it."""
    rest = re.sub(r"^(\^|\\A)?(/\?|/)?", "", regex)
    begin = ""
    while (found := PLAIN.match(rest)) is not None:
        begin += found[0].removeprefix("\\")
        rest = rest[found.end() :]
    return begin, rest in {"", "$", r"\Z"}


def prefixes(begins: Iterable[str]) -> list[str]:
    """Cut fixed beginnings of paths to prefixes: the folder that is named after sockets, else what they share."""
    groups: dict[str, list[str]] = {}
    for begin in begins:
        path = "/" + CUT.split(begin.lstrip("/"), maxsplit=1)[0]
        groups.setdefault(path.split("/")[1], []).append(_named(path))
    found = {_shared(group) for group in groups.values()}
    return sorted(one for one in found if not any(one != other and one.startswith(other) for other in found))


def _named(path: str) -> str:
    """Cut a path after the folder whose name says what is in it."""
    parts = path.split("/")
    for number, part in enumerate(parts):
        if NAMED.fullmatch(part):
            whole = "/".join(parts[: number + 1])
            return whole + "/" if len(parts) > number + 1 else whole
    return path


def _shared(paths: list[str]) -> str:
    """Return what they begin with: a path alone, or the folders that all of them have."""
    first, *others = sorted(set(paths))
    if not others:
        return first
    length = 0
    while length < len(first) and all(one[length : length + 1] == first[length] for one in others):
        length += 1
    return first if length == len(first) else first[: first.rfind("/", 0, length) + 1]
