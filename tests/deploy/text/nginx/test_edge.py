"""What only an installed edge has, through a real nginx: plain http, a balancer in front, lines for machines."""

import asyncio
import json
import os
import signal
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.model.config import Config
from deploy.stacks.local.layout import Layout
from tests.deploy.operations.doctor import certificates
from tests.running import free_port
from tests.waiting import PATIENCE

Front = Any  # conftest.Front: a conftest cannot be imported
Fronts = Callable[..., Awaitable[Front]]


async def plain(port: int, path: str, host: str = "localhost") -> tuple[int, dict[str, str], bytes]:
    """Ask over plain http; return status, headers in small letters, and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


@pytest.mark.parametrize(("port", "written"), [(443, ""), (8443, ":8443")])
async def test_plain_http_is_sent_to_https_on_its_own_port(fronts: Fronts, port: int, written: str) -> None:
    """443 is not written; the host is the one that was asked for, without its port, and the query stays."""
    http = free_port()
    site = {"port": port, "hosts": ["chat.lan"]}
    await fronts(Config.model_validate({"site": site}), http_listen=(f"127.0.0.1:{http}",))
    for host, name in (("chat.lan", "chat.lan"), ("chat.lan:80", "chat.lan"), ("[::1]:80", "[::1]")):
        status, headers, _ = await plain(http, "/rooms/lobby/?a=b", host)
        assert (status, headers["location"]) == (308, f"https://{name}{written}/rooms/lobby/?a=b")


async def test_a_certificate_authority_is_answered_over_plain_http(fronts: Fronts, folder: Path) -> None:
    """It follows no redirect to a certificate that is not there yet; and nothing but its challenges is served."""
    acme, http = folder / "acme", free_port()
    acme.mkdir()
    (acme / "token").write_text("the answer")
    (folder / "secret_key").write_text("secret")
    await fronts(http_listen=(f"127.0.0.1:{http}",), acme=str(acme))
    status, headers, body = await plain(http, "/.well-known/acme-challenge/token")
    assert (status, headers["content-type"], body) == (200, "text/plain", b"the answer")
    for path in ("other", "../secret_key", "..%2fsecret_key", ""):
        status, _, body = await plain(http, f"/.well-known/acme-challenge/{path}")
        assert b"secret" not in body
        assert status in {308, 400, 403, 404}, path


async def test_without_it_there_is_no_such_place(fronts: Fronts) -> None:
    """A challenge is a path like any other."""
    http = free_port()
    await fronts(http_listen=(f"127.0.0.1:{http}",))
    assert (await plain(http, "/.well-known/acme-challenge/token"))[0] == 308


@pytest.mark.parametrize(
    ("networks", "seen"),
    [
        ([], "127.0.0.1"),
        (["10.0.0.0/8"], "127.0.0.1"),  # whoever asks is no balancer of ours
        (["127.0.0.0/8"], "203.0.113.9"),
        (["127.0.0.0/8", "203.0.113.9"], "198.51.100.7"),
    ],
    ids=["none", "another", "one", "two"],
)
async def test_a_balancers_word_counts_and_a_clients_does_not(fronts: Fronts, networks: list[str], seen: str) -> None:
    """The last address that no balancer of ours has: what stands left of it is what the client wrote."""
    front = await fronts(Config.model_validate({"site": {"trusted_proxies": networks}}), unlimited=())
    forwarded = "X-Forwarded-For: 6.6.6.6, 198.51.100.7, 203.0.113.9\r\n"
    for path in ("/", "/ws/chat/"):
        assert (await front.ask(path, headers=forwarded)).seen["headers"]["x-forwarded-for"] == seen


BEHIND = {
    "tls": "none",
    "hosts": ["chat.lan"],
    "public": "https://chat.lan:444",
    "trusted_proxies": ["127.0.0.9", "203.0.113.0/24"],
}


async def from_address(source: str, port: int, headers: str = "", path: str = "/rooms/?a=b") -> tuple[int, str, bytes]:
    """Ask from an address of this machine; return status, Location and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: chat.lan\r\n{headers}Connection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    first, *lines = head.decode().split("\r\n")
    named = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), named.get("location", ""), body


