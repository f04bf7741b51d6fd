"""What a client and an instance see of the rendered configuration, through a real nginx."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.model.config import Config
from deploy.text import render
from deploy.text.render import NginxSite
from parley_serving.edge import Edge
from parley_serving.protocol import SECONDS
from tests.waiting import PATIENCE

Front = Any  # conftest.Front: a conftest cannot be imported
Fronts = Callable[..., Awaitable[Front]]


async def test_a_refused_instance_is_passed_over_by_pages_posts_and_handshakes(front: Front) -> None:
    """Nobody notices that an instance has closed its listener."""
    await front.instances[0].refuse()
    for _ in range(6):
        assert (await front.ask("/")).seen["name"] == "web-2"
        assert (await front.ask("/", method="POST", body=b"x")).seen["name"] == "web-2"
        status, reader, writer = await front.upgrade()
        writer.write(b"hello")
        assert (status, await reader.readexactly(len("web-2 heard hello"))) == (101, b"web-2 heard hello")


async def test_a_roll_of_both_instances_answers_everything(front: Front) -> None:
    """One after the other refuses and returns, under load: no 502, and the one that returned is used at once."""
    for rolled in front.instances:
        await rolled.refuse()
        during = await asyncio.gather(*(front.ask("/") for _ in range(30)))
        assert Counter(answer.status for answer in during) == {200: 30}
        rolled.path.unlink()
        await rolled.open()
        after = [await front.ask("/") for _ in range(10)]
        assert {answer.seen["name"] for answer in after} == {"web-1", "web-2"}


async def test_an_instance_that_has_no_socket_file_is_passed_over(front: Front) -> None:
    """An instance that never started is no different from one that stopped."""
    await front.instances[1].refuse()
    front.instances[1].path.unlink()
    assert {(await front.ask("/")).seen["name"] for _ in range(6)} == {"web-1"}


async def test_what_the_app_trusts_is_overwritten(front: Front) -> None:
    """A client's own forwarding headers never reach an instance; Host keeps its port."""
    forged = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: http\r\nX-Request-ID: forged\r\nX-Nginx-Worker: 1\r\n"
    forged += "X-Nginx-Connection-Time: 9999.000\r\n"
    for path in ("/", "/ws/chat/"):
        assert_own((await front.ask(path, headers=forged)).seen["headers"], front.port, "close")
    await front.upgrades(1, lambda _: forged)
    [headers] = [headers for instance in front.instances for headers in instance.upgraded]
    assert_own(headers, front.port, "upgrade")
    assert headers["x-nginx-worker"].isdecimal()  # of the handshake: no page is asked for it
    assert headers["x-nginx-worker"] != "1"
    assert SECONDS.fullmatch(headers["x-nginx-connection-time"])
    assert float(headers["x-nginx-connection-time"]) < 100


def assert_own(headers: dict[str, str], port: int, connection: str) -> None:
    """What stands there is nginx's own word."""
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["host"] == f"localhost:{port}"
    assert len(headers["x-request-id"]) == 32
    assert headers["connection"] == connection


async def test_an_instance_hears_of_a_reload(fronts: Fronts, folder: Path, site: NginxSite) -> None:
    """By the rendered listener: its idle connection ends, a WebSocket connection does not, and a new worker answers."""
    place = f"unix:{folder}/the edge.sock"
    front = await fronts(inside=place)
    heard: asyncio.Queue[float] = asyncio.Queue()
    edge = Edge(place, {}, left=heard.put_nowait)
    running = asyncio.create_task(edge.run())
    async with asyncio.timeout(PATIENCE):
        while not edge.is_connected:  # noqa: ASYNC110 (it has no event)
            await asyncio.sleep(0.01)
        status, reader, writer = await front.upgrade()
        before = set(edge.workers)
        os.kill(int((Path(site.run) / "nginx.pid").read_text()), signal.SIGHUP)
        assert await heard.get() <= asyncio.get_running_loop().time()
        assert set(edge.workers) - before
        writer.write(b"hello")
        assert status == 101
        assert (await reader.read(100)).endswith(b" heard hello")
    running.cancel()
    await asyncio.wait({running})


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
async def test_no_upgrade_passes_outside_the_socket_path(front: Front, upgrade: str) -> None:
    """A socket under another path would escape the limits per address, and h2c every rule."""
    reader, writer = await front.connect()
    writer.write(f"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\r\n".encode())
    assert b" 200 " in await reader.readline()


