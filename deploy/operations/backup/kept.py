"""A backup of the Redis that keeps what a project gives it: an RDB file, as Redis itself writes it."""

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import IO, Any, Literal

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.effects import commands, files
from deploy.errors import StackError
from deploy.operations.backup import manifest
from deploy.stacks.stack import ContainerStore, HostStore

ASIDE = ".restored"  # in its folder: what is to replace the rest
DUMP = "dump.rdb"
LOGS = "append*"  # appendonlydir, or appendonly.aof before Redis 7
CHECKS = "redis-check-rdb-valkey-check-rdb"  # under such a name, a server reads an RDB file and ends
KEYS = re.compile(r"\[info\] (\d+) keys read")
ONCE = Retry(NoBackoff(), 0)
POLL = 0.05
SECONDS = 600.0  # for some gigabytes to be read or written


class StoreEngine:
    """The data of a Redis of this machine."""

    name: Literal["store"] = "store"
    file = "store.rdb"
    what = "keys"

    def __init__(self, store: HostStore) -> None:
        self._store = store

    def dump(self, target: Path) -> None:
        """Have it save one moment of its data, and copy that; it answers meanwhile."""
        folder = self._store.folder
        with self._asked() as redis:
            _until(lambda: _saves(redis), "it saves already")
            _until(lambda: _is_idle(redis), "it does not finish to save")
            if _persistence(redis)["rdb_last_bgsave_status"] != "ok":
                raise StackError("the Redis that keeps data could not save them: its log says why")
            files.copy(folder / DUMP, target)

    def read_back(self, path: Path) -> int:
        """Read a whole copy and count its keys; raises StackError where it is damaged."""
        with tempfile.TemporaryDirectory(prefix="parley-") as folder:
            check = Path(folder, CHECKS)
            check.symlink_to(self._store.program)
            return _keys(path, commands.run([str(check), str(path)]))

    def prepare(self, path: Path, digest: str) -> None:
        """Make an append-only store of a copy, beside the one that is there, which stays."""
        files.make_folder(self._store.folder)
        self.discard()
        aside = self._store.folder / ASIDE
        files.make_folder(aside)
        try:
            self._convert(path, aside, digest)
        except BaseException:
            self.discard()
            raise

    def swap(self) -> None:
        """Have it replace what is there."""
        folder = self._store.folder
        for path in [*folder.glob(LOGS), folder / DUMP]:
            files.remove(path)
        for path in (folder / ASIDE).iterdir():
            path.rename(folder / path.name)
        files.sync(folder)
        self.discard()

    def discard(self) -> None:
        """Leave what is there."""
        files.remove(self._store.folder / ASIDE)

    def _convert(self, path: Path, aside: Path, digest: str) -> None:
        """A server that is told to append only reads no RDB file at its start: it is told once it has read it."""
        files.copy(path, aside / DUMP)
        if manifest.sha256(aside / DUMP) != digest:
            raise StackError(f"{path} has changed while it was read")
        with self._server("--dir", str(aside), "--appendonly", "no", "--save", "") as redis:
            redis.config_set("appendonly", "yes")
            _until(lambda: _is_idle(redis), "it does not finish to write its append-only file")
            if _persistence(redis)["aof_last_bgrewrite_status"] != "ok":
                raise StackError(f"{path}: no append-only file could be made of it")
        files.remove(aside / DUMP)

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        """Ask the server that runs, or one that is started to be asked."""
        if not self._store.url:
            folder = str(self._store.folder)
            with self._server("--dir", folder, "--appendonly", "yes", "--save", "") as redis:
                yield redis
            return
        try:
            with Redis.from_url(self._store.url, retry=ONCE) as redis:
                yield redis
        except RedisError as error:
            raise StackError(f"the Redis that keeps data: {error}") from None

    @contextmanager
    def _server(self, *options: str) -> Iterator[Any]:
        """Start a server that nobody else reaches, and end it without a save."""
        with tempfile.TemporaryDirectory(prefix="parley-") as folder, tempfile.TemporaryFile() as log:
            socket = f"{folder}/redis.sock"
            words = (str(self._store.program), "--port", "0", "--unixsocket", socket, "--loglevel", "warning")
            try:
                with (
                    commands.piped([*words, *options], stdout=log) as process,
                    Redis(unix_socket_path=socket, retry=ONCE) as redis,
                ):
                    _until(lambda: _answers(redis) or process.poll() is not None, "it does not start")
                    yield redis
                    redis.shutdown(nosave=True)
            except (RedisError, StackError) as error:
                raise StackError(f"the Redis that keeps data: {_last(log) or error}") from None