async def test_behind_a_proxy_nobody_else_is_served(fronts: Fronts) -> None:
    """Plain http is taken from the proxies that are named and from this machine's own tools."""
    front = await fronts(Config.model_validate({"site": BEHIND}), unlimited=())
    for path in ("/", "/ws/chat/", "/static/any.css", "/healthz", "/metrics"):
        for claim in ("", "X-Forwarded-For: 127.0.0.9\r\n", "X-Forwarded-Proto: https\r\n"):
            assert (await from_address("127.0.0.8", front.port, claim, path))[0] == 403, path
    assert (await from_address("127.0.0.9", front.port))[0] == 200


async def test_behind_another_machine_s_proxy_only_this_machine_s_tools_are_served(fronts: Fronts) -> None:
    """They never say that somebody is behind them; a proxy on this machine that nobody named does."""
    config = Config.model_validate({"site": {**BEHIND, "trusted_proxies": ["203.0.113.0/24"]}})
    front = await fronts(config, unlimited=())
    for claim, status in (("", 200), ("127.0.0.1", 200), ("198.51.100.7", 403), ("127.0.0.1, 198.51.100.7", 403)):
        forwarded = f"X-Forwarded-For: {claim}\r\n" if claim else ""
        assert (await from_address("127.0.0.1", front.port, forwarded))[0] == status, "its own tools, and no proxy"


