"""Redis, which carries what is live between the instances: nothing in it is ever missed; without it chat is late."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from redis import Redis, RedisError
from redis.exceptions import NoPermissionError

from deploy.model.health import READY
from deploy.operations.doctor import permissions
from deploy.operations.doctor.check import Broken, Check, NotApplicable, require
from deploy.operations.doctor.checks.instances import words
from deploy.operations.doctor.target import Target

T = TypeVar("T")

PATIENCE = 3.0  # an instance that has just started has not had its first probe back
PAUSE = 0.2
MOST_USED = 0.8  # of maxmemory
KEEPS = "noeviction"
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"  # what OpenSSL says


async def permitted(target: Target) -> str:
    """Log in as the instances do, and do what they do."""
    url = _url(target)
    user = permissions.user(url, target.config.redis)
    layer, name = target.config.project.layer or "pubsub", _name(target)
    if layer == "none":
        raise NotApplicable("the project has a channel layer of its own, or none")
    try:
        await asyncio.to_thread(_with, url, target, lambda redis: permissions.tried(redis, layer, name, user))
    except permissions.RefusedError as error:
        raise Broken(str(error)) from None
    except RedisError as error:
        raise NotApplicable(f"Redis does not answer: {error}") from None
    return f"the user {user} may do what the layer {layer} does"


def _with(url: str, target: Target, ask: Callable[[Redis], T]) -> T:
    redis = permissions.connected(url, target.config.redis)
    if redis is None:
        raise NotApplicable(f"there is no Redis to ask ({url.partition(':')[0]})")
    with redis:
        return ask(redis)


def _name(target: Target) -> str:
    """Return the site's name as the instances have it: it begins the name of each channel."""
    told = (one.environment.get("PARLEY_NAME") for one in target.adapter.replicas())
    return next(filter(None, told), target.config.site.name)


def _url(target: Target) -> str:
    url = target.adapter.layer()
    if url.startswith("none:"):
        raise NotApplicable("this stack has no Redis: messages arrive by polling the database")
    return url


async def well(target: Target) -> str:
    """Ask Redis, where there is one to ask, and each instance whether its own probe comes back."""
    _url(target)
    with suppress(NotApplicable):
        await _info(target)  # an instance takes a second to find out
    deadline = time.monotonic() + PATIENCE
    while unwell := [f"{name} says {word}" for name, word in (await _words(target)).items() if word != "ok"]:
        require(time.monotonic() < deadline, ", ".join(unwell))
        await asyncio.sleep(PAUSE)
    return "each instance that answers says ok"


async def _words(target: Target) -> dict[str, str]:
    found = {name: checks["layer"] for name, checks in (await words(target)).items()}
    if not found:
        raise NotApplicable("no instance answers")
    if set(found.values()) == {"none"}:
        raise NotApplicable("the project has no channel layer")
    return found


async def room(target: Target) -> str:
    """Compare what it holds with what it may."""
    found = await _info(target)
    used, most = found["used_memory"], found["maxmemory"]
    said = f"{used / 1e6:.1f} MB of {f'{most / 1e6:.1f} MB' if most else 'no limit'}"
    require(not most or used <= MOST_USED * most, said)
    return said


async def keeps(target: Target) -> str:
    """Look at what it does when it is full."""
    policy = (await _info(target))["maxmemory_policy"]
    require(policy == KEEPS, f"maxmemory-policy is {policy}, as for a cache")
    return str(policy)


async def _info(target: Target) -> dict[str, Any]:
    return await asyncio.to_thread(_ask, target.adapter.layer(), target)


def _ask(url: str, target: Target) -> dict[str, Any]:
    try:
        found: dict[str, Any] = _with(url, target, lambda redis: redis.info("memory"))
    except permissions.RefusedError as error:
        raise NotApplicable(str(error)) from None
    except NoPermissionError as error:
        why = f"{permissions.said(error)}; with {permissions.INFO} in its ACL it may"
        raise NotApplicable(f"the user of Redis may not ask how much it holds: {why}") from None
    except RedisError as error:
        if url.startswith(permissions.SENTINELS):  # they may name an address that only the instances reach
            raise NotApplicable(f"the Redis that the sentinels name does not answer: {error}") from None
        how = "; redis.ca_file names the authority that is trusted" if UNTRUSTED in str(error) else ""
        raise Broken(f"Redis does not answer: {error}{how}") from None
    return found


CHECKS = (
    Check(
        "layer-is-permitted",
        "Redis allows its user what the channel layer does",
        "logs in as the instances do, subscribes to two channels of the site that nobody else uses, and publishes",
        "give the user the ACL that the page has, and correct user and password in redis.url. Until then messages"
        " still arrive, up to 0.25 s late",
        "docs/pitfalls/C20-redis-refuses-its-user.md",
        permitted,
        ("stack-runs",),
    ),
    Check(
        "layer-is-well",
        "the channel layer returns every instance's own probe in time",
        f"asks Redis, and each instance's {READY}",
        "check that Redis runs and answers. Until then messages still arrive, up to 0.25 s late",
        "docs/architecture.md",
        well,
        ("stack-runs", "layer-is-permitted"),
    ),
    Check(
        "layer-has-room",
        f"Redis has used less than {MOST_USED:.0%} of its maxmemory",
        "asks Redis for INFO memory",
        "raise redis.megabytes, and look for clients that read slowly",
        "docs/pitfalls/C12-redis-is-full.md",
        room,
        ("layer-is-well",),
    ),
    Check(
        "layer-evicts-nothing",
        f"Redis has the policy {KEEPS}",
        "asks Redis for INFO memory",
        f"give the layer its own Redis with maxmemory-policy {KEEPS}; do not share it with a cache",
        "docs/pitfalls/C12-redis-is-full.md",
        keeps,
        ("layer-is-well",),
    ),
)
