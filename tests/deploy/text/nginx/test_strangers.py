"""Projects whose sockets, streams and files lie elsewhere than the chat's, through a real nginx."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.model.config import Config
from deploy.model.paths import Paths
from deploy.text import render
from tests.waiting import PATIENCE

Front = Any  # conftest.Front: a conftest cannot be imported
Fronts = Callable[..., Awaitable[Front]]

SHORT = 1  # second that a page may be silent in these tests: a stream says nothing for longer
PIECE = bytes(64 * 1024)
LARGE = 32 * 1024 * 1024  # Linux lets a socket's buffers grow to 6 MiB, and there are two sockets on the way
EVENTS = "Accept: text/event-stream\r\n"
DOCUMENTS = ("text/html;charset=utf-8", "application/xhtml+xml", "text/XML", "image/svg+xml")
# As every answer of events leaves an instance (parley_serving/event_streams.py).
MARKED = "Content-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n"


async def heard(front: Front, path: str) -> int:
    """Ask for an upgrade; return the status that came."""
    return int((await front.upgrade(path))[0])


@pytest.mark.parametrize("sockets", ["/live/", "/live", "/"])
async def test_a_page_and_a_socket_lie_under_one_prefix(fronts: Fronts, sockets: str) -> None:
    """The Upgrade decides: the page comes with a connection that ends, and a form keeps its body and its method."""
    front = await fronts(paths=Paths(sockets=(sockets,)))
    status, reader, writer = await front.upgrade("/live/room/")
    writer.write(b"hello")
    assert (status, (await reader.read(100)).endswith(b" heard hello")) == (101, True)
    for method in ("GET", "POST"):
        answer = await front.ask("/live/room/", method=method, body=b"x" if method == "POST" else b"")
        assert (answer.status, answer.seen["line"]) == (200, f"{method} /live/room/ HTTP/1.1")
        assert "x-nginx-worker" not in answer.seen["headers"]


@pytest.mark.parametrize(
    ("sockets", "passes", "does_not"),
    [
        (("/live/", "/socket"), ("/live/a", "/socket", "/socket/a"), ("/", "/live", "/lively/", "/ws/chat/")),
        (("/räume/",), ("/r%C3%A4ume/1",), ("/raume/1",)),
        ((), (), ("/", "/ws/chat/")),
    ],
    ids=["two", "letters", "none"],
)
async def test_an_upgrade_passes_under_the_prefixes_alone(
    fronts: Fronts, sockets: tuple[str, ...], passes: tuple[str, ...], does_not: tuple[str, ...]
) -> None:
    """Elsewhere an instance is asked for a page, and gives one."""
    front = await fronts(paths=Paths(sockets=sockets))
    assert {path: await heard(front, path) for path in passes} == dict.fromkeys(passes, 101)
    assert {path: await heard(front, path) for path in does_not} == dict.fromkeys(does_not, 200)


async def test_a_prefix_without_its_slash_is_a_page_and_no_redirect(fronts: Fronts) -> None:
    """nginx would send a POST to /live on to /live/ as a GET."""
    front = await fronts(paths=Paths(sockets=("/live/",), streams=("/feed/",)))
    for path in ("/live", "/feed"):
        assert (await front.ask(path, method="POST", body=b"x")).seen["line"] == f"POST {path} HTTP/1.1"


async def test_limits_of_handshakes_leave_out_pages_of_the_same_prefix(fronts: Fronts) -> None:
    """And the other way round: pages that are refused leave the handshakes theirs."""
    numbers = {"handshakes_per_second": 1, "handshakes_burst": 2, "sockets_per_address": 4}
    front = await fronts(Config.model_validate({"nginx": numbers}), unlimited=(), paths=Paths(sockets=("/",)))
    pages = await asyncio.gather(*(front.ask("/live/") for _ in range(10)))
    assert Counter(page.status for page in pages) == {200: 10}
    sockets = await front.upgrades(10, path="/live/")
    assert Counter(status for status, _, _ in sockets) == {101: 3, 429: 7}
    assert (await front.ask("/live/")).status == 200


async def test_limits_of_pages_leave_out_handshakes_of_the_same_prefix(fronts: Fronts) -> None:
    """Ten of ten shake hands after the pages' burst."""
    numbers = {"pages_per_second": 1, "pages_burst": 2}
    front = await fronts(Config.model_validate({"nginx": numbers}), unlimited=(), paths=Paths(sockets=("/live/",)))
    pages = await asyncio.gather(*(front.ask("/live/") for _ in range(10)))
    assert Counter(page.status for page in pages) == {200: 3, 429: 7}
    sockets = await front.upgrades(10, path="/live/")
    assert Counter(status for status, _, _ in sockets) == {101: 10}


