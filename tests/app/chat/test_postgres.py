"""On PostgreSQL: what is limited is so however many ask at once, and no text is too long for its column."""

import json
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.app.chat.test_log_postgres import run
from tests.postgres import running_cluster


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A migrated database of our own."""
    with running_cluster() as directory:
        address = f"postgres://parley@{quote(str(directory), safe='')}/postgres"
        run([sys.executable, "manage.py", "migrate", "-v", "0"], address)
        yield address


AT_ONCE = """
import django; django.setup()
from concurrent.futures import ThreadPoolExecutor
from django.db import connection
from accounts.models import User
from chat import limits
from chat.models import Made, Room
from chat.services import TooMany, room_create

eve = User.objects.create(username="eve", name="Eve")
connection.close()

def make(number):
    try:
        room_create(title=f"Room {number}", kind=Room.Kind.PUBLIC, creator=eve)
    except TooMany:
        return 0
    finally:
        connection.close()  # back to the pool
    return 1

with ThreadPoolExecutor(8) as threads:
    made = sum(threads.map(make, range(limits.ROOMS_A_DAY + 20)))
print(made, Room.objects.count(), Made.objects.count(), limits.ROOMS_A_DAY)
"""


def test_many_rooms_at_once_are_counted_one_by_one(url: str) -> None:
    """Eight threads on eight connections make no room too many."""
    assert len(set(run([sys.executable, "-c", AT_ONCE], url).split())) == 1


LONGER = """
import asyncio, json, sys
sys.path.append("..")  # the tests' own
import django; django.setup()
from django.test import Client
from accounts.models import LoginTry, User
from chat.runtime import runtime
from tests.app.chat.seat import seated

client = Client(raise_request_exception=False, HTTP_HOST="localhost")
SIGN_UP = {"password1": "a long enough one", "password2": "a long enough one"}
answers = {}
TEXTS = {"sharp": "\\u00df" * 76, "most": "\\u00df" * 150, "ligature": "\\ufdfa" * 150, "dotted": "\\u0130" * 150}
for name, text in TEXTS.items():
    answers[name] = [
        client.post("/accounts/login/", {"username": text, "password": "x"}).status_code,
        client.post("/admin/login/?next=/admin/", {"username": text, "password": "x"}).status_code,
        client.post("/accounts/signup/", {"username": text, **SIGN_UP}).status_code,
        Client(HTTP_HOST="localhost").post("/accounts/guest/", {"name": text}).status_code,
    ]
    User.objects.filter(username=text).delete()
    client.logout()

async def main(ada):
    seat = await seated(ada)
    for text in ("\\u00df" * 76, "\\u00df" * 150, "\\u0130" * 150):
        await seat.say("login", username=text, password="x")
    seat.leave()
    await runtime().stop()
    return [frame["code"] for frame in seat.said("error")]

answers["socket"] = asyncio.run(main(User.objects.create(username="ada", name="Ada")))
answers["longest"] = max(len(one.username) for one in LoginTry.objects.all())
print(json.dumps(answers))
"""


def test_names_that_grow_are_measured_when_they_have_grown(url: str) -> None:
    """Folding and normalising make texts longer: on no way in is it a 500, and no socket waits for a better time."""
    answers = json.loads(run([sys.executable, "-c", LONGER], url))
    assert answers == {
        "sharp": [400, 200, 302, 400],
        "most": [400, 200, 302, 400],
        "ligature": [400, 200, 400, 400],
        "dotted": [400, 200, 302, 400],
        "socket": ["bad_credentials"] * 3,
        "longest": 150,
    }


NEVER = """
import asyncio
import django; django.setup()
from accounts.models import User
from chat.log import Draft, Log, Refused
from chat.models import Room

async def main(author, room):
    log = Log(lambda _: None)
    def draft(key, text):
        return log.append(Draft(room=room, author=author, author_name="Ada", guest=False, key=key, text=text))
    sent = [draft("a", "before"), draft("b", "\\0"), draft("c", "after"), draft("\\0", "key")]
    answers = await asyncio.gather(*sent, return_exceptions=True)
    await log.close()
    print(*(one.code if isinstance(one, Refused) else one.seq for one in answers))

author = User.objects.create(username="eva", name="Eva")
asyncio.run(main(author.pk, Room.objects.create(slug="never", title="Never").pk))
"""


def test_what_the_database_cannot_hold_is_refused_alone(url: str) -> None:
    """The messages of others in its batch are stored, and nobody is told to send it again."""
    assert run([sys.executable, "-c", NEVER], url).split() == ["1", "bad_field", "2", "bad_field"]


TWO = """
import sys
import django; django.setup()
from concurrent.futures import ThreadPoolExecutor
from django.db import connection
from accounts.models import User
from chat.models import Made, Membership, Room
from chat.services import room_direct_open

ways = [(User.objects.create(username=f"one-{n}"), User.objects.create(username=f"two-{n}")) for n in range(20)]
connection.close()

def opened(way):
    try:
        return room_direct_open(opener=way[0], other=way[1]).pk
    finally:
        connection.close()  # back to the pool

with ThreadPoolExecutor(4) as threads:
    rooms = list(threads.map(opened, [one for way in ways for one in (way, way[::-1])]))
print(rooms[::2] == rooms[1::2], len(set(rooms)), Membership.objects.filter(room__in=rooms).count())
print(Made.objects.filter(by__username__regex="^(one|two)-").count())
"""


def test_two_who_open_their_room_at_once_have_one(url: str) -> None:
    """From both sides, for many pairs; each opening counts once, for one of the two."""
    assert run([sys.executable, "-c", TWO], url).split() == ["True", "20", "40", "20"]


GUESTS = """
import asyncio, json
import django; django.setup()
from accounts.models import User
from chat.log import Draft, Log
from chat.models import Entry, Room

async def main(room, *people):
    log = Log(lambda _: None)
    for one in people:
        draft = Draft(room=room.pk, author=one.pk, author_name="Admin", guest=one.guest, key="k", text="x")
        assert (await log.append(draft)).seq
    answers = [await log.read(room.pk, room.epoch, 0, 9)]
    await Entry.objects.filter(room=room).aupdate(guest=None)  # as what was written before it was stored
    answers.append(await log.read(room.pk, room.epoch, 0, 9))
    await log.close()
    print(json.dumps([[json.loads(entry)["author"].get("guest") for entry in answer] for answer in answers]))

people = User.objects.create_guest(name="Admin"), User.objects.create(username="admin", name="Admin")
asyncio.run(main(Room.objects.create(slug="guests", title="Guests", guests=True), *people))
"""


def test_who_wrote_as_a_guest_is_stored(url: str) -> None:
    """And looked up for what was written before it was."""
    assert json.loads(run([sys.executable, "-c", GUESTS], url)) == [[True, None]] * 2
