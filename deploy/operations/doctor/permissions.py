"""What an instance asks of Redis, tried as its user: a Redis with ACLs refuses what the user is not allowed.

The names of channels and keys are those of channels-redis. What is tried has a name that nobody else uses.
"""

from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import redis.sentinel
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.retry import Retry

from deploy.model.sections import Redis as Named

SECONDS = 2.0
DEFAULT = "default"  # whom Redis takes who gives no name
ONE = ("redis", "rediss", "unix")  # schemes that name one server
SENTINELS = "sentinel"
SCRIPT = "return redis.call('ZCOUNT', ARGV[1], '-inf', '+inf') + redis.call('DEL', ARGV[1])"
# Where the answer has another code: EXEC is refused, or MULTI, or a command of a script in Redis 7, or in 8 and Valkey.
REFUSALS = ("NOPERM", "EXEC without MULTI", "The user executing the script", "ACL failure in script")
# Of each channel layer, what its user has to be allowed; docs/deploying.md has the same lines.
CHANNELS = "&{name}__group__* &{name}specific.* +subscribe +unsubscribe +publish"
KEYS = "~{name}* +eval +zadd +zrange +zrem +zcount +zremrangebyscore +zpopmin +bzpopmin +expire +del +multi +exec"
ASK = "+sentinel|masters"  # of the sentinels
INFO = "+info"  # for the doctor alone


class RefusedError(Exception):
    """What Redis or a sentinel does not allow, in its words, and what its user needs."""

    def __init__(self, words: str, user: str, needs: str) -> None:
        super().__init__(f"{words}; the user {user} needs {needs}")


def connected(url: str, named: Named) -> Redis | None:
    """Return a client for the Redis of a layer's URL, the sentinels' by parley.toml; None where there is none.

    Raises RefusedError where a sentinel does not say which Redis that is, and RedisError where none answers.
    """
    once = Retry(NoBackoff(), 0)  # redis-py would ask a frozen one four times
    patience: dict[str, Any] = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS, "retry": once}
    scheme = url.partition(":")[0]
    if scheme in ONE:
        return Redis.from_url(url, **patience)
    if scheme != SENTINELS or not named.sentinels:
        return None
    tls = {"ssl": True, "ssl_ca_certs": named.ca_file} if named.ca_file else {}
    parts = [urlsplit(f"//{one}") for one in named.sentinels]
    login = {"username": named.sentinel_user or None, "password": named.sentinel_password or None}
    untyped: Any = redis.sentinel.Sentinel  # as redis-py ships it
    sentinels = untyped([(one.hostname, one.port) for one in parts], sentinel_kwargs={**login, **patience, **tls})
    try:
        sentinels.discover_master(named.sentinel_name)
    except NoPermissionError as error:
        raise RefusedError(said(error), f"{named.sentinel_user or DEFAULT} of the sentinels", ASK) from None
    own = {"username": named.user or None, "password": named.password or None}
    master: Redis = sentinels.master_for(named.sentinel_name, **own, **patience, **tls)
    return master


def needed(layer: str, name: str) -> str:
    """Return what an ACL has to allow for the layer of a site."""
    return f"{(KEYS if layer == 'core' else CHANNELS).format(name=name)} {INFO}"


def user(url: str, named: Named) -> str:
    """Return whom the instances log in as."""
    return (named.user if url.startswith(SENTINELS) else unquote(urlsplit(url).username or "")) or DEFAULT


def tried(client: Redis, layer: str, name: str, user: str) -> None:
    """Do what an instance does; raises RefusedError, or RedisError where Redis is away."""
    try:
        (_core if layer == "core" else _pubsub)(client, name)
    except RedisError as error:
        if isinstance(error, NoPermissionError | AuthenticationError) or any(words in str(error) for words in REFUSALS):
            raise RefusedError(said(error), user, needed(layer, name)) from None
        raise


def said(error: RedisError) -> str:
    """Repeat what Redis said, with the code that redis-py leaves out."""
    return f"NOPERM {error}" if isinstance(error, NoPermissionError) else str(error)


def _pubsub(client: Any, name: str) -> None:
    for channel in (f"{name}specific.{uuid4().hex}", f"{name}__group__doctor.{uuid4().hex}"):
        with client.pubsub() as listener:
            listener.subscribe(channel)
            listener.get_message(timeout=SECONDS)
            listener.unsubscribe(channel)
            listener.get_message(timeout=SECONDS)
        client.publish(channel, b"")


def _core(client: Redis, name: str) -> None:
    key = f"{name}specific.{uuid4().hex}"
    for group in (key, f"{name}:group:doctor.{uuid4().hex}"):
        client.zadd(group, {"a": 1, "b": 2, "c": 3, "d": 4})
        try:
            client.expire(group, 1)
        except RedisError:
            with suppress(RedisError):  # the least that is left behind
                client.zremrangebyscore(group, "-inf", "+inf")
            raise
        client.zremrangebyscore(group, 0, 1)
        client.zcount(group, "-inf", "+inf")
        client.zrange(group, 0, -1)
        client.zrem(group, "b")
        client.zpopmin(group)
        client.bzpopmin([group], timeout=1)
        with client.pipeline() as together:
            together.zremrangebyscore(group, 0, 1)
            together.execute()
        client.eval(SCRIPT, 0, group)
