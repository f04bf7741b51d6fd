"""Faults on the side of the clients."""

import asyncio

from deploy.errors import StackError
from deploy.operations.drill.faults.fault import Scene

FROZEN_SECONDS = 10.0
CUT_SECONDS = 30.0
MUTE_SECONDS = 4.0  # long enough to store messages unanswered, too short for a client to give up by itself


async def client_frozen(scene: Scene) -> None:
    """Stop the first client: it reads and sends nothing, and its socket stays open."""
    witness = scene.witnesses[0]
    witness.freeze()
    try:
        await asyncio.sleep(FROZEN_SECONDS)
    finally:
        witness.thaw()


async def link_cut(scene: Scene) -> None:
    """Cut the links that go through the proxy, without a FIN, and mend them."""
    if scene.proxy is None:
        raise StackError("no client goes through a proxy")
    scene.proxy.cut()
    try:
        await asyncio.sleep(CUT_SECONDS)
    finally:
        scene.proxy.mend()


async def answers_lost(scene: Scene) -> None:
    """Let clients send and lose what they would hear, then their links: they repeat what was stored already."""
    if scene.proxy is None:
        raise StackError("no client goes through a proxy")
    scene.proxy.mute()
    try:
        await asyncio.sleep(MUTE_SECONDS)
        await scene.proxy.drop()
    finally:
        scene.proxy.mend()
