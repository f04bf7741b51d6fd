"""The library on Compose: settings by the environment, uploads, Celery's worker and beat, mail, and its runbooks."""

import asyncio
import json
import os
import queue
import signal
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from deploy.effects import procfs
from deploy.effects.client.http_client import HttpClient, Reply
from deploy.operations.runbooks import page as pages
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.adopted import adopted
from tests.deploy.stacks.compose.served import Served, heard, posted, rolled, socket
from tests.deploy.stacks.compose.stack import command

pytestmark = [pytest.mark.docker, pytest.mark.release, pytest.mark.timeout(1500)]  # each builds two images

SECONDS = 60  # a bound for what a worker does, on a busy machine
TITLE = ("<title>", "<title>next ")
BOOK = b"to be or not to be"
BOUNDARY = "book"
MESSAGES = 1000
FIRST = 20  # after which both instances are connected
POOLED = 10  # connections more, for commands at the same moment: the core layer's pool keeps what it once needed
WORDS_BETWEEN = 10  # two messages of the worker


async def test_uploads_progress_and_mail(engine: None, tmp_path: Path) -> None:
    """What people upload and what waits in the queue outlive both releases; the worker is of the one that serves, and
    tells sockets how far it is; beat is there once, and mail goes out.
    """
    with mail_server() as (mail, letters), adopted("library", tmp_path, "/", partial(mailing, mail)) as served:
        client = HttpClient(served.compose.address)
        here, there = served.instances
        async with socket(here, "/ws/shelf/") as one, socket(there, "/ws/shelf/") as other:
            first = await uploaded(served, "first.txt")
            assert [await heard(one), await heard(other)] == [{"book": 1, "words": None}] * 2
            assert [await heard(one), await heard(other)] == [{"book": 1, "words": 6}] * 2
            announced = served.manage("announce", given="tonight at eight\n")
            assert announced.splitlines()[-1] == "announced 1"
            assert [await heard(one), await heard(other)] == [{"announced": "tonight at eight"}] * 2
        await told(client, 1, "6 words")
        [worker] = served.compose.containers("process-celery")
        assert worker["Config"]["StopTimeout"] == 60
        assert len(served.compose.containers("process-beat")) == 1
        assert "Subject: New on the shelf" in await asyncio.to_thread(letters.get, timeout=SECONDS)
        page = await uploaded(served, "page.html")
        found = await client.get(page)
        assert found.headers["content-security-policy"] == "sandbox"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert (await posted(served, page, b"")).status == 405
        counts = ("books/tasks.py", '"words"', '"in all"')
        release = served.release("next", ("books/templates/books/library.html", *TITLE), counts)
        rolling = served.with_sockets("/ws/shelf/", "/ws/books/1/", each=100)
        await rolled(rolling, "rollout", str(release))
        assert (await client.get(first)).body == BOOK
        assert (await client.get("/books/1/words/")).text == "6 words", "the store was not made anew"
        await uploaded(served, "second.txt")
        await told(client, 3, "6 in all")
        served.compose.compose("restart", "store")
        await told(client, 1, "6 words")
        await rolled(served, "rollback")
        assert (await client.get(first)).body == BOOK
        await uploaded(served, "third.txt")
        await told(client, 4, "6 words")


async def test_a_thousand_messages_from_synchronous_code(engine: None, tmp_path: Path) -> None:
    """From a view, a command and a Celery task, over both layers: no connection to Redis is left open."""
    with adopted("library", tmp_path, "/") as served:
        await thousand(served)
        with served.other_toml(lambda toml: toml.replace("[project]\n", '[project]\nlayer = "core"\n')):
            await rolled(served, "rollout")
            code = "from channels.layers import get_channel_layer as layer; print(type(layer()).__module__)"
            assert served.manage("shell", "-c", code).splitlines()[-1] == "channels_redis.core"
            await thousand(served)


async def thousand(served: Served) -> None:
    """Each sends its thousand; the instances, the worker and who listens have as many connections as before."""
    async with AsyncExitStack() as stay:
        people = [await stay.enter_async_context(socket(one, "/ws/shelf/")) for one in served.instances]
        hearing = [asyncio.create_task(everything(one)) for one in people]

        async def wave(times: int) -> None:
            for _ in range(times):
                answer = await posted(served, "/api/books/wave/", b'{"name": "a"}', content_type="application/json")
                assert answer.status == 204

        await wave(FIRST)
        before = clients(served)
        await wave(MESSAGES)
        await no_more(served, before)
        said = await asyncio.to_thread(served.manage, "announce", given="come in\n" * MESSAGES)
        assert said.splitlines()[-1] == f"announced {MESSAGES}"
        await no_more(served, before)
        most = await counted(served, "long.txt", MESSAGES * WORDS_BETWEEN + 1)
        assert most <= before + POOLED + 1, "the task has one at a time"
        await no_more(served, before)
        async with asyncio.timeout(SECONDS):
            kinds = await asyncio.gather(*hearing)
        assert kinds == [Counter(wave=FIRST + MESSAGES, announced=MESSAGES, book=2)] * len(people)


async def no_more(served: Served, before: int) -> None:
    """Wait until there are not more connections than before, but for a pool: what was closed now is on the way."""
    async with asyncio.timeout(SECONDS):
        while clients(served) > before + POOLED:  # noqa: ASYNC110 (Redis tells nobody)
            await asyncio.sleep(0.1)


