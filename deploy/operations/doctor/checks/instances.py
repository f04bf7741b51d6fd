"""Each instance by itself, past nginx, and one beside the other."""

import email.utils
import time
from collections.abc import Mapping
from typing import Any

from deploy.effects.client.http_client import HttpClient, Reply
from deploy.model.health import READY
from deploy.operations.doctor.check import Check, NotApplicable, require
from deploy.operations.doctor.checks.files import OF_ONE_INSTANCE
from deploy.operations.doctor.target import Replica, Target
from deploy.text.readback import PREFIX

SECONDS = 5.0
APART = 5  # seconds; a Date header has whole ones


async def _ask(replica: Replica) -> Reply | None:
    """Ask whether it is ready; None where nobody answers, as one that does not run."""
    if not replica.environment:
        return None
    try:
        return await HttpClient(replica.address, timeout=SECONDS).get(READY)
    except OSError:
        return None


async def words(target: Target) -> Mapping[str, dict[str, Any]]:
    """Give what each instance that answers says of itself."""
    replies = {one.name: await _ask(one) for one in target.adapter.replicas()}
    return {name: reply.json()["checks"] for name, reply in replies.items() if reply}


async def ready(target: Target) -> str:
    """Ask each whether it is ready: those that there are, and no fewer than there should be."""
    found, wanted = target.adapter.replicas(), target.config.app.instances
    for one in found:
        require(one.environment, f"{one.name} does not run")
        reply = await _ask(one)
        require(reply is not None, f"{one.name} does not answer")
        require(reply and reply.status == 200, f"{one.name}: {reply and reply.text}")
    require(len(found) >= wanted, f"{', '.join(one.name for one in found)} answer, and there should be {wanted}")
    return f"{', '.join(one.name for one in found)} answer"


def _living(target: Target) -> list[Replica]:
    found = [one for one in target.adapter.replicas() if one.environment]
    if len(found) < 2:
        raise NotApplicable(f"{len(found)} instance runs: there is nothing to compare")
    return found


async def release(target: Target) -> str:
    """Compare PARLEY_RELEASE."""
    found = {one.name: one.environment.get(f"{PREFIX}RELEASE", "") for one in _living(target)}
    require(len(set(found.values())) == 1, ", ".join(f"{name} runs {value}" for name, value in found.items()))
    return next(iter(found.values()))


async def alike(target: Target) -> str:
    """Compare all other variables."""
    first, *others = _living(target)
    for one in others:
        odd = sorted(
            name
            for name in first.environment.keys() | one.environment.keys()
            if name.startswith(PREFIX)
            and name not in OF_ONE_INSTANCE
            and first.environment.get(name) != one.environment.get(name)
        )
        require(not odd, f"{first.name} and {one.name} were started with different {', '.join(odd)}")
    return f"{len(others) + 1} instances"


async def clock(target: Target) -> str:
    """Compare each one's Date header with this machine's clock."""
    worst = 0.0
    for one in target.adapter.replicas():
        if (reply := await _ask(one)) is None:
            continue
        apart = abs(email.utils.parsedate_to_datetime(reply.headers["date"]).timestamp() - time.time())
        require(apart <= APART, f"the clock of {one.name} is {apart:.0f} s off")
        worst = max(worst, apart)
    return f"{worst:.0f} s at most"


CHECKS = (
    Check(
        "instances-are-ready",
        f"every configured instance runs and is ready: {READY}, asked directly",
        "counts the instances, and asks each directly",
        "start what is missing; `database`, `migrations` and `draining` in the answer say what an instance waits for",
        "docs/architecture.md",
        ready,
        ("stack-runs",),
    ),
    Check(
        "releases-agree",
        "all instances run one release",
        "reads /proc of each instance",
        "finish the rollout, or `./parley rollback`",
        "docs/deploying.md",
        release,
        ("stack-runs",),
    ),
    Check(
        "replicas-agree",
        "all instances were started with the same settings",
        "reads /proc of each instance",
        "restart the instance that differs; on a server `./parley rollout --again` restarts one after the other",
        "docs/configuration.md",
        alike,
        ("stack-runs",),
    ),
    Check(
        "clocks-agree",
        f"no instance's clock is more than {APART} s off this machine's",
        "reads the Date of each instance's answer",
        "set the clock, and keep it synchronized (systemd-timesyncd, chrony)",
        "docs/deploying.md",
        clock,
        ("stack-runs",),
    ),
)
