"""A user of Redis with the line of docs/deploying.md may do everything; with less, the doctor names what is missing."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from channels_redis.core import RedisChannelLayer
from redis import Redis, RedisError, ResponseError

from deploy.model.capacity import declared
from deploy.model.config import Config
from deploy.model.urls import with_authority
from deploy.operations.doctor.check import Broken, NotApplicable
from deploy.operations.doctor.checks import layer as checks
from deploy.operations.doctor.permissions import REFUSALS, needed
from deploy.operations.doctor.target import Target
from parley_serving.environment import read
from parley_serving.layers import from_url
from parley_serving.project.channel_layers import made
from parley_serving.pubsub import PubSubLayer
from tests import authorities, redis_versions, sentinels
from tests.acl import CORE, PASSWORD, PUBSUB, QUOTED, SENTINEL, grants, without
from tests.running import free_port
from tests.waiting import PATIENCE, until

REFUSED = "|".join(REFUSALS)
LINES = {"pubsub": PUBSUB, "core": CORE}


OTHERS = [pytest.param(name, marks=pytest.mark.release) for name in redis_versions.WHEELS]


@pytest.fixture(scope="module", params=["redis", *OTHERS])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Redis whose users each test sets: this machine's, or one of another version."""
    folder, chosen = tmp_path_factory.mktemp("redis"), free_port()
    program = None if request.param == "redis" else redis_versions.server(request.param, folder)
    with sentinels.server(folder, chosen, program=program):
        with Redis("127.0.0.1", chosen) as admin:
            until(lambda: _answers(admin), "Redis answers")
        yield chosen


def _answers(admin: Redis) -> bool:
    with contextlib.suppress(RedisError):
        return bool(admin.ping())
    return False


@contextlib.contextmanager
def allowed(port: int, line: str) -> Iterator[Any]:
    """Have a user with this line and no other right; nothing is refused yet."""
    with Redis("127.0.0.1", port, decode_responses=True) as admin:
        _, name, *rules = line.split()
        admin.execute_command("ACL", "DELUSER", name)
        admin.execute_command("ACL", "SETUSER", name, *rules)
        admin.execute_command("ACL", "LOG", "RESET")
        admin.flushall()
        yield admin


def url(port: int, database: int = 0, password: str = QUOTED) -> str:
    """Give the URL of that user."""
    return f"redis://parley:{password}@127.0.0.1:{port}/{database}"


def target(at: str, layer: str, **keys: Any) -> Target:
    """Give what the doctor looks at, without a stack: an adapter that knows the layer's URL alone."""
    config = Config.model_validate({"redis": keys or {"url": at}, "project": {"layer": layer}})

    class Adapter:
        def layer(self) -> str:
            return at

        def replicas(self) -> list[Any]:
            return []

    adapter: Any = Adapter()
    return Target("local", config, declared(config), adapter)


class Core(RedisChannelLayer):  # type: ignore[misc]  # channels-redis ships no types
    """The core layer; what fails behind a message's back is kept, and not only logged."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.failed: list[Exception] = []

    async def _clean_receive_backup(self, index: int, channel: str) -> None:
        try:
            await super()._clean_receive_backup(index, channel)
        except ResponseError as error:
            self.failed.append(error)

    async def receive(self, channel: str) -> Any:
        """Take a message, and wait until it is removed."""
        found = await super().receive(channel)
        await self.wait_received()
        for error in self.failed:
            raise error
        return found


async def used(layer: str, at: str) -> None:
    """Do with a channel layer what the chat, or a project's consumers do."""
    config = from_url(at)["default"]["CONFIG"]
    if layer == "pubsub":
        ours = PubSubLayer(**config)
        try:
            await _used(ours)
        finally:
            await ours.flush()
        return
    variables = {"PARLEY_ENV": "local", "PARLEY_LAYER": "core", "PARLEY_LAYER_URL": at}
    core = Core(**made(from_url(at)["default"], read(variables), (4, 3), {})["CONFIG"])
    try:
        await _used(core)
    finally:
        await core.close_pools()


