"""What each command of the bench does to one side."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from deploy.bench import proc
from deploy.bench.load.crowd import Crowd
from deploy.bench.load.dialects import Seat
from deploy.bench.load.member import Member
from deploy.bench.load.window import Window

IDLE_SETTLE_SECONDS = 5.0  # until what the handshakes needed is let go
MISSED = 3  # messages that a member who comes back did not see
STORM_SECONDS = 120.0


async def fanout(crowd: Crowd) -> dict[str, Any]:
    """One room of everybody; a message is in flight until all have it. Figures by messages in flight."""
    plan = crowd.plan
    await crowd.while_well(crowd.arrive(plan.members))
    await crowd.while_well(asyncio.sleep(plan.settle_seconds))
    window = Window(crowd)
    results = {}
    for in_flight in plan.in_flight:
        await window.closed(in_flight=in_flight, seconds=plan.warm_seconds, trigger="delivered")
        results[str(in_flight)] = await window.closed(in_flight=in_flight, seconds=plan.seconds, trigger="delivered")
    return results


async def rooms(crowd: Crowd) -> dict[str, Any]:
    """Many small rooms: the top rate of stored messages, then the time to `sent` at half of it."""
    plan = crowd.plan
    await crowd.while_well(crowd.arrive(plan.members))
    await crowd.while_well(asyncio.sleep(plan.settle_seconds))
    window = Window(crowd)
    await window.closed(in_flight=1, seconds=plan.warm_seconds, trigger="stored")
    top = await window.closed(in_flight=plan.in_flight[0], seconds=plan.seconds, trigger="stored")
    half = await window.paced(rate=top["messages_per_second"] / 2, seconds=plan.seconds)
    return {"top": top, "half": half}


async def idle(crowd: Crowd) -> dict[str, Any]:
    """Memory of half of the members, and of all: the growth is what a socket costs."""
    plan = crowd.plan
    sizes = {}
    for count in (plan.members // 2, plan.members):
        await crowd.while_well(crowd.arrive(count))
        await crowd.while_well(asyncio.sleep(IDLE_SETTLE_SECONDS))
        sizes[count] = proc.pss_by_group(plan.groups)
    few, many = sizes.values()
    growth = {name: (many[name] - few[name]) / (plan.members - plan.members // 2) for name in few}
    return {"pss_kb": {str(count): size for count, size in sizes.items()}, "kb_per_socket": growth}


async def storm(crowd: Crowd) -> dict[str, Any]:
    """Everybody's connection is cut, and everybody comes back at once, each missing the last few messages."""
    plan = crowd.plan
    await crowd.while_well(crowd.arrive(plan.members))
    await crowd.while_well(asyncio.sleep(plan.settle_seconds))
    await Window(crowd).closed(in_flight=1, seconds=plan.warm_seconds, trigger="delivered")
    seats = [seat_of(member) for member in crowd.members]
    before, started = proc.cpu_by_group(plan.groups), time.perf_counter()
    crowd.cut(crowd.members)
    crowd.members = await crowd.while_well(_return_all(crowd, seats))
    seconds = time.perf_counter() - started
    after = proc.cpu_by_group(plan.groups)
    # Everybody is in, and what is sent now reaches all of them.
    await Window(crowd).closed(in_flight=1, seconds=plan.warm_seconds, trigger="delivered")
    spent = {name: after[name] - before[name] for name in before}
    return {
        "cpu_ms": sum(spent.values()) / plan.members * 1e3,
        "arrivals": plan.members,
        "seconds": seconds,
        "refused": sum(count for name, count in crowd.failures.items() if name.isdigit()),
        "errors": sum(count for name, count in crowd.failures.items() if not name.isdigit()),
        "reasons": dict(crowd.failures),
        "cpu_seconds": spent,
    }


def seat_of(member: Member) -> Seat:
    """Give where a member comes back to: what it has, less a few messages, where the side keeps any."""
    if not member.epoch:
        return member.seat
    return member.seat._replace(after=max(0, member.position - MISSED), epoch=member.epoch)


async def _return_all(crowd: Crowd, seats: list[Seat]) -> list[Member]:
    limit = asyncio.Semaphore(crowd.plan.connecting)
    deadline = asyncio.get_running_loop().time() + STORM_SECONDS

    async def one(index: int, seat: Seat) -> Member:
        async with limit:
            return await crowd.return_one(index, seat, deadline)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(index, seat)) for index, seat in enumerate(seats)]
    return [task.result() for task in tasks]


WORKLOADS: dict[str, Callable[[Crowd], Awaitable[dict[str, Any]]]] = {
    "fanout": fanout,
    "rooms": rooms,
    "idle": idle,
    "storm": storm,
}
