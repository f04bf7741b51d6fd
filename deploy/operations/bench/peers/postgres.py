"""A PostgreSQL for one bench: a cluster in a private folder, reached by a unix socket alone, thrown away after."""

import asyncio
import os
import pwd
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from deploy.effects import files, processes
from deploy.errors import StackError
from deploy.stacks.local import readiness
from deploy.stacks.local.supervised import Say, Service
from deploy.stacks.local.supervisor import Supervisor

DEBIAN = Path("/usr/lib/postgresql")
USER = "bench"
SOCKET = ".s.PGSQL.5432"
READY_SECONDS = 30.0
OPTIONS = {"listen_addresses": "", "max_connections": "100", "log_min_messages": "fatal"}


def binaries() -> Path | None:
    """Find the folder with initdb and postgres: PATH's, else Debian's newest."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(DEBIAN.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


class Postgres:
    """A cluster in a folder; PostgreSQL refuses root, so root runs it as another user."""

    def __init__(self, folder: Path, say: Say) -> None:
        self.folder = folder
        self._say = say
        self._bin = binaries() or Path()

    @property
    def socket_folder(self) -> Path:
        """Where the socket is."""
        return self.folder / "run"

    def url(self, database: str) -> str:
        """Write the address of a database for the app."""
        return f"postgres://{USER}@{quote(str(self.socket_folder), safe='')}/{database}"

    @asynccontextmanager
    async def running(self, database: str, inherit: int) -> AsyncIterator[int]:
        """Run the cluster, made first where there is none, until the block ends; gives its pid.

        It inherits the descriptor, as everything that a supervisor starts.
        """
        fresh = not (self.folder / "data").exists()
        if fresh:
            await self._make()
        supervisor = Supervisor(self._say, inherit)
        supervisor.start(self._service())
        try:
            async with asyncio.timeout(READY_SECONDS):
                await supervisor.ready(readiness.socket(self.socket_folder / SOCKET))
                if fresh:
                    await self._create(database)
            pid = supervisor.members["postgres"].pid
            if pid is None:
                raise StackError("postgres has died")
            yield pid
        finally:
            await supervisor.stop([["postgres"]])

    async def _make(self) -> None:
        for folder in (self.folder, self.socket_folder):
            files.make_folder(folder)
            if owner := _owner():
                os.chown(folder, owner.pw_uid, owner.pw_gid)
        arguments = ["-D", str(self.folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale"]
        await self._run(["initdb", *arguments])

    async def _create(self, database: str) -> None:
        """Make the database; the server may still be on its way up."""
        arguments = ["createdb", "-h", str(self.socket_folder), "-U", USER, database]
        while True:
            try:
                return await self._run(arguments)
            except StackError as error:
                if "starting up" not in str(error):
                    raise
            await asyncio.sleep(readiness.PAUSE)

    def _service(self) -> Service:
        options = OPTIONS | {"unix_socket_directories": str(self.socket_folder)}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = self._as_user("postgres", "-D", str(self.folder / "data"), *words)
        # SIGINT: end the connections and stop; SIGTERM would wait for them.
        return Service("postgres", tuple(command), dict(os.environ), self.folder, signal.SIGINT, grace=10)

    async def _run(self, command: list[str]) -> None:
        done = await processes.run_beside(self._as_user(*command), env=dict(os.environ), cwd=self.folder)
        if done.status != 0:
            raise StackError(f"{command[0]} failed: {done.output}")

    def _as_user(self, name: str, *arguments: str) -> list[str]:
        command = [str(self._bin / name), *arguments]
        if owner := _owner():
            # The parent-death signal does not outlast the change of user: it is set again.
            drop = ["--reuid", str(owner.pw_uid), "--regid", str(owner.pw_gid), "--clear-groups", "--pdeathsig", "TERM"]
            return ["setpriv", *drop, *command]
        return command


def _owner() -> pwd.struct_passwd | None:
    """Who runs it where we are root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
