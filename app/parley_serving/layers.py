"""A layer URL → CHANNEL_LAYERS."""

from typing import Any

from parley_serving import redis_sentinel
from parley_serving.variables import MEMORY

# More than the commands one process has under way: redis-py raises at the limit instead of waiting (pitfalls C2).
MAX_CONNECTIONS = 256
SOCKET_SECONDS = 2  # redis-py 8 has 5 s of its own, which ends idle core-layer consumers (pitfalls C1)
PATIENCE = {"socket_timeout": SOCKET_SECONDS, "socket_connect_timeout": SOCKET_SECONDS}
MEMORY_CAPACITY = 100_000  # Channels' 100 drops messages without a word (pitfalls C3)


def from_url(url: str, name: str = "parley") -> dict[str, Any]:
    """Return CHANNEL_LAYERS for redis://, rediss://, unix://, sentinel://, memory:// and none:// (or an empty URL).

    Sites that share a server are kept apart by their names.
    """
    if url in {"", "none://"}:
        return {}
    if url == MEMORY:
        backend = "channels.layers.InMemoryChannelLayer"
        return {"default": {"BACKEND": backend, "CONFIG": {"capacity": MEMORY_CAPACITY}}}
    address = redis_sentinel.parse(url, PATIENCE) if url.startswith(redis_sentinel.SCHEME) else {"address": url}
    host = {**address, **PATIENCE, "max_connections": MAX_CONNECTIONS}
    backend = "parley_serving.pubsub.PubSubLayer"  # of channels-redis; its core layer drops (pitfalls C3-C6)
    return {"default": {"BACKEND": backend, "CONFIG": {"hosts": [host], "prefix": name}}}
