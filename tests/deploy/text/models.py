"""Random models that break no rule: any host, any numbers, every switch on or off."""

from typing import Any

from hypothesis import strategies as st

from deploy.model.capacity import SPARE_FILES, declared
from deploy.model.config import Config
from deploy.model.hosts import why_nobodys
from deploy.model.rules import (
    LAST_SECONDS,
    NOTICE_SECONDS,
    PROCESS_MEGABYTES,
    RELEASES,
    SOCKET_KILOBYTES,
    SPARE_CONNECTIONS,
    broken,
)

LABELS = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9]", fullmatch=True)
HOSTS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=3).map(".".join),
    st.ip_addresses().filter(lambda address: not why_nobodys(address)).map(str),
)
NETWORKS = st.one_of(
    st.ip_addresses().map(str).filter(lambda address: address != "255.255.255.255"),
    st.integers(1, 32).map(lambda bits: f"{1 << 31 >> 24}.0.0.0/{bits}"),
)
SUBNETS = st.tuples(
    st.lists(st.sampled_from(["172.30.5.0/24", "10.0.0.0/8", "192.168.4.8/29"]), max_size=1),
    st.lists(st.sampled_from(["fd12:3456:789a::/64", "2001:db8::/32", "fd00::8/125"]), max_size=1),
).map(lambda pair: [*pair[0], *pair[1]])
ENDPOINTS = st.tuples(LABELS, st.integers(1, 65_535)).map(lambda pair: f"{pair[0]}:{pair[1]}")
COUNTS = st.integers(0, 100_000)
AUTHORITIES = st.sampled_from(["", "/etc/ssl/a b$c:d.pem"])  # what YAML and Compose read in their own way
SWITCHED = st.one_of(st.just(0), COUNTS)  # 0 turns these off, and their lines out of the file


@st.composite
def stops(draw: st.DrawFn) -> tuple[dict[str, int], int]:
    """Return [stop] and nginx's worker_shutdown_seconds, which bounds it."""
    drain, close, uvicorn = draw(st.integers(0, 900)), draw(st.integers(1, 900)), draw(st.integers(1, 600))
    least = drain + close + uvicorn + LAST_SECONDS
    stop = {
        "drain_seconds": drain,
        "close_seconds": close,
        "uvicorn_seconds": uvicorn,
        "graceful_seconds": draw(st.integers(least, 3600)),
        "worker_timeout": draw(st.integers(2, 600)),
    }
    return stop, draw(st.integers(drain + close + NOTICE_SECONDS + 1, 3600))


@st.composite
def redis(draw: st.DrawFn) -> dict[str, Any]:
    """Return [redis]: the stack's own, one by its URL, or one by its sentinels."""
    ways: list[dict[str, Any]] = [
        {},
        {"url": f"redis://{draw(LABELS)}:{draw(st.integers(1, 65_535))}/0"},
        {"url": f"rediss://{draw(LABELS)}/0", "ca_file": draw(AUTHORITIES)},
        {
            "sentinels": draw(st.lists(ENDPOINTS, min_size=1, max_size=3)),
            "sentinel_name": draw(LABELS),
            "user": draw(st.sampled_from(["", "chat"])),
            "sentinel_user": draw(st.sampled_from(["", "watcher"])),
            "ca_file": draw(AUTHORITIES),
        },
    ]
    return {**draw(st.sampled_from(ways)), "megabytes": draw(st.integers(16, 4096))}


@st.composite
def models(draw: st.DrawFn, stack: str = "compose") -> Config:
    """Return a model for a stack whose files are rendered."""
    stop, shutdown = draw(stops())
    instances, pool = draw(st.integers(1, 64)), draw(st.integers(6, 50))
    workers = draw(st.integers(1, 16))
    sockets = draw(st.integers(1, min(20_000, 250_000 * workers // instances)))
    files = max(sockets + SPARE_FILES, 4 * (sockets * instances // workers + 1) + 2)
    port, tls = draw(st.integers(1, 65_535)), draw(st.sampled_from(["own", "own", "none"]))
    proxied = draw(st.sampled_from([0, 0, port % 65_535 + 1]))
    ports = {port, proxied} if tls == "own" else set()
    least = -(-sockets * SOCKET_KILOBYTES // 1000) + PROCESS_MEGABYTES
    tables = {
        "site": {
            "hosts": draw(st.lists(HOSTS, max_size=4)),
            "port": port,
            "http_port": draw(st.integers(0, 65_535).filter(lambda other: other not in ports)),
            "tls": tls,
            "public": draw(st.sampled_from(["", "https://chat.example.com", "https://[2001:db8::7]:8443"])),
            "proxy_port": proxied,
            "trusted_proxies": draw(st.lists(NETWORKS, min_size=+(tls == "none" or proxied > 0), max_size=3)),
            "subnets": draw(SUBNETS),
            "cookie_prefix": draw(st.sampled_from(["", "a-", "__Host-"])),
        },
        "app": {
            "instances": instances,
            "guests": draw(st.booleans()),
            "sockets": sockets,
            "sockets_per_user": draw(SWITCHED),
            "sockets_per_address": draw(SWITCHED),
            "frame_bytes": draw(st.integers(65_536, 16_777_216)),
            "body_bytes": draw(st.integers(1024, 1_073_741_824)),
            "ping_seconds": draw(st.integers(1, 600)),
            "log_level": draw(st.sampled_from(["debug", "info", "warning", "error"])),
            "log_format": draw(st.sampled_from(["console", "json"])),
            "metrics_port": draw(st.one_of(st.just(0), st.integers(1024, 65_535 - instances))),
        },
        "database": {
            "url": draw(st.sampled_from(["", "postgres://parley:p%25w$d@db.lan:5432/parley"])),
            "pool": pool,
            "max_connections": RELEASES * instances * pool + SPARE_CONNECTIONS + draw(st.integers(1, 1000)),
        },
        "redis": draw(redis()),
        "stop": stop,
        "nginx": {
            "workers": workers,
            "worker_shutdown_seconds": shutdown,
            "sockets_per_address": draw(st.integers(0, 65_535)),
            "handshakes_per_second": draw(st.integers(0, 10_000)),
            "handshakes_burst": draw(st.integers(1, 100_000)),
            "pages_per_address": draw(st.integers(0, 65_535)),
            "pages_per_second": draw(st.integers(0, 10_000)),
            "pages_burst": draw(st.integers(1, 100_000)),
            "hsts_seconds": draw(st.sampled_from([0, 1, 63_072_000])),
        },
        "limits": {
            "open_files": min(files + draw(st.integers(0, 10_000)), 1_048_576),
            "instance_megabytes": least + draw(st.integers(0, 100)),
            "tasks": draw(st.integers(16, 1000)),
        },
        "backup": {"at": f"{draw(st.integers(0, 23)):02}:{draw(st.integers(0, 59)):02}"},
    }
    config = Config.model_validate(tables)
    assert broken(config, declared(config), stack) == []
    return config