class ContainerStoreEngine(StoreEngine):
    """The data of a Redis in a container, which has the programs."""

    def __init__(self, store: ContainerStore) -> None:
        self._container = store

    def dump(self, target: Path) -> None:
        """Have it send one moment of its data, as to a replica."""
        ask = f"REDISCLI_AUTH=$(cat {self._container.password}) exec redis-cli --rdb -"
        command = ("docker", "exec", "--interactive", self._container.container, "sh", "-c", ask)
        with files.naming(target), target.open("wb") as file:
            with commands.piped(command, stdout=file):
                pass
            os.fsync(file.fileno())

    def read_back(self, path: Path) -> int:
        """Have a container read it."""
        read = f"cat >/tmp/{DUMP} && redis-check-rdb /tmp/{DUMP}"
        with (
            path.open("rb") as file,
            commands.piped(self._once(read, mounted=False), stdin=file, stdout=PIPE) as checked,
        ):
            assert checked.stdout is not None  # noqa: S101 (a pipe was asked for)
            said = checked.stdout.read().decode(errors="replace")
        return _keys(path, commands.Finished(0, said))

    def prepare(self, path: Path, digest: str) -> None:
        """Make an append-only store of a copy on the volume, beside the one that is there."""
        with path.open("rb") as file, commands.piped([*self._once(PREPARE), "prepare", digest], stdin=file):
            pass

    def swap(self) -> None:
        """Stop the server, have the new data replace the old, and start it again."""
        commands.output(("docker", "stop", self._container.container))
        try:
            commands.output(self._once(SWAP))
        finally:
            commands.output(("docker", "start", self._container.container))

    def discard(self) -> None:
        """Leave what is there."""
        commands.output(self._once(f"rm -rf {ASIDE}"))

    def _once(self, script: str, *, mounted: bool = True) -> list[str]:
        """Run a script in the folder, in a container of the server's image."""
        container = self._container
        shown = ("docker", "inspect", "--format", "{{.Image}} {{.Config.User}}", container.container)
        image, *user = commands.output(shown).split()
        volume = (f"--volume={container.volume}:{container.folder}", f"--workdir={container.folder}")
        return [
            *("docker", "run", "--rm", "--interactive", "--pull=never", "--network=none", "--no-healthcheck"),
            *("--log-driver=none", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"),
            *((f"--user={user[0]}",) if user else ()),
            *(volume if mounted else ()),
            *("--entrypoint=sh", image, "-euc", script),
        ]


# No shell of the host reads these; they are for the image's own.
PREPARE = f"""
rm -rf {ASIDE}
mkdir {ASIDE}
trap 'rm -rf {ASIDE}' EXIT
cat >{ASIDE}/{DUMP}
if [ "$(sha256sum <{ASIDE}/{DUMP})" != "$1  -" ]; then echo 'parley: not all of the data arrived' >&2; exit 1; fi
redis-server --dir "$PWD/{ASIDE}" --appendonly no --save '' --port 0 --unixsocket /tmp/redis.sock >/tmp/log &
ask() {{ redis-cli -s /tmp/redis.sock "$@"; }}
until [ "$(ask ping 2>/dev/null)" = PONG ]; do
    if ! kill -0 $! 2>/dev/null; then tail -n 3 /tmp/log >&2; exit 1; fi
    sleep 0.1
done
ask config set appendonly yes >/dev/null
while ask info persistence | grep -Eq '^(aof_rewrite_in_progress|aof_rewrite_scheduled):1'; do sleep 0.1; done
ask info persistence | grep -q '^aof_last_bgrewrite_status:ok'
ask shutdown nosave
wait
rm {ASIDE}/{DUMP}
trap - EXIT
"""
SWAP = f"""
rm -rf {LOGS} {DUMP}
mv {ASIDE}/{LOGS} .
rm -rf {ASIDE}
"""


def _keys(path: Path, said: commands.Finished) -> int:
    found = KEYS.search(said.output)
    if said.status != 0 or found is None:
        raise StackError(f"{path}: {(said.output.splitlines() or ['no RDB file'])[-1]}")
    return int(found[1])


def _saves(redis: Any) -> bool:
    """Have it begin to save; another save or rewrite has to end first."""
    try:
        redis.bgsave()
    except RedisError as error:
        if "in progress" not in str(error):
            raise
        return False
    return True


def _persistence(redis: Any) -> dict[str, Any]:
    return dict(redis.info("persistence"))


def _is_idle(redis: Any) -> bool:
    found = _persistence(redis)
    return not any(
        found[name] for name in ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
    )


def _answers(redis: Any) -> bool:
    """Tell whether it has read its data."""
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def _until(done: Callable[[], bool], why: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise StackError(f"the Redis that keeps data: {why} for {SECONDS:g} s")
        time.sleep(POLL)


def _last(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()
    return lines[-1] if lines else ""
