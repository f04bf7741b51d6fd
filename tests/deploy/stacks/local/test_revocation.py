"""Rights that end: the sockets concerned go, on every instance, and nobody else's."""

import asyncio
import secrets

import pytest

from deploy.effects.client.http_client import HttpClient, guest
from deploy.effects.client.websocket_client import Refused, Socket, connect
from tests.running import RunningStack

pytestmark = pytest.mark.stack

PASSWORD = "correct horse battery staple"
SECONDS = 30  # bound of the waits; the promise is a second


async def person(stack: RunningStack, name: str) -> None:
    """Store somebody who signed up."""
    code = f"from accounts.models import User; User.objects.create_user('{name}', password='{PASSWORD}')"
    await stack.manage("shell", "-c", code)


async def django(stack: RunningStack, code: str) -> None:
    """Do something as an admin's shell does."""
    imports = "from accounts.models import User; from chat.models import Room, Membership; "
    await stack.manage("shell", "-c", imports + code)


async def room(stack: RunningStack, slug: str, *, member: str = "", **fields: object) -> None:
    """Make a room, with a member."""
    given = ", ".join(f"{name}={value!r}" for name, value in {"slug": slug, "title": slug.title(), **fields}.items())
    belongs = f"; Membership.objects.create(room=room, user=User.objects.get(username='{member}'))" if member else ""
    await django(stack, f"room = Room.objects.create({given}){belongs}")


async def welcomed(socket: Socket) -> Socket:
    """Greet and join the lobby."""
    await socket.welcome()
    await socket.join("lobby")
    return socket


@pytest.mark.parametrize(
    ("act", "code"),
    [
        ("user.set_password('another one entirely'); user.save()", 4401),
        ("user.is_active = False; user.save()", 4401),
        ("user.banned = True; user.save()", 4403),
    ],
    ids=["password", "deactivation", "ban"],
)
async def test_what_ends_a_person_ends_their_sockets(stack: RunningStack, act: str, code: int) -> None:
    """Every socket of that person, on both instances, and only theirs."""
    name = secrets.token_hex(4)
    await person(stack, name)
    cookie = await HttpClient(stack.address).login(name, PASSWORD)
    async with connect(stack.pinned(0), cookie) as one, connect(stack.pinned(1), cookie) as two:
        await welcomed(one)
        await welcomed(two)
        await django(stack, f"user = User.objects.get(username='{name}'); {act}")
        assert await asyncio.gather(one.closed(SECONDS), two.closed(SECONDS)) == [code, code]
    async with connect(stack.pinned(0), cookie) as again:
        assert await again.closed(SECONDS) == code


async def test_removed_from_a_room(stack: RunningStack) -> None:
    """`left` with `removed`, the socket stays for its other rooms, and writing is refused."""
    await person(stack, "memo")
    await room(stack, "closed", member="memo", kind="members")
    cookie = await HttpClient(stack.address).login("memo", PASSWORD)
    async with connect(stack.pinned(0), cookie) as one, connect(stack.pinned(1), cookie) as two:
        for socket in (one, two):
            await welcomed(socket)
            await socket.join("closed")
        await one.send_text("closed", "I am in")
        await django(stack, "Membership.objects.filter(user__username='memo').delete()")
        for socket in (one, two):
            assert (await socket.expect("left", SECONDS, room="closed"))["reason"] == "removed"
            await socket.send_text("lobby", "still in the lobby")
            with pytest.raises(Refused) as refused:
                await socket.join("closed")
            assert refused.value.code == "no_such_room"


async def test_room_that_is_closed_to_the_public(stack: RunningStack) -> None:
    """Who may not read it any more is out, on every instance, and a member stays."""
    await person(stack, "mima")
    await room(stack, "plaza", member="mima", guests=True)
    member, passer = await HttpClient(stack.address).login("mima", PASSWORD), await guest(stack.address, "Passer")
    async with (
        connect(stack.pinned(0), member) as stays,
        connect(stack.pinned(0), passer) as one,
        connect(stack.pinned(1), passer) as two,
    ):
        for socket in (stays, one, two):
            await welcomed(socket)
            await socket.join("plaza")
        await django(stack, "room = Room.objects.get(slug='plaza'); room.kind = 'members'; room.save()")
        for socket in (one, two):
            assert (await socket.expect("left", SECONDS, room="plaza"))["reason"] == "removed"
            await socket.fence()  # whatever came before it
        sent = await stays.send_text("plaza", "among ourselves")
        await stays.entry("plaza", sent["seq"])
        for socket in (one, two):
            assert not [frame for frame in await socket.fence() if frame.get("room") == "plaza"]
            await socket.send_text("lobby", "still in the lobby")


