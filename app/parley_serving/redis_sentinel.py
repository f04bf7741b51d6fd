"""The URL of a Redis that sentinels name: sentinel://[user:password@]host:port,host:port/name[?db=0&ca_file=…].

User and password are those of the Redis which the sentinels call by this name. Those of the sentinels, if they have
any, are in the query: sentinel_user and sentinel_password. With ca_file, TLS to all of them, by that authority.
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
KNOWN = ("db", "sentinel_user", "sentinel_password", "ca_file")


def parse(url: str, patience: dict[str, int]) -> dict[str, Any]:
    """Return the URL as channels-redis takes a host, with `patience` (redis-py's timeouts) for the sentinels too.

    channels-redis hands the sentinels nothing of what the Redis gets, and a frozen one would be waited for without
    an end. Raises ValueError for what is no such URL, without repeating it: it may hold a password.
    """
    found = URL.fullmatch(url)
    if found is None:
        raise ValueError("must be sentinel://host:port,host:port/name")
    query = {name: values[-1] for name, values in parse_qs(found["query"] or "", strict_parsing=False).items()}
    if not query.keys() <= set(KNOWN) or not query.get("db", "0").isdecimal():
        raise ValueError(f"knows {', '.join(KNOWN)} after the question mark, db with a number")
    tls = {"ssl": True, "ssl_ca_certs": query["ca_file"]} if "ca_file" in query else {}
    theirs = {"username": query.get("sentinel_user"), "password": query.get("sentinel_password")}
    host: dict[str, Any] = {
        "sentinels": [_endpoint(text) for text in found["hosts"].split(",")],
        "master_name": unquote(found["name"]),
        "sentinel_kwargs": {**patience, **theirs, **tls},
        "db": int(query.get("db", "0")),
        **tls,
    }
    if found["user"] or found["password"]:  # a user may need no password
        host |= {"username": unquote(found["user"]) or None, "password": unquote(found["password"])}
    return host


def _endpoint(text: str) -> tuple[str, int]:
    found = ENDPOINT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not host:port")
    return found["address"] or found["name"], int(found["port"] or PORT)
