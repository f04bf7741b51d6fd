"""What each command of the bench does to one peer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from deploy.operations.bench import cost
from deploy.operations.bench.load.attackers import attacked
from deploy.operations.bench.load.clients import LoadClients
from deploy.operations.bench.load.dialects import Seat
from deploy.operations.bench.load.honest import Crowd
from deploy.operations.bench.load.member import Member
from deploy.operations.bench.load.window import Window

IDLE_SETTLE_SECONDS = 5.0  # until what the handshakes needed is let go
MISSED = 3  # messages that a member who comes back did not see
STORM_SECONDS = 120.0


async def fanout(clients: LoadClients) -> dict[str, Any]:
    """One room of everybody; a message is in flight until all have it. Figures by messages in flight."""
    plan = clients.plan
    await clients.while_well(clients.arrive(plan.members))
    await clients.while_well(asyncio.sleep(plan.settle_seconds))
    window = Window(clients)
    results = {}
    for in_flight in plan.in_flight:
        await window.closed(in_flight=in_flight, seconds=plan.warm_seconds, trigger="delivered")
        results[str(in_flight)] = await window.closed(in_flight=in_flight, seconds=plan.seconds, trigger="delivered")
    return results


async def rooms(clients: LoadClients) -> dict[str, Any]:
    """Many small rooms: the top rate of stored messages, then the time to `sent` at half of it."""
    plan = clients.plan
    await clients.while_well(clients.arrive(plan.members))
    await clients.while_well(asyncio.sleep(plan.settle_seconds))
    window = Window(clients)
    await window.closed(in_flight=1, seconds=plan.warm_seconds, trigger="stored")
    top = await window.closed(in_flight=plan.in_flight[0], seconds=plan.seconds, trigger="stored")
    half = await window.paced(rate=top["messages_per_second"] / 2, seconds=plan.seconds)
    return {"top": top, "half": half}


async def idle(clients: LoadClients) -> dict[str, Any]:
    """Memory of half of the members, and of all: the growth is what a socket costs."""
    plan = clients.plan
    sizes = {}
    for count in (plan.members // 2, plan.members):
        await clients.while_well(clients.arrive(count))
        await clients.while_well(asyncio.sleep(IDLE_SETTLE_SECONDS))
        sizes[count] = cost.pss_by_group(plan.groups)
    few, many = sizes.values()
    growth = {name: (many[name] - few[name]) / (plan.members - plan.members // 2) for name in few}
    return {"pss_kb": {str(count): size for count, size in sizes.items()}, "kb_per_socket": growth}


async def storm(clients: LoadClients) -> dict[str, Any]:
    """Everybody's connection is cut, and everybody comes back at once, each missing the last few messages."""
    plan = clients.plan
    await clients.while_well(clients.arrive(plan.members))
    await clients.while_well(asyncio.sleep(plan.settle_seconds))
    await Window(clients).closed(in_flight=1, seconds=plan.warm_seconds, trigger="delivered")
    seats = [seat_of(member) for member in clients.members]
    before, started = cost.cpu_by_group(plan.groups), time.perf_counter()
    clients.cut(clients.members)
    clients.members = await clients.while_well(_return_all(clients, seats))
    seconds = time.perf_counter() - started
    after = cost.cpu_by_group(plan.groups)
    # Everybody is in, and what is sent now reaches all of them.
    await Window(clients).closed(in_flight=1, seconds=plan.warm_seconds, trigger="delivered")
    spent = {name: after[name] - before[name] for name in before}
    return {
        "cpu_ms": sum(spent.values()) / plan.members * 1e3,
        "arrivals": plan.members,
        "seconds": seconds,
        "refused": sum(count for name, count in clients.failures.items() if name.isdigit()),
        "errors": sum(count for name, count in clients.failures.items() if not name.isdigit()),
        "reasons": dict(clients.failures),
        "cpu_seconds": spent,
    }


async def attack(clients: LoadClients) -> dict[str, Any]:
    """Honest people join and send while others attack: what that takes, and who is refused."""
    plan = clients.plan
    async with Crowd(plan).there() as crowd, attacked(plan) as attackers:
        share = attackers.begin()
        before, started = cost.cpu_by_group(plan.groups), time.perf_counter()
        await crowd.measure(plan.seconds)
        spent = sum(cost.cpu_by_group(plan.groups).values()) - sum(before.values())
        return crowd.figures() | {"share": share(), "servers": spent / (time.perf_counter() - started)}


def seat_of(member: Member) -> Seat:
    """Give where a member comes back to: what it has, less a few messages, where the peer keeps any."""
    if not member.epoch:
        return member.seat
    return member.seat._replace(after=max(0, member.position - MISSED), epoch=member.epoch)


async def _return_all(clients: LoadClients, seats: list[Seat]) -> list[Member]:
    limit = asyncio.Semaphore(clients.plan.connecting)
    deadline = asyncio.get_running_loop().time() + STORM_SECONDS

    async def one(index: int, seat: Seat) -> Member:
        async with limit:
            return await clients.return_one(index, seat, deadline)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(index, seat)) for index, seat in enumerate(seats)]
    return [task.result() for task in tasks]


WORKLOADS: dict[str, Callable[[LoadClients], Awaitable[dict[str, Any]]]] = {
    "fanout": fanout,
    "rooms": rooms,
    "idle": idle,
    "storm": storm,
    "attack": attack,
}
