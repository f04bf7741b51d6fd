"""What a project keeps on this machine, and no other instance finds: said in one line each, and left."""

import logging
import re
from collections.abc import Iterator
from typing import Any

from parley_serving.environment import was_given

log = logging.getLogger(__name__)

REDIS = re.compile(r"rediss?://(?:[^@/\s]*@)?(?:localhost|127\.0\.0\.1|\[::1\])(?![\w.-])", re.IGNORECASE)
HERE = {"localhost", "127.0.0.1", "::1"}
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
DEPTH = 6  # of nested settings: CACHES has 3, RQ_QUEUES 2; a bound for what contains itself


def finish(namespace: dict[str, Any]) -> None:
    """Name them; not what the deployment gave by a variable, nor the layer that is laid over."""
    for name in sorted(name for name in namespace if name.isupper() and name != "CHANNEL_LAYERS"):
        for where in _redis(namespace[name], name, DEPTH):
            log.warning("%s names a Redis on this machine; name one in [project.env]", where)
    # Django's default is this one, too: where nothing says cache, nobody misses it.
    caches = namespace.get("CACHES", {"default": {"BACKEND": LOCMEM}} if _has_cached_sessions(namespace) else {})
    if isinstance(caches, dict):
        for name, cache in caches.items():
            if isinstance(cache, dict) and cache.get("BACKEND") == LOCMEM:
                log.warning("CACHES[%r] is in the memory of each process: instances do not share it", name)


def _has_cached_sessions(namespace: dict[str, Any]) -> bool:
    return str(namespace.get("SESSION_ENGINE", "")).endswith(".cache")


def _redis(value: Any, where: str, depth: int) -> Iterator[str]:
    """Yield where a text names one; of a text its setting alone is told, as it may hold a password."""
    if isinstance(value, str) and REDIS.search(value) and not was_given(value):
        yield where
    elif isinstance(value, dict) and depth:
        keys = {str(key).upper(): part for key, part in value.items()}
        if str(keys.get("HOST", "")).lower() in HERE and str(keys.get("PORT", "")) == "6379":
            yield where
        for key, part in value.items():
            yield from _redis(part, f"{where}[{key!r}]", depth - 1)
    elif isinstance(value, list | tuple) and depth:
        if len(value) == 2 and value[0] in HERE and value[1] == 6379:
            yield where
        for part in value:
            yield from _redis(part, where, depth - 1)