@pytest.mark.parametrize("named", ["127.0.0.1", "::1", "127.0.0.0/8"])
async def test_a_proxy_on_this_machine_is_believed_by_either_family(fronts: Fronts, named: str, site: Any) -> None:
    """`localhost` in its file may be either; who is believed by one alone would have no limit by the other."""
    port = int(site.listen[0].rpartition(":")[2])
    config = Config.model_validate({"site": {"tls": "none", "trusted_proxies": [named]}})
    await fronts(config, listen=(f"127.0.0.1:{port}", f"[::1]:{port}"))
    for source in ("127.0.0.1", "::1"):
        reader, writer = await asyncio.open_connection(source, port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 198.51.100.7\r\nConnection: close\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 200")
        assert json.loads(body)["headers"]["x-forwarded-for"] == "198.51.100.7"


async def test_behind_a_proxy_its_words_count(fronts: Fronts) -> None:
    """How the visitor came, and from where; the app hears nothing else, and no client of the proxy can say so."""
    front = await fronts(Config.model_validate({"site": BEHIND}), unlimited=())
    for said, scheme in (("https", "https"), ("", "https"), ("HTTPS", "https"), ("wss", "https")):
        proto = f"X-Forwarded-Proto: {said}\r\n" if said else ""
        status, _, body = await from_address(
            "127.0.0.9", front.port, f"X-Forwarded-For: 6.6.6.6, 198.51.100.7\r\n{proto}"
        )
        assert status == 200
        seen = json.loads(body)["headers"]
        assert (seen["x-forwarded-proto"], seen["x-forwarded-for"]) == (scheme, "198.51.100.7")
    for said in ("http", "HTTP", "http, https"):
        status, location, _ = await from_address("127.0.0.9", front.port, f"X-Forwarded-Proto: {said}\r\n")
        assert (status, location) == (308, "https://chat.lan:444/rooms/?a=b")
    elsewhere = "X-Forwarded-Proto: http\r\nX-Forwarded-Host: elsewhere.example\r\n"
    assert (await from_address("127.0.0.9", front.port, elsewhere))[1] == "https://chat.lan:444/rooms/?a=b"


async def test_the_probe_has_a_port_of_its_own_behind_a_proxy(fronts: Fronts) -> None:
    """On Compose it has an address of Docker's, which no proxy may have."""
    beside = free_port()
    front = await fronts(Config.model_validate({"site": BEHIND}), beside=beside)
    assert (await from_address("127.0.0.8", beside))[0] == 200
    assert (await from_address("127.0.0.8", front.port))[0] == 403


@pytest.mark.parametrize(("source", "seen"), [("127.0.0.9", "198.51.100.7"), ("127.0.0.8", "127.0.0.8")])
async def test_the_proxy_protocol_says_who_comes(fronts: Fronts, source: str, seen: str) -> None:
    """From a balancer of ours; what anybody else writes there is not believed, nor is a header in either case."""
    port = free_port()
    config = Config.model_validate({"site": {"trusted_proxies": ["127.0.0.9"]}})
    await fronts(config, proxied_listen=(f"127.0.0.1:{port}",), unlimited=())
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    writer.write(b"PROXY TCP4 198.51.100.7 203.0.113.1 50000 443\r\n")
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    await writer.start_tls(trust, server_hostname="localhost")
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(body)["headers"]["x-forwarded-for"] == seen


async def test_the_proxy_protocol_without_tls(fronts: Fronts) -> None:
    """From a balancer that ends TLS itself: as at the other port, nobody else is served."""
    port = free_port()
    await fronts(Config.model_validate({"site": BEHIND}), proxied_listen=(f"127.0.0.1:{port}",), unlimited=())
    for source, status in (("127.0.0.9", b"200"), ("127.0.0.8", b"403")):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        writer.write(b"PROXY TCP4 198.51.100.7 203.0.113.1 50000 443\r\n")
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert head.split()[1] == status
        if status == b"200":
            seen = json.loads(body)["headers"]
            assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("198.51.100.7", "https")


async def test_limits_count_who_is_behind_the_balancer(fronts: Fronts) -> None:
    """Two people, one balancer: each has a socket, and none has two."""
    tables = {"site": {"trusted_proxies": ["127.0.0.0/8"]}, "nginx": {"sockets_per_address": 1}}
    front = await fronts(Config.model_validate(tables), unlimited=())
    statuses = []
    for person in ("203.0.113.1", "203.0.113.2", "203.0.113.1"):
        reader, writer = await front.connect()
        ask = "GET /ws/chat/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        writer.write(f"{ask}X-Forwarded-For: {person}\r\n\r\n".encode())
        statuses.append(int((await reader.readline()).split()[1]))
    assert statuses == [101, 101, 429]


async def test_limits_count_a_line_of_ipv6_once(fronts: Fronts) -> None:
    """The /64 is the key, also where its bytes are a newline or no text; the next line is another one."""
    tables = {"site": {"trusted_proxies": ["127.0.0.0/8"]}, "nginx": {"sockets_per_address": 1}}
    front = await fronts(Config.model_validate(tables), unlimited=())
    statuses, kept = {}, []
    for person in ("2001:db8:0:a0a::1", "2001:db8:0:a0a:ffff:a0a:ff:a0a", "2001:db8:0:a0b::1", "10.10.10.10"):
        reader, writer = await front.connect()
        ask = "GET /ws/chat/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        writer.write(f"{ask}X-Forwarded-For: {person}\r\n\r\n".encode())
        statuses[person] = int((await reader.readline()).split()[1])
        kept.append(writer)
    assert list(statuses.values()) == [101, 429, 101, 101]


async def test_a_line_for_machines_is_json_whatever_is_asked(fronts: Fronts, folder: Path) -> None:
    """With the names that the app's lines have, and no query."""
    front = await fronts(Config.model_validate({"app": {"log_format": "json"}}))
    await front.ask('/a"b%22%0a\\ü?key=secret')
    await front.ask("/static/gone")
    log = folder / "log" / "access.log"
    async with asyncio.timeout(PATIENCE):
        while len(lines := log.read_text().splitlines()) < 2:  # noqa: ASYNC110 (a file has no event)
            await asyncio.sleep(0.02)
    assert "secret" not in "".join(lines)
    asked, missing = (json.loads(line) for line in lines)
    assert (asked["logger"], asked["path"], asked["status"]) == ("nginx.access", '/a"b"\n\\ü', 200)
    assert asked["upstream"].startswith("unix:")
    assert (missing["status"], missing["upstream"], missing["address"]) == (404, "", "127.0.0.1")


async def test_a_reload_serves_the_certificate_of_the_disk_whenever_it_was_written(front: Front, folder: Path) -> None:
    """Also a second one within a second, or one whose times a tool has kept: nginx 1.27.4 would go by these."""
    layout, tmp = Layout(folder), folder / "new"
    tmp.mkdir()
    for path, data in zip((layout.certificate, layout.certificate_key), certificates.fresh(tmp), strict=True):
        before = path.stat()
        path.write_bytes(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.kill(int((layout.run / "nginx.pid").read_text()), signal.SIGHUP)
    async with asyncio.timeout(PATIENCE):
        while await served(front.port) != layout.certificate.read_text():  # noqa: ASYNC110 (a reload has no event)
            await asyncio.sleep(0.1)


async def served(port: int) -> str:
    """Return the certificate that a client is shown."""
    return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port), timeout=10)