async def test_room_that_is_closed_to_guests(stack: RunningStack) -> None:
    """People who signed up stay."""
    await person(stack, "nino")
    await room(stack, "patio", guests=True)
    member, passer = await HttpClient(stack.address).login("nino", PASSWORD), await guest(stack.address, "Passer")
    async with connect(stack.pinned(0), member) as stays, connect(stack.pinned(0), passer) as goes:
        for socket in (stays, goes):
            await welcomed(socket)
            await socket.join("patio")
        await django(stack, "room = Room.objects.get(slug='patio'); room.guests = False; room.save()")
        assert (await goes.expect("left", SECONDS, room="patio"))["reason"] == "removed"
        await stays.send_text("patio", "without guests")


async def test_room_deleted(stack: RunningStack) -> None:
    """`left` with `closed` for everybody in it."""
    await room(stack, "brief", guests=True)
    cookie = await guest(stack.address, "Xul")
    async with connect(stack.pinned(0), cookie) as socket:
        await socket.welcome()
        await socket.join("brief")
        await django(stack, "Room.objects.filter(slug='brief').delete()")
        assert (await socket.expect("left", SECONDS, room="brief"))["reason"] == "closed"
        with pytest.raises(Refused) as refused:
            await socket.join("brief")
        assert refused.value.code == "no_such_room"


async def test_session_that_expires(stack: RunningStack) -> None:
    """A socket outlives no session."""
    await person(stack, "exp")
    cookie = await HttpClient(stack.address).login("exp", PASSWORD)
    await django(
        stack,
        "from django.contrib.sessions.models import Session; "
        "from django.utils import timezone as t; import datetime as d; "
        f"Session.objects.filter(session_key='{cookie.split('sessionid=')[1].split(';')[0]}')"
        ".update(expire_date=t.now() + d.timedelta(seconds=10))",
    )
    async with connect(stack.pinned(0), cookie) as socket:
        await welcomed(socket)
        await socket.send_text("lobby", "not yet")
        assert await socket.closed(SECONDS) == 4401


async def test_log_in_inside_a_socket(stack: RunningStack) -> None:
    """A guest becomes somebody; the ticket gives the cookie once; other browsers notice nothing."""
    await person(stack, "ivan")
    visitor = HttpClient(stack.address)
    cookie = await visitor.guest("Before")
    other = await guest(stack.address, "Bystander")
    async with connect(stack.pinned(0), cookie) as socket, connect(stack.pinned(0), other) as bystander:
        before = (await socket.welcome())["you"]
        await socket.join("lobby")
        await welcomed(bystander)
        with pytest.raises(Refused) as refused:
            await socket.ask("login", username="ivan", password="wrong")
        assert refused.value.code == "bad_credentials"
        welcome = await socket.ask("login", username="ivan", password=PASSWORD)
        assert welcome["type"] == "welcome"
        assert welcome["you"]["name"] == "ivan"
        assert welcome["you"]["guest"] is False
        assert welcome["you"]["id"] != before["id"]
        sent = await socket.send_text("lobby", "as ivan")
        assert (await socket.entry("lobby", sent["seq"]))["author"] == {"id": welcome["you"]["id"], "name": "ivan"}
        assert (await visitor.post("/accounts/ticket/", {"ticket": welcome["ticket"]})).status == 204
        async with connect(stack.pinned(1), visitor.cookie) as again:
            assert (await again.welcome())["you"] == welcome["you"]
        assert (await visitor.post("/accounts/ticket/", {"ticket": welcome["ticket"]})).status == 400
        await bystander.send_text("lobby", "nothing happened to me")