async def test_only_a_websocket_upgrade_passes_on_the_socket_path(front: Front) -> None:
    """The fake instance upgrades whatever it is asked to: nginx must not ask."""
    reader, writer = await front.connect()
    writer.write(b"GET /ws/chat/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert b" 200 " in await reader.readline()


async def test_metrics_are_not_served(front: Front) -> None:
    """The answer is nginx's own: no instance is asked."""
    for path in ("/metrics", "/metrics?x=1", "//metrics", "/static/../metrics", "/%6detrics"):
        answer = await front.ask(path)
        assert answer.status == 404, path
        assert b"nginx" in answer.body


async def test_only_hashed_names_are_cached_for_ever(front: Front, folder: Path) -> None:
    """A name without its content's hash is asked for again each time."""
    for name in ("page.0123456789ab.js", "page.js", "page.0123456789ab.min.js", "page.0123456789xy.js"):
        (folder / "static" / name).write_text("export {};")
    hashed = await front.ask("/static/page.0123456789ab.js")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["content-type"] == "text/javascript"
    assert hashed.headers["x-content-type-options"] == "nosniff"
    for name in ("page.js", "page.0123456789ab.min.js", "page.0123456789xy.js"):
        assert (await front.ask(f"/static/{name}")).headers["cache-control"] == "no-cache", name
    missing = await front.ask("/static/gone.0123456789ab.js")
    assert (missing.status, missing.headers.get("cache-control")) == (404, None)


async def test_static_serves_nothing_above_its_folder(front: Front) -> None:
    """The secret key lies one folder up."""
    for path in ("/static/../nginx/nginx.conf", "/static/..%2fnginx/nginx.conf", "/static../nginx/nginx.conf"):
        answer = await front.ask(path)
        assert b"worker_processes" not in answer.body, path


async def test_plain_http_is_sent_to_https_on_the_same_port(front: Front) -> None:
    """Somebody types the address without https."""
    answer = await front.ask("/rooms/lobby/?a=b", tls=False)
    assert answer.status == 308
    assert answer.headers["location"] == f"https://localhost:{front.port}/rooms/lobby/?a=b"


async def test_a_body_above_the_limit_is_refused_and_one_at_the_limit_passes(fronts: Fronts) -> None:
    """The limit is the one that Django has."""
    front = await fronts(Config.model_validate({"app": {"body_bytes": 2048}}))
    assert (await front.ask("/", method="POST", body=b"x" * 2048)).status == 200
    assert (await front.ask("/", method="POST", body=b"x" * 2049)).status == 413


async def test_one_address_gets_so_many_sockets_and_no_more(fronts: Fronts) -> None:
    """The third of two is told 429, and gets a place when one ends."""
    front = await fronts(Config.model_validate({"nginx": {"sockets_per_address": 2}}), unlimited=())
    (first, _, writer), (second, _, _) = await front.upgrade(), await front.upgrade()
    third, _, _ = await front.upgrade()
    assert (first, second, third) == (101, 101, 429)
    writer.close()
    async with asyncio.timeout(PATIENCE):
        while (await front.upgrade())[0] != 101:  # noqa: ASYNC110 (nginx says nothing when it frees a place)
            await asyncio.sleep(0.02)


async def test_one_address_shakes_hands_so_fast_and_no_faster(fronts: Fronts) -> None:
    """One and a burst of two pass, of ten at once; pages are not counted."""
    config = Config.model_validate({"nginx": {"handshakes_per_second": 1, "handshakes_burst": 2}})
    front = await fronts(config, unlimited=())
    answers = await front.upgrades(10)
    assert Counter(status for status, _, _ in answers) == {101: 3, 429: 7}
    assert (await front.ask("/")).status == 200


async def test_loopback_is_exempt(fronts: Fronts) -> None:
    """On one machine, everybody has the same address."""
    config = Config.model_validate(
        {"nginx": {"sockets_per_address": 1, "handshakes_per_second": 1, "handshakes_burst": 1}}
    )
    front = await fronts(config)
    answers = await front.upgrades(10)
    assert Counter(status for status, _, _ in answers) == {101: 10}


async def test_the_log_holds_no_query(front: Front, folder: Path) -> None:
    """A query string can carry a secret."""
    assert (await front.ask("/page?token=secret")).status == 200
    log = folder / "log" / "access.log"
    async with asyncio.timeout(PATIENCE):
        while '"GET /page HTTP/1.1" 200' not in log.read_text():  # noqa: ASYNC110 (a file has no event)
            await asyncio.sleep(0.02)
    assert "secret" not in log.read_text()


async def test_hsts_is_sent_where_the_certificate_is_an_authoritys(fronts: Fronts, folder: Path) -> None:
    """On pages and files, for all names but that of everybody's own machine."""
    (folder / "tls" / "authority.conf").write_text(render.AUTHORITY)
    front = await fronts(Config.model_validate({"nginx": {"hsts_seconds": 300}}))
    (folder / "static" / "page.js").write_text("export {};")
    for path in ("/", "/static/page.js"):
        answer = await front.ask(path, host="chat.example")
        assert answer.headers["strict-transport-security"] == "max-age=300", path
        assert "strict-transport-security" not in (await front.ask(path)).headers, path


async def test_hsts_is_not_sent_with_a_self_signed_certificate(fronts: Fronts) -> None:
    """A browser would refuse it for good."""
    front = await fronts()
    assert "strict-transport-security" not in (await front.ask("/", host="chat.example")).headers


async def test_hsts_can_be_turned_off(fronts: Fronts, folder: Path) -> None:
    """Whoever signed the certificate."""
    (folder / "tls" / "authority.conf").write_text(render.AUTHORITY)
    front = await fronts(Config.model_validate({"nginx": {"hsts_seconds": 0}}))
    assert "strict-transport-security" not in (await front.ask("/", host="chat.example")).headers
