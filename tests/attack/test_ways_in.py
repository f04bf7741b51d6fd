"""Floods of all that lets people in, from the address of 250 others, who log in, chat and come back."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from accounts import limits
from deploy.effects.client.http_client import HttpClient, Reply
from deploy.effects.client.websocket_client import connect
from parley_serving.limits import PAGES_AT_ONCE
from tests.attack.elsewhere import elsewhere
from tests.attack.school import PASSWORD, PUPILS, SCHOOL, Attackers, Way, drained, log_in_all, under_way
from tests.running import RunningStack, changed_checkout, running_stack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack

FLOODS = 8  # browsers of the one who floods
PEOPLE = 100
CHEAP = (  # a hash costs nothing here: what is counted is people, and the queue has a test of its own
    "app/config/settings/base.py",
    "AUTH_PASSWORD_VALIDATORS = [",
    'PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]\nAUTH_PASSWORD_VALIDATORS = [',
)
SOON = ("app/accounts/limits.py", "PEOPLE_PER_ADDRESS = 500", f"PEOPLE_PER_ADDRESS = {PEOPLE}")  # who floods is through
ADDRESSES: dict[str, Callable[[int], str]] = {
    "v4": lambda _: "203.0.113.9",
    "v6": lambda number: f"2001:db8:1:2::{number:x}",  # everybody with an address of their own
}


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack with two schools of pupils, none of whom was ever there."""
    root = changed_checkout(tmp_path_factory.mktemp("cheap") / "checkout", CHEAP, SOON)
    with running_stack(tmp_path_factory.mktemp("school"), root=root) as running:
        asyncio.run(running.manage("shell", "-c", PUPILS))
        yield running


def way(stack: RunningStack, line: str) -> Way:
    """Give the way of this line's people, each to an instance."""
    return lambda number: elsewhere(stack, number, ADDRESSES[line](number))


async def stay(stack: RunningStack, number: int, client: str, cookie: str, everybody: asyncio.Barrier) -> int:
    """Chat; come back to the other instance if this one is drained; return how often one had to connect."""
    async with connect(elsewhere(stack, number, client), cookie) as socket:
        await socket.welcome()
        await socket.join("lobby")
        await socket.echo("lobby", f"pupil {number}")
        await everybody.wait()
        if number % 2:
            await socket.fence()
            return 1
        await drained(socket)
    async with connect(elsewhere(stack, 1, client), cookie) as socket:
        await socket.welcome()
        await socket.join("lobby")
        await socket.echo("lobby", f"pupil {number} is back")
        return 2


@pytest.mark.parametrize("line", ["v4", pytest.param("v6", marks=pytest.mark.release)])
async def test_a_school_behind_one_address(school: RunningStack, line: str) -> None:
    """All log in, chat, come back after a drain and log in again, while two of them guess passwords and flood."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(64))  # of requests at once
    here = way(school, line)
    attackers = Attackers(here)
    floods = [attackers.come(number) for number in range(FLOODS)]
    async with asyncio.timeout(240), under_way(*floods):
        async with under_way(attackers.guess(limits.TRIES_PER_ADDRESS // 2)):
            cookies = await log_in_all(here, line)
        async with under_way(attackers.guess(10**6)):
            everybody = asyncio.Barrier(SCHOOL + 1)
            async with asyncio.TaskGroup() as group:
                people = [
                    group.create_task(stay(school, number, ADDRESSES[line](number), cookie, everybody))
                    for number, cookie in enumerate(cookies)
                ]
                await everybody.wait()
                os.kill(school.instances[0].pid, signal.SIGHUP)
            assert Counter(one.result() for one in people) == {1: SCHOOL // 2, 2: SCHOOL // 2}
            await attackers.locked.wait()
            assert len(set(await log_in_all(here, line))) == SCHOOL
            await attackers.has_flooded.wait()
    # Over both instances, whichever of them was asked.
    assert set(attackers.flood) == {302, 429}
    assert attackers.flood[302] <= PEOPLE


async def sign_up(stack: RunningStack, number: int) -> Reply:
    """Sign up on the first instance, each from an address of one's own."""
    client = HttpClient(elsewhere(stack, 0, f"198.51.100.{number}"), timeout=PATIENCE)
    fields = {"username": f"eva-{number}", "name": "Eva", "password1": PASSWORD, "password2": PASSWORD}
    return await client.post("/accounts/signup/", fields)


async def test_sign_ups_starve_no_log_in(stack: RunningStack) -> None:
    """Forty at once: some wait, the others are told when to come again, and a log-in goes before those that wait."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(64))
    code = f"from accounts.models import User; User.objects.create_user('mia', password={PASSWORD!r})"
    await stack.manage("shell", "-c", code)
    before = stack.measured(0).get('parley_turned_away_total{limit="sign-ups"}', 0)
    signing = [asyncio.create_task(sign_up(stack, number)) for number in range(40)]
    await asyncio.wait(signing, return_when=asyncio.FIRST_COMPLETED)
    async with connect(elsewhere(stack, 0, "203.0.113.77"), await HttpClient(stack.pinned(0)).guest("Mia")) as socket:
        await socket.welcome()
        waiting = sum(not one.done() for one in signing)
        await socket.write("login", ref="1", username="mia", password=PASSWORD)
        assert (await socket.expect_ref("1", 60))["type"] == "welcome"
        left = sum(not one.done() for one in signing)
        assert waiting - left <= 2 or left == 0  # the one that was being hashed, and one that ended meanwhile
    replies = await asyncio.gather(*signing)
    statuses = Counter(reply.status for reply in replies)
    assert set(statuses) == {302, 503}
    assert statuses[302] >= limits.SIGN_UPS_WAITING
    assert {reply.headers["retry-after"] for reply in replies if reply.status == 503} == {"5"}
    after = stack.measured(0)['parley_turned_away_total{limit="sign-ups"}']
    assert after - before == statuses[503]


def threads(pid: int) -> int:
    """Return how many threads a process has now."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


async def test_pages_at_once_are_a_bounded_number_of_threads(stack: RunningStack) -> None:
    """Of 180 each is answered, by no more threads than are allowed."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(200))
    (worker,) = stack.instances[0].workers()
    before, most = threads(worker), 0
    client = elsewhere(stack, 0, "203.0.113.80")
    asked = [asyncio.create_task(HttpClient(client, timeout=PATIENCE).get("/accounts/login/")) for _ in range(180)]
    while not all(one.done() for one in asked):
        most = max(most, threads(worker))
        await asyncio.sleep(0)
    assert Counter(one.result().status for one in asked) == {200: 180}
    assert most <= before + 2 * PAGES_AT_ONCE  # one that ends is still there while the next one begins