async def test_log_in_inside_a_socket_keeps_no_room_of_the_one_before(stack: RunningStack) -> None:
    """Anna's room is left when her socket becomes Bert's, who is no member; the lobby, which is his too, is kept."""
    await person(stack, "anna")
    await person(stack, "bert")
    await room(stack, "annas", member="anna", kind="members")
    cookie = await HttpClient(stack.address).login("anna", PASSWORD)
    async with connect(stack.pinned(0), cookie) as socket, connect(stack.pinned(0), cookie) as still:
        for one in (socket, still):
            await welcomed(one)
            await one.join("annas")
        await socket.ask("login", username="bert", password=PASSWORD)
        assert (await socket.expect("left", SECONDS, room="annas"))["reason"] == "removed"
        await socket.fence()  # whatever came before it
        with pytest.raises(Refused) as refused:
            await socket.join("annas")
        assert refused.value.code == "no_such_room"
        secret = await still.send_text("annas", "for members only")
        await still.entry("annas", secret["seq"])  # delivered here, so to whoever reads it in this process
        assert not [frame for frame in await socket.fence() if frame.get("room") == "annas"]
        sent = await socket.send_text("lobby", "as bert")
        assert (await socket.entry("lobby", sent["seq"]))["author"]["name"] == "bert"


async def test_log_out_inside_a_socket(stack: RunningStack) -> None:
    """The session ends on every instance; this socket goes on as a guest with a ticket of its own."""
    await person(stack, "judit")
    cookie = await HttpClient(stack.address).login("judit", PASSWORD)
    async with connect(stack.pinned(0), cookie) as one, connect(stack.pinned(1), cookie) as two:
        await welcomed(one)
        await welcomed(two)
        welcome = await one.ask("logout")
        assert welcome["you"]["guest"] is True
        assert welcome["ticket"]
        assert await two.closed(SECONDS) == 4401
        await one.join("lobby")
        await one.send_text("lobby", "as a guest")
    async with connect(stack.pinned(0), cookie) as again:
        assert await again.closed(SECONDS) == 4401


@pytest.mark.parametrize("how", ["the form", "the admin"])
async def test_another_name_reaches_open_sockets(stack: RunningStack, how: str) -> None:
    """A guest who takes another name: the sockets on both instances have it, and so has what they write."""
    visitor = HttpClient(stack.address)
    old, new = f"Old {secrets.token_hex(4)}", f"New {secrets.token_hex(4)}"
    cookie = await visitor.guest(old)
    watching = await guest(stack.address, "Watcher")
    async with (
        connect(stack.pinned(0), cookie) as one,
        connect(stack.pinned(1), cookie) as two,
        connect(stack.pinned(0), watching) as near,
        connect(stack.pinned(1), watching) as far,
    ):
        me = (await one.welcome())["you"]["id"]
        for socket in (two, near, far):
            await socket.welcome()
        for socket in (one, two, near, far):
            await socket.join("lobby")
        if how == "the form":
            assert (await visitor.post("/accounts/guest/", {"name": new})).status == 302
        else:
            await django(stack, f"user = User.objects.get(pk={me}); user.name = {new!r}; user.save()")
        for socket in (near, far):
            await socket.until(
                lambda frame: {"id": me, "name": new, "guest": True} in frame.get("joined", ()), SECONDS, "the name"
            )
        for socket in (one, two):
            seq = (await socket.send_text("lobby", "who am I"))["seq"]
            assert (await far.entry("lobby", seq))["author"] == {"id": me, "name": new, "guest": True}
        assert {"id": me, "name": new, "guest": True} in (await near.join("lobby"))["present"]


async def test_tries_are_limited(stack: RunningStack) -> None:
    """After five wrong passwords the right one is not looked at either, and is told when."""
    await person(stack, "karla")
    cookie = await guest(stack.address, "Guesser")
    async with connect(stack.pinned(0), cookie) as socket:
        await socket.welcome()
        codes = []
        for password in ["wrong"] * 5 + [PASSWORD]:
            with pytest.raises(Refused) as refused:
                await socket.ask("login", username="karla", password=password)
            codes.append(refused.value.code)
        assert codes == ["bad_credentials"] * 5 + ["rate_limited"]
        assert refused.value.frame["retry_ms"] > 60_000


async def test_a_log_in_through_the_admin_s_page_ends_the_session_before(stack: RunningStack) -> None:
    """Its sockets close on both instances, as by our own page: long before sessions are read again."""
    await django(stack, f"User.objects.create_superuser('boss', password='{PASSWORD}')")
    visitor = HttpClient(stack.address)
    cookie = await visitor.guest("Before")
    async with connect(stack.pinned(0), cookie) as one, connect(stack.pinned(1), cookie) as two:
        await welcomed(one)
        await welcomed(two)
        form = {"username": "boss", "password": PASSWORD, "next": "/admin/"}
        assert (await visitor.post("/admin/login/", form)).status == 302
        assert await asyncio.gather(one.closed(SECONDS), two.closed(SECONDS)) == [4401, 4401]