async def _used(layer: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        channel = await layer.new_channel()
        await layer.group_add("room.1", channel)
        await layer.group_send("room.1", {"type": "to all"})
        assert (await layer.receive(channel))["type"] == "to all"
        await layer.send(channel, {"type": "to one"})
        assert (await layer.receive(channel))["type"] == "to one"
        await layer.group_discard("room.1", channel)


async def asked(at: str, layer: str = "pubsub") -> str:
    """Look as the doctor does, at every check of the layer that needs no instance; give what is said of them."""
    found = target(at, layer)
    return "; ".join([await checks.permitted(found), await checks.room(found), await checks.keeps(found)])


@pytest.mark.parametrize("layer", LINES)
async def test_the_line_is_enough(port: int, layer: str) -> None:
    """Redis refuses none of it, and the doctor is content; it is what the doctor says that is needed."""
    with allowed(port, LINES[layer]) as admin:
        await used(layer, url(port))
        refused = [one["object"] for one in admin.execute_command("ACL", "LOG")]
        assert set(refused) <= {"client|setinfo", "client"}, "redis-py names itself, and is content without"
        assert "the user parley may do" in await asked(url(port), layer)
    assert set(grants(LINES[layer])) == set(needed(layer, "parley").split())


@pytest.mark.parametrize(
    ("layer", "grant"), [(layer, grant) for layer, line in LINES.items() for grant in grants(line) if grant != "+info"]
)
async def test_with_one_permission_less_the_doctor_names_it(port: int, layer: str, grant: str) -> None:
    """The layer cannot be used, Redis is there, and the doctor says what it refuses and what the user needs."""
    with allowed(port, without(LINES[layer], grant)):
        with pytest.raises(Exception, match=f"(?i)no permissions|{REFUSED}"):
            await used(layer, url(port))
        with pytest.raises(Broken, match=REFUSED) as broken:
            await asked(url(port), layer)
        assert f"the user parley needs {needed(layer, 'parley')}" in str(broken.value)
        assert PASSWORD not in str(broken.value)


async def test_without_info_the_doctor_says_what_it_cannot_see(port: int) -> None:
    """The chat does not need it."""
    with allowed(port, without(PUBSUB, "+info")):
        await used("pubsub", url(port))
        with pytest.raises(NotApplicable, match=r"NOPERM .*info.*; with \+info in its ACL it may"):
            await asked(url(port))


async def test_a_numbered_database_needs_select(port: int) -> None:
    """As the page says."""
    with allowed(port, PUBSUB), pytest.raises(Broken, match=r"NOPERM .*'select'"):
        await asked(url(port, 1))
    with allowed(port, f"{PUBSUB} +select"):
        await used("pubsub", url(port, 1))
        await asked(url(port, 1))


async def test_as_it_is_sold(port: int) -> None:
    """All commands, all keys and no channels (operators' line O7): the doctor does not ask whether Redis is up."""
    said = r"NOPERM .*channel.*; the user parley needs &parley__group__\* &parleyspecific\.\* \+subscribe"
    sold = f"user parley on >{PASSWORD} resetchannels ~* +@all"
    with allowed(port, sold), pytest.raises(Broken, match=said):
        await asked(url(port))


async def test_a_wrong_password_is_named(port: int) -> None:
    """By the same check: Redis is up, and lets nobody in."""
    with allowed(port, PUBSUB), pytest.raises(Broken, match="invalid username-password pair or user is disabled"):
        await asked(url(port, password="another"))


async def test_a_redis_that_is_away_is_another_check_s() -> None:
    """Nothing can be said of permissions then."""
    with pytest.raises(NotApplicable, match="Redis does not answer"):
        await checks.permitted(target(url(free_port()), "pubsub"))


async def test_an_authority_that_nobody_knows_is_named(tmp_path: Path) -> None:
    """With the key that names it; then Redis answers."""
    chosen, tls = free_port(), authorities.made(tmp_path / "tls")
    at = f"rediss://127.0.0.1:{chosen}/0"
    with sentinels.server(tmp_path, chosen, tls=tls):
        sentinels.until(lambda: sentinels.asked(chosen, "", "PING", tls=tls))
        with pytest.raises(Broken, match=r"CERTIFICATE_VERIFY_FAILED.*; redis\.ca_file names the authority"):
            await checks.room(target(at, "pubsub"))
        assert "the user default may do" in await asked(with_authority(at, str(tls.ca_file)))


async def test_a_sentinel_that_does_not_say_who_is_master_is_named(tmp_path: Path) -> None:
    """Its user has a line of its own; it is not the one of Redis that lacks something."""
    users = (PUBSUB, without(SENTINEL, "+sentinel|masters"))
    with sentinels.watched_redis(tmp_path, sentinels=1, users=users) as watched:
        keys = {
            "sentinels": [f"127.0.0.1:{watched.sentinels[0]}"],
            "sentinel_name": sentinels.NAME,
            "sentinel_user": "watcher",
            "sentinel_password": PASSWORD,
            "user": "parley",
            "password": PASSWORD,
        }
        found = target("sentinel://the/URL", "pubsub", **keys)
        with pytest.raises(Broken, match=r"NOPERM .*the user watcher of the sentinels needs \+sentinel\|masters$"):
            await checks.permitted(found)
        with pytest.raises(NotApplicable, match="the user watcher of the sentinels needs"):
            await checks.room(found)


@pytest.mark.parametrize("layer", LINES)
async def test_nothing_is_left_behind(port: int, layer: str) -> None:
    """Neither a key nor a subscription."""
    with allowed(port, LINES[layer]) as admin:
        await asked(url(port), layer)
        assert (admin.keys("*"), admin.pubsub_channels()) == ([], [])
