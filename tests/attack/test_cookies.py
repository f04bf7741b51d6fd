"""Two cookies of one name, through the real server: a page and a socket take the same one."""

from pathlib import Path

import pytest

from deploy.effects.client.http_client import HttpClient, guest
from deploy.effects.client.websocket_client import Hangup, connect
from tests.running import RunningStack, changed_checkout, running_stack

pytestmark = pytest.mark.stack


async def test_of_two_sessions_the_first_counts_everywhere(stack: RunningStack) -> None:
    """Who has a good one and a forged one is somebody on both, or nobody on both."""
    own = (await guest(stack.address, "Twice")).partition("sessionid=")[2].partition(";")[0]
    for first, second, is_known in ((own, "forged", True), ("forged", own, False)):
        cookie = f"sessionid={first}; sessionid={second}"
        page = await HttpClient(stack.address).get("/", {"Cookie": cookie})
        assert page.status == (200 if is_known else 302)
        async with connect(stack.address, cookie) as socket:
            if is_known:
                await socket.welcome()
            else:
                with pytest.raises(Hangup) as hangup:
                    await socket.welcome()
                assert hangup.value.code == 4401


async def test_another_sites_cookie_is_nobodys_here(tmp_path: Path) -> None:
    """With a prefix of its own a site knows its session by that name, and no cookie of the host's other site."""
    root = changed_checkout(tmp_path / "c", ("parley.toml", 'cookie_prefix = "" ', 'cookie_prefix = "__Host-" '))
    with running_stack(tmp_path / "stack", root=root) as stack:
        visitor = HttpClient(stack.address)
        cookie = await visitor.guest("Prefixed")
        assert visitor.cookies.keys() == {"__Host-csrftoken", "__Host-sessionid", "__Host-sessionid_people"}
        async with connect(stack.address, f"sessionid=other; {cookie}") as socket:
            await socket.welcome()
        async with connect(stack.address, cookie.replace("__Host-", "")) as socket:
            with pytest.raises(Hangup) as hangup:
                await socket.welcome()
            assert hangup.value.code == 4401
