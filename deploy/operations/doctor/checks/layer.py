"""Redis, which carries what is live between the instances: nothing in it is ever missed; without it chat is late."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from redis import Redis, RedisError

from deploy.model.health import READY
from deploy.operations.doctor.check import Broken, Check, NotApplicable, require
from deploy.operations.doctor.checks.instances import words
from deploy.operations.doctor.target import Target

SECONDS = 2.0
PATIENCE = 3.0  # an instance that has just started has not had its first probe back
PAUSE = 0.2
MOST_USED = 0.8  # of maxmemory
KEEPS = "noeviction"


async def well(target: Target) -> str:
    """Ask Redis, where there is one to ask, and each instance whether its own probe comes back."""
    if target.adapter.layer().startswith("none:"):
        raise NotApplicable("this stack has no Redis: messages arrive by polling the database")
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
    url = target.adapter.layer()
    if not url.startswith(("redis:", "rediss:", "unix:")):
        raise NotApplicable(f"there is no single Redis to ask ({url.partition(':')[0]})")
    return await asyncio.to_thread(_ask, url)


def _ask(url: str) -> dict[str, Any]:
    try:
        with Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as redis:
            found: dict[str, Any] = redis.info("memory")
            return found
    except RedisError as error:
        raise Broken(f"Redis does not answer: {error}") from None


CHECKS = (
    Check(
        "layer-is-well",
        "the channel layer returns every instance's own probe in time",
        f"asks Redis, and each instance's {READY}",
        "check that Redis runs and answers. Until then messages still arrive, up to 0.25 s late",
        "docs/architecture.md",
        well,
        ("stack-runs",),
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