class Streaming:
    """An instance that answers with one piece at a time, each when it is told to."""

    def __init__(self, front: Front, headers: str) -> None:
        self._headers = headers
        self.said: asyncio.Queue[bytes] = asyncio.Queue()
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        for instance in front.instances:
            instance.answer = self.answer

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.put_nowait(head.partition("\r\n")[0])
        writer.write(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{self._headers}\r\n".encode())
        while piece := await self.said.get():
            writer.write(piece)
            await writer.drain()


async def until(reader: asyncio.StreamReader, text: bytes) -> bytes:
    """Read so far."""
    async with asyncio.timeout(PATIENCE):
        return await reader.readuntil(text)


async def asked(front: Front, path: str, headers: str = "", method: str = "GET") -> asyncio.StreamReader:
    """Ask, and return what the answer is read from."""
    reader, writer = await front.connect()
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n".encode())
    return reader


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nginx cut a silent page after SHORT instead of its 60 s."""
    rendered = render.nginx

    def shortened(*given: Any) -> dict[str, str]:
        files = rendered(*given)
        timeout = f"http {{\n    proxy_read_timeout {SHORT}s;\n"
        return {**files, "nginx.conf": files["nginx.conf"].replace("http {\n", timeout)}

    monkeypatch.setattr(render, "nginx", shortened)


@pytest.mark.usefixtures("short_pages")
@pytest.mark.parametrize(
    ("path", "headers"),
    [("/anywhere", EVENTS), ("/live/", EVENTS), ("/feed/", ""), ("/feed/", EVENTS)],
    ids=["asked for", "under a socket's prefix", "a stream's path", "both"],
)
async def test_events_come_one_by_one_and_silence_cuts_nothing(fronts: Fronts, path: str, headers: str) -> None:
    """Each is here before the next is said; between them passes more time than a page has."""
    front = await fronts(paths=Paths(sockets=("/live/",), streams=("/feed/",)))
    streaming = Streaming(front, "Content-Type: text/event-stream\r\n" if path == "/feed/" else MARKED)
    reader = await asked(front, path, headers)
    for number in range(3):
        streaming.said.put_nowait(b"data: %d\n\n" % number)
        assert (await until(reader, b"\n\n")).endswith(b"data: %d\n\n" % number)
        await asyncio.sleep(2 * SHORT if number == 1 else 0)  # silence itself is what is tried here
    streaming.said.put_nowait(b"")
    assert streaming.asked.qsize() == 1


@pytest.mark.parametrize("headers", [EVENTS, ""], ids=["events", "a page"])
async def test_who_asks_for_events_gets_a_page_from_the_buffers(fronts: Fronts, headers: str) -> None:
    """A slow reader holds nginx and not the instance, whatever it says that it accepts."""
    front = await fronts(paths=Paths(streams=("/feed/",)))
    whole = asyncio.Event()
    for instance in front.instances:
        instance.answer = _large(whole)
    await until(await asked(front, "/page", headers), b"\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        await whole.wait()  # and nobody has read it


def _large(whole: asyncio.Event) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Answer with more than all sockets on the way take, and say when it is all taken."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(LARGE // len(PIECE)):
            writer.write(PIECE)
            await writer.drain()
        whole.set()

    return answer


@pytest.mark.usefixtures("short_pages")
async def test_a_page_that_says_nothing_is_given_up(fronts: Fronts) -> None:
    """What the test above shortens is what cuts; a page has its time."""
    front = await fronts(paths=Paths(streams=("/feed/",)))
    Streaming(front, "")
    for instance in front.instances:
        instance.answer = _silent
    reader = await asked(front, "/feeds/", method="POST")
    assert b" 504 " in await until(reader, b"\r\n")


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_events_that_nobody_announced_are_not_kept_back(fronts: Fronts) -> None:
    """A fetch() accepts anything; the instance says that its answer is one (parley_serving/event_streams.py)."""
    front = await fronts()
    streaming = Streaming(front, MARKED)
    reader = await asked(front, "/anywhere", method="GET")
    for number in range(2):
        streaming.said.put_nowait(b"data: %d\n\n" % number)
        assert (await until(reader, b"\n\n")).endswith(b"data: %d\n\n" % number)
    streaming.said.put_nowait(b"")


async def test_a_stream_takes_the_place_of_a_socket_and_not_of_a_page(fronts: Fronts) -> None:
    """It stays as long: two of two are there, the third of either kind is refused, and a page is not."""
    numbers = {"sockets_per_address": 2, "pages_per_address": 1}
    front = await fronts(Config.model_validate({"nginx": numbers}), unlimited=())
    streaming = Streaming(front, MARKED)
    readers = [await asked(front, "/a", EVENTS) for _ in range(2)]
    for reader in readers:
        await until(reader, b"\r\n\r\n")
    assert b" 429 " in await until(await asked(front, "/a", EVENTS), b"\r\n")
    assert await heard(front, "/ws/chat/") == 429
    page = await asked(front, "/a")
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):  # the two streams, then the page
            await streaming.asked.get()
    for _ in range(3):
        streaming.said.put_nowait(b"")
    assert b" 200 " in await until(page, b"\r\n")


async def test_a_body_is_taken_up_to_its_size(fronts: Fronts) -> None:
    """The project's own number, where it has one; one byte more is refused."""
    front = await fronts(paths=Paths(body_bytes=3_000_000))
    for path in ("/upload/", "/ws/upload/"):
        assert (await front.ask(path, method="POST", body=b"x" * 3_000_000)).status == 200
        refused = await asked(front, path, "Content-Length: 3000001\r\n", method="POST")
        assert b" 413 " in await until(refused, b"\r\n")


async def test_files_are_served_where_the_project_has_them(fronts: Fronts, folder: Path) -> None:
    """Static ones under its URL, with a cache for hashed names; and what people uploaded, whose scripts do not run."""
    uploads = folder / "uploads"
    uploads.mkdir()
    (uploads / "a.pdf").write_text("%PDF")
    (uploads / "a.svg").write_text("<svg/>")
    (folder / "static" / "page.0123456789ab.js").write_text("export {};")
    (folder / "static" / "staticfiles.json").write_text("{}")
    (folder / "secret_key").write_text("secret")
    front = await fronts(paths=Paths(static_url="/assets/s/", media_url="/files/"), media=str(uploads))
    hashed = await front.ask("/assets/s/page.0123456789ab.js")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await front.ask("/assets/s/staticfiles.json")).status == 404
    pdf, svg = await front.ask("/files/a.pdf"), await front.ask("/files/a.svg")
    assert (pdf.body, pdf.headers["content-type"]) == (b"%PDF", "application/pdf")
    assert "content-security-policy" not in pdf.headers
    assert svg.headers["content-security-policy"] == "sandbox"
    assert {answer.headers["x-content-type-options"] for answer in (pdf, svg)} == {"nosniff"}
    assert (await front.ask("/static/page.0123456789ab.js")).seen["line"].startswith("GET /static/")
    for path in ("/files/../secret_key", "/files/..%2fsecret_key", "/files../secret_key"):
        assert (await front.ask(path)).body != b"secret", path


