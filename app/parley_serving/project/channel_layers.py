"""CHANNEL_LAYERS: `default` becomes the site's Redis, by the channels-redis that the project has."""

import copy
import importlib.metadata
import importlib.util
import logging
from collections.abc import Callable
from typing import Any

from parley_serving import layers
from parley_serving.environment import Environment

log = logging.getLogger(__name__)

OWN = "parley_serving.pubsub.PubSubLayer"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
CORE = "channels_redis.core.RedisChannelLayer"
REPLACED = ("channels.layers.", "channels_redis.", "parley_serving.")  # any other kind of layer stays the project's
ENCODING = ("symmetric_encryption_keys", "serializer_format")  # of the project's configuration, what stays
# The core layer (pitfalls C1 to C4 and C6)
CAPACITY = 10_000  # messages that wait for one process; its 100 drop messages in a burst, without a word
BLOCKING_SECONDS = 15  # a read blocks for 5 s: redis-py 8 would give up at the same moment
GROUP_SECONDS = 30 * 86_400  # its one day makes a socket deaf that is open for longer
WITH_OPTIONS = (4, 1)  # the first channels-redis that hands a host's options to redis-py


def rule(env: Environment) -> Callable[[Any], Any]:
    """Return the rule for a site's layer."""
    if env.layer == "none" or not (theirs := layers.from_url(env.layer_url, env.name)):
        return lambda found: found
    version = installed("channels-redis")
    if theirs["default"]["BACKEND"] == OWN and version is None:
        return _without_redis()

    def lay(found: Any) -> Any:
        default = found.get("default") if isinstance(found, dict) else None
        backend = default.get("BACKEND", "") if isinstance(default, dict) else ""
        if not isinstance(found, dict) or (backend and not backend.startswith(REPLACED)):
            return found
        laid = made(theirs["default"], env, version or (), default.get("CONFIG", {}) if default else {})
        return found if laid == default else {**found, "default": laid}

    return lay


def made(ours: dict[str, Any], env: Environment, version: tuple[int, ...], config: dict[str, Any]) -> dict[str, Any]:
    """Return the default layer; of the project's, what messages are encoded with stays, and larger bounds."""
    if ours["BACKEND"] != OWN:
        return copy.deepcopy(ours)  # in memory: one process, for trying out
    kept = {name: config[name] for name in ENCODING if name in config}
    [host] = copy.deepcopy(ours["CONFIG"]["hosts"])
    if env.layer == "core":
        host["socket_timeout"] = BLOCKING_SECONDS
        host["max_connections"] = env.sockets  # each may have one command under way (pitfalls C2)
        bounds = {"capacity": CAPACITY, "group_expiry": GROUP_SECONDS}
        kept |= {name: max(least, config.get(name, 0)) for name, least in bounds.items()}
        kept |= {name: config[name] for name in ("expiry", "channel_capacity") if name in config}
    if version < WITH_OPTIONS and "address" in host:
        host = {"address": host["address"]}
    backend = CORE if env.layer == "core" else pubsub(version)
    return {"BACKEND": backend, "CONFIG": {**kept, "hosts": [host], "prefix": env.name}}


def pubsub(version: tuple[int, ...]) -> str:
    """Return our pub/sub layer where the packages are those that it was made for, else the project's."""
    is_known = version[:2] == (4, 3) and (installed("redis") or ()) >= (8,) and (installed("hiredis") or ()) >= (3,)
    return OWN if is_known else PUBSUB


def installed(package: str) -> tuple[int, ...] | None:
    """Return the version of a package, as far as it is numbers."""
    try:
        text = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    numbers: list[int] = []
    for part in text.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _without_redis() -> Callable[[Any], Any]:
    """Leave the layer, and say so once; a project without Channels has none."""
    is_said = False

    def lay(found: Any) -> Any:
        nonlocal is_said
        if found and not is_said:
            is_said = True
            log.warning(
                "CHANNEL_LAYERS stays the project's: it has no channels-redis, and its instances do not hear each other"
            )
        return found

    return lay
