"""The URL of a Redis that sentinels name: sentinel://[user:password@]host:port,host:port/name[?db=0&sentinel_password=…].

The password is that of the Redis which the sentinels call by this name; theirs, if they have one, is in the query.
"""

import re
from typing import Any
from urllib.parse import parse_qs, unquote

SCHEME = "sentinel://"
PORT = 26_379
URL = re.compile(
    r"sentinel://(?:(?P<user>[^:@/?]*):(?P<password>[^:@/?]*)@)?(?P<hosts>[^@/?]+)/(?P<name>[^@/?]+)(?:\?(?P<query>.*))?"
)
ENDPOINT = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:\s]+))(?::(?P<port>\d{1,5}))?")
KNOWN = {"db", "sentinel_password"}


def parse(url: str, patience: dict[str, int]) -> dict[str, Any]:
    """Return the URL as channels-redis takes a host, with `patience` (redis-py's timeouts) for the sentinels too.

    channels-redis hands the sentinels nothing of what the Redis gets, and a frozen one would be waited for without
    an end. Raises ValueError for what is no such URL, without repeating it: it may hold a password.
    """
    found = URL.fullmatch(url)
    if found is None:
        raise ValueError("must be sentinel://host:port,host:port/name")
    query = {name: values[-1] for name, values in parse_qs(found["query"] or "", strict_parsing=False).items()}
    if not query.keys() <= KNOWN or not query.get("db", "0").isdecimal():
        raise ValueError("knows db=NUMBER and sentinel_password=… after the question mark")
    host: dict[str, Any] = {
        "sentinels": [_endpoint(text) for text in found["hosts"].split(",")],
        "master_name": unquote(found["name"]),
        "sentinel_kwargs": {**patience, "password": query.get("sentinel_password")},
        "db": int(query.get("db", "0")),
    }
    if found["password"]:
        host |= {"username": unquote(found["user"]) or None, "password": unquote(found["password"])}
    return host


def _endpoint(text: str) -> tuple[str, int]:
    found = ENDPOINT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not host:port")
    return found["address"] or found["name"], int(found["port"] or PORT)