@pytest.mark.parametrize("media_url", ["/files/", ""])
async def test_a_private_file_is_sent_where_a_view_says_so(fronts: Fronts, folder: Path, media_url: str) -> None:
    """By the view's answer alone, in parts too; no address leads to it, however it is written."""
    uploads = folder / "uploads"
    (uploads / "private").mkdir(parents=True)
    (uploads / "private" / "a bill.pdf").write_text("0123456789")
    (uploads / "page.html").write_text("<script>")
    (uploads / "private" / "note.txt").write_text("<script>")
    for cut_off in (".parley-new", ".parley-old"):  # of a restore
        (uploads / cut_off / "private").mkdir(parents=True)
        (uploads / cut_off / "private" / "bill.pdf").write_text("0123456789")
    (folder / "secret_key").write_text("secret")
    front = await fronts(paths=Paths(media_url=media_url), media=str(uploads))

    async def view(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send what the query names, as the type that follows it."""
        name, _, kind = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].partition(b"?")[2].partition(b"&")
        sent = b"X-Accel-Redirect: /.parley/media/%s\r\n" % name if name else b""
        sent += b"Content-Type: %s\r\n" % kind if kind else b""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n%s\r\nview" % sent)
        await writer.drain()

    for instance in front.instances:
        instance.answer = view
    sent = await front.ask("/bill?private/a%20bill.pdf")
    assert (sent.status, sent.body) == (200, b"0123456789")
    assert sent.headers["content-type"] == "application/pdf"
    assert sent.headers["cache-control"] == "private, no-cache"
    part = await front.ask("/bill?private/a%20bill.pdf", headers="Range: bytes=2-4\r\n")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    for document in ("page.html", *(f"private/note.txt&{kind}" for kind in DOCUMENTS)):
        assert (await front.ask(f"/bill?{document}")).headers["content-security-policy"] == "sandbox", document
    for text in ("private/note.txt", "private/note.txt&text/plain;charset=utf-8"):
        assert "content-security-policy" not in (await front.ask(f"/bill?{text}")).headers, text
    for name in ("../secret_key", "private/../../secret_key", "..%2fsecret_key", "%2e%2e/secret_key", "nothing"):
        answer = await front.ask(f"/bill?{name}")
        assert (answer.status, b"secret" in answer.body) == (404, False), name
    for path in (
        "/.parley/media/private/a%20bill.pdf",
        "/.parley/media/page.html",
        "/.parley//media/page.html",
        "/.parley%2fmedia%2fpage.html",
        "/x/../.parley/media/page.html",
        *(("/files/private/a%20bill.pdf", "/files//private/a%20bill.pdf") if media_url else ()),
        *((f"/files/.parley-{name}/private/bill.pdf" for name in ("new", "old")) if media_url else ()),
        *(("/files/private%2fa%20bill.pdf", "/files/./x/../private/a%20bill.pdf") if media_url else ()),
    ):
        assert (await front.ask(path)).status == 404, path
    assert (await front.ask("/files/page.html")).body == (b"<script>" if media_url else b"view")


async def test_without_urls_of_files_an_instance_is_asked(fronts: Fronts) -> None:
    """A project whose files lie elsewhere, or that serves them itself."""
    front = await fronts(paths=Paths(static_url=""))
    assert (await front.ask("/static/a.js")).seen["line"] == "GET /static/a.js HTTP/1.1"
