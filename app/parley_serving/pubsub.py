"""channels-redis' pub/sub layer with one connection, whose bytes are taken as they come.

redis-py reads and writes through streams: for each message several tasks' worth of coroutines, timers and wake-ups,
and two connections with a turn of the loop each. In a room of 200 that is as much as a fifth of all work. Here
redis-py only connects (address, TLS, log-in, sentinels); from then on hiredis reads and packs, and what is published
and what is received share one connection (RESP 3, so Redis 6 or newer) and one turn of the loop.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import hiredis
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisSingleShardConnection
from channels_redis.utils import create_pool

from parley_serving.cancellation import end

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0  # Redis answers in less than a millisecond: one that has not by then is frozen, or gone
RETRY_SECONDS = 1.0  # between two tries to connect again
NOTHING = object()
CONFIRMATIONS = {b"subscribe", b"unsubscribe"}


class PubSubLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # channels-redis ships no types
    """A drop-in for its base class, with the same options."""

    def _get_layer(self) -> Any:
        layer = self._layers.get(asyncio.get_running_loop())
        if layer is None:
            layer = super()._get_layer()
            layer._shards = [Shard(shard.host, layer) for shard in layer._shards]  # noqa: SLF001 (the one place)
        return layer


class Shard(RedisSingleShardConnection):  # type: ignore[misc]  # the same
    """The connection to one Redis: made when needed, and made again with all its subscriptions when lost."""

    def __init__(self, host: dict[str, Any], channel_layer: Any) -> None:
        super().__init__({**host, "protocol": 3}, channel_layer)
        self._pool: Any = None  # makes our connections; those of sentinels need it as long as they live
        self._wire: Wire | None = None
        self._returning: asyncio.Task[None] | None = None

    async def publish(self, channel: str, message: bytes) -> None:
        """Publish; raises ConnectionError or what Redis says."""
        wire = self._wire or await self._connect()
        await wire.ask("PUBLISH", channel, message)

    async def subscribe(self, channel: str) -> None:
        """Take what is published to a channel, for as long as `unsubscribe` is not called."""
        if channel not in self._subscribed_to:
            self._subscribed_to.add(channel)  # first: a connection that is made meanwhile has it, too
            try:
                wire = self._wire or await self._connect()
                await wire.ask("SUBSCRIBE", channel)
            except BaseException:
                self._subscribed_to.discard(channel)
                raise

    async def unsubscribe(self, channel: str) -> None:
        """Take no more of it."""
        if channel in self._subscribed_to:
            self._subscribed_to.remove(channel)
            if self._wire is not None:
                await self._wire.ask("UNSUBSCRIBE", channel)

    async def flush(self) -> None:
        """Forget everything, and close."""
        self._subscribed_to: set[str] = set()
        if self._returning is not None:
            await end([self._returning])
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    async def _connect(self) -> "Wire":
        async with self._lock:
            if self._wire is None:
                self._pool = self._pool or create_pool(self.host)
                connection = self._pool.make_connection()
                try:
                    await connection.connect()
                except BaseException:
                    await connection.disconnect(nowait=True)
                    raise
                wire = Wire(connection, self._received, self._lost)
                try:
                    await asyncio.gather(*[wire.ask("SUBSCRIBE", channel) for channel in self._subscribed_to])
                    if wire.is_closing:  # lost behind its last answer, and `_lost` did not know it for ours yet
                        raise ConnectionError("the connection to Redis was lost")  # noqa: TRY301
                except BaseException:
                    wire.close()
                    raise
                self._wire = wire
            return self._wire

    def _received(self, channel: bytes, message: bytes) -> None:
        self._receive_message({"channel": channel, "data": message})

    def _lost(self, wire: "Wire") -> None:
        if self._wire is wire:
            log.warning("the connection to Redis was lost")
            self._wire = None
            if self._returning is None or self._returning.done():
                self._returning = asyncio.get_running_loop().create_task(self._return())

    async def _return(self) -> None:
        """Connect again: who only listens would not find out."""
        while self._wire is None:
            try:
                await self._connect()
            except Exception as error:  # noqa: BLE001 (whatever keeps Redis away: tried again)
                log.debug("Redis is away: %r", error)
                await asyncio.sleep(RETRY_SECONDS)


class Wire(asyncio.Protocol):
    """One open connection, taken over from redis-py: answers come in the order of commands, messages at any time."""

    def __init__(
        self, connection: Any, received: Callable[[bytes, bytes], None], lost: Callable[["Wire"], None]
    ) -> None:
        self._received = received
        self._lost = lost
        self._reader = hiredis.Reader(notEnoughData=NOTHING)
        self._asked: deque[tuple[float, asyncio.Future[Any]]] = deque()  # with when
        self._patience: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        # Kept, as what nobody holds closes its transport; and taken, as redis-py warns of what nobody closed.
        self._writer, connection._writer = connection._writer, None  # noqa: SLF001 (it has no other name)
        self._transport: asyncio.Transport = self._writer.transport
        self._transport.set_protocol(self)

    @property
    def is_closing(self) -> bool:
        """Whether nothing comes of it any more."""
        return self._transport.is_closing()

    def ask(self, *command: str | bytes) -> asyncio.Future[Any]:
        """Write one command; the future gives its answer."""
        future = self._loop.create_future()
        if self.is_closing:
            future.set_exception(ConnectionError("the connection to Redis was lost"))
            return future
        packed = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub knows tuples of one
        self._transport.write(packed)
        self._asked.append((self._loop.time(), future))
        if self._patience is None:
            self._patience = self._loop.call_later(PATIENCE_SECONDS, self._check)
        return future

    def data_received(self, data: bytes) -> None:
        """Hand on messages, and answer who asked."""
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not NOTHING:
            is_push = type(answer) is hiredis.PushNotification
            if is_push and answer[0] == b"message":
                self._received(answer[1], answer[2])
            elif not is_push or answer[0] in CONFIRMATIONS:
                self._answer(answer)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits, and the shard."""
        if self._patience is not None:
            self._patience.cancel()
        while self._asked:
            self._answer(ConnectionError(f"the connection to Redis was lost: {error}"))
        self._lost(self)

    def close(self) -> None:
        """Close; who still waits for an answer is told that it was lost."""
        self._transport.close()

    def _answer(self, answer: Any) -> None:
        _, future = self._asked.popleft()
        if future.done():
            return  # who asked went away
        if isinstance(answer, Exception):
            future.set_exception(answer)
            future.exception()  # who asked may not look: that is no error of anybody's
        else:
            future.set_result(answer)

    def _check(self) -> None:
        """Drop a connection on which somebody waits too long: one timer, and none per command."""
        self._patience = None
        if self._asked:
            wait = self._asked[0][0] + PATIENCE_SECONDS - self._loop.time()
            if wait > 0:
                self._patience = self._loop.call_later(wait, self._check)
            else:
                self._transport.abort()