async def test_the_runbooks(engine: None, tmp_path: Path) -> None:
    """Pages play on it, each at a fault that it is for, or for a change that somebody wants."""
    with adopted("library", tmp_path, "/") as served:
        book = await uploaded(served, "first.txt")

        def play(page: str, **variables: str) -> str:
            found = Book(pages.read(page), "compose", served.folder).run(served.compose, **variables)
            served.compose.until_healthy()
            return found

        def pid(service: str) -> int:
            return int(served.compose.containers(service)[0]["State"]["Pid"])

        def web() -> str:
            return str(served.compose.containers("web")[0]["Name"].removeprefix("/"))

        os.kill(pid("redis"), signal.SIGSTOP)
        await asyncio.to_thread(play, "redis-down")
        served.compose.compose("stop", "postgres")
        await asyncio.to_thread(play, "database-down")
        await asyncio.to_thread(play, "drain", INSTANCE=web())
        for one in (pid("web"), *procfs.children(pid("web"))):
            os.kill(one, signal.SIGSTOP)
        await asyncio.to_thread(play, "instance-down", INSTANCE=web())
        await asyncio.to_thread(play, "replicas", INSTANCE=web(), NUMBER="3")
        assert len(served.compose.containers("web")) == 3
        await asyncio.to_thread(play, "replicas", INSTANCE=web(), NUMBER="2")
        said = await asyncio.to_thread(play, "secrets")
        assert " is accepted" in said
        created = served.parley("backup", "create")
        assert created.returncode == 0, created.stderr
        name = served.parley("backup", "list").stdout.splitlines()[-1].partition(":")[0]
        await asyncio.to_thread(play, "restore", BACKUP=name)
        release = served.release("next", ("books/templates/books/library.html", *TITLE))
        await asyncio.to_thread(play, "release", SOURCE=str(release), WHY="a test")
        await asyncio.to_thread(play, "rollback", WHY="a test")
        client = HttpClient(served.compose.address)
        assert (await client.get(book)).body == BOOK
        await uploaded(served, "second.txt")
        await told(client, 2, "6 words")


async def everything(connection: ClientConnection) -> Counter[str]:
    """Hear all until the book was counted, and give how many of each kind there were."""
    kinds: Counter[str] = Counter()
    while kinds["book"] < 2:
        kinds[next(iter(json.loads(await connection.recv())))] += 1
    return kinds


async def counted(served: Served, name: str, words: int) -> int:
    """Upload a book of so many words, hear how far the worker is to the end, and give the most connections then."""
    book = (await sent(served, name, b"word " * words)).json()["id"]
    client, most = HttpClient(served.compose.address), 0
    async with asyncio.timeout(SECONDS):
        while not (await client.get(f"/books/{book}/words/")).text:
            most = max(most, await asyncio.to_thread(clients, served))
    return most


def clients(served: Served) -> int:
    """Count who is connected to the layer's Redis from another container; its own health check comes and goes."""
    ask = 'REDISCLI_AUTH="$(cat /srv/parley/secrets/redis/password)" redis-cli client list'
    lines = served.compose.compose("exec", "--no-TTY", "redis", "sh", "-c", ask).splitlines()
    return len([line for line in lines if " addr=127." not in line])


@contextmanager
def mail_server() -> Iterator[tuple[str, queue.Queue[str]]]:
    """Take letters at an address of this machine that containers reach; give host:port, and the letters."""
    letters: queue.Queue[str] = queue.Queue()

    class Letter(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                word = line[:4].upper()
                if word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    letters.put(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                self.wfile.write(b"250 well\r\n")

    bridge = json.loads(command("docker", "network", "inspect", "bridge"))[0]["IPAM"]["Config"][0]["Gateway"]
    with socketserver.ThreadingTCPServer((bridge, 0), Letter) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{bridge}:{server.server_address[1]}", letters
        finally:
            server.shutdown()
            thread.join()


def mailing(mail: str, project: Path) -> None:
    """Give it a mail server, and a digest every few seconds."""
    host, _, port = mail.partition(":")
    lines = f'EMAIL_HOST = "{host}"\nEMAIL_PORT = "{port}"\nDIGEST_SECONDS = "3"\n'
    toml = project / "parley.toml"
    toml.write_text(toml.read_text().replace("[project.env]\n", f"[project.env]\n{lines}"))


async def sent(served: Served, name: str, book: bytes) -> Reply:
    """Upload a book under a name."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + book + f"\r\n--{BOUNDARY}--\r\n".encode()
    answer = await posted(served, "/api/books/", body, content_type=f"multipart/form-data; boundary={BOUNDARY}")
    assert answer.status == 201, answer.text
    return answer


async def uploaded(served: Served, name: str) -> str:
    """Upload the book under a name, and give its path, where it is."""
    url = str((await sent(served, name, BOOK)).json()["file"])
    assert url == f"{served.compose.address.origin}/files/books/{name}"
    path = f"/files/books/{name}"
    assert (await HttpClient(served.compose.address).get(path)).body == BOOK
    return path


async def told(client: HttpClient, book: int, words: str) -> None:
    """Wait until the worker has counted."""
    async with asyncio.timeout(SECONDS):
        while (await client.get(f"/books/{book}/words/")).text != words:  # noqa: ASYNC110 (another machine's doing)
            await asyncio.sleep(0.1)
