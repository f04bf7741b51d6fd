"""A Redis as it is sold: users with an ACL, TLS by an authority that no system knows, sentinels with both."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from deploy.operations.doctor import local
from deploy.operations.doctor.examine import broken, examine
from tests import acl, authorities
from tests.running import RunningStack, changed_checkout, free_port, running_stack
from tests.sentinels import NAME, PASSWORD, SENTINEL_PASSWORD, asked, server, until, watched_redis
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

HARMLESS = {"client|setinfo", "client"}  # the doctor's redis-py names itself, and goes on if it may not
Keys = dict[str, Any]  # of [redis]


def checkout(target: Path, keys: Keys) -> Path:
    """Copy what runs of this checkout, with these keys."""
    root = changed_checkout(target)
    with (root / "parley.toml").open("a") as toml:
        toml.write("\n[env.local.redis]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in keys.items()))
    return root


async def all_is_live(stack: RunningStack) -> None:
    """Presence, typing and entries come from one instance to the other; without Redis nobody sees who types."""
    for number in range(2):
        await stack.until_measured(number, timeout=PATIENCE, layer_well=1)
    one, two = stack.pinned(0), stack.pinned(1)
    async with connect(one, await guest(one, "One")) as speaker, connect(two, await guest(two, "Two")) as listener:
        await listener.welcome()
        await listener.join("lobby")
        me = (await speaker.welcome())["you"]["id"]
        await speaker.join("lobby")
        await listener.until(lambda frame: any(who["id"] == me for who in frame.get("joined", [])))
        await speaker.write("typing", room="lobby")
        await listener.until(lambda frame: frame["type"] == "typing" and frame["who"]["id"] == me)
        sent = await speaker.send_text("lobby", "across")
        assert (await listener.entry("lobby", sent["seq"]))["text"] == "across"


async def doctor(stack: RunningStack, keys: Keys) -> dict[str, str]:
    """Have the doctor look; nothing is broken. Gives what it says of the layer."""
    found = await examine(await asyncio.to_thread(local.target, stack.directory, {"redis": keys}))
    assert broken(found) == [], found
    return {one.check.id: f"{one.word}: {one.evidence}" for one in found if one.check.id.startswith("layer-")}


async def test_a_redis_with_users_and_an_authority_of_its_own(tmp_path: Path) -> None:
    """The user has the line of docs/deploying.md and no other right: Redis refuses nothing of the whole chat."""
    port, tls = free_port(), authorities.made(tmp_path / "tls")
    url = f"rediss://parley:{acl.QUOTED}@127.0.0.1:{port}/0"
    keys = {"url": url, "ca_file": str(tls.ca_file)}
    with server(tmp_path, port, f"--{acl.PUBSUB}", tls=tls):
        until(lambda: asked(port, "", "PING", tls=tls))
        with running_stack(tmp_path / "stack", root=checkout(tmp_path / "checkout", keys)) as stack:
            assert stack.state["redis_pid"] is None, "up started a Redis of its own"
            await all_is_live(stack)
            refused = {one["object"] for one in asked(port, "", "ACL LOG", tls=tls)}
            assert refused == set(), "an instance asks for more"
            said = await doctor(stack, keys)
            assert said["layer-is-permitted"] == "ok: the user parley may do what the layer pubsub does"
            assert [word.partition(":")[0] for word in said.values()] == ["ok"] * len(said)
            refused = {one["object"] for one in asked(port, "", "ACL LOG", tls=tls)}
            assert refused <= HARMLESS, "the doctor asks for more"
            await stack.manage("check")


async def test_sentinels_with_users_by_tls(tmp_path: Path) -> None:
    """Those of the sentinels and of the Redis servers have their line each; the next master is reached as the first."""
    tls = authorities.made(tmp_path / "tls")
    with watched_redis(tmp_path, users=(acl.PUBSUB, acl.SENTINEL), tls=tls) as watched:
        keys: Keys = {
            "sentinels": [f"127.0.0.1:{port}" for port in watched.sentinels],
            "sentinel_name": NAME,
            "user": "parley",
            "password": acl.PASSWORD,
            "sentinel_user": "watcher",
            "sentinel_password": acl.PASSWORD,
            "ca_file": str(tls.ca_file),
        }
        with running_stack(tmp_path / "stack", root=checkout(tmp_path / "checkout", keys)) as stack:
            await all_is_live(stack)
            said = await doctor(stack, keys)
            assert said["layer-is-permitted"] == "ok: the user parley may do what the layer pubsub does"
            old = watched.master()
            watched.redis[old].send_signal(signal.SIGKILL)
            await watched.until_master_is_not(old)
            await stack.line("the connection to Redis was lost")
            await all_is_live(stack)
            logs = [asked(watched.master(), PASSWORD, "ACL LOG", tls=tls)]
            logs += [asked(port, SENTINEL_PASSWORD, "ACL LOG", tls=tls) for port in watched.sentinels]
            assert {one["object"] for log in logs for one in log} <= HARMLESS
