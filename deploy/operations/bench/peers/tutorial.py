"""The Channels tutorial, on the packages that Parley is locked to."""

import secrets
import sys
from typing import ClassVar

from deploy.model.config import ROOT
from deploy.operations.bench.peers import django
from deploy.operations.bench.peers.peer import Peer
from deploy.stacks.local.supervised import Service

PROJECT = "deploy.operations.bench.servers.tutorial"


class Tutorial(Peer):
    """Stores nothing, but for `rooms`: there one `acreate` for each message."""

    name: ClassVar[str] = "tutorial"
    _key: str = ""

    async def prepare(self) -> None:
        """Bring the database to its schema, and fill it with people."""
        self.make()
        self._key = secrets.token_urlsafe(48)
        async with self.storage():
            # Twice: Django makes the tables of an app without migrations first, and ours refers to auth's.
            for what in ("auth", "--run-syncdb"):
                migrate = ["-P", "-m", "django", "migrate", "--noinput", "--verbosity=0", what]
                await django.command(migrate, env=self._env, cwd=self.layout.dir)
            self.cookies = await django.cookies(people=self.options.people, rooms=0, env=self._env, cwd=self.layout.dir)

    def instance(self, name: str) -> Service:
        """Give one gunicorn with one stock worker."""
        command = [sys.executable, "-P", "-m", "gunicorn", f"{PROJECT}.asgi:application"]
        command += ["--worker-class", "uvicorn_worker.UvicornWorker", "--workers", "1", "--no-control-socket"]
        command += ["--bind", self.bind(name)]
        return Service(name, tuple(command), self._env, self.layout.dir)

    @property
    def _env(self) -> dict[str, str]:
        postgres = "" if self.database == "sqlite" else str(self.postgres.socket_folder)
        return self.env(
            PYTHONPATH=str(ROOT),
            DJANGO_SETTINGS_MODULE=f"{PROJECT}.settings",
            BENCH_SECRET_KEY=self._key,
            BENCH_REDIS=str(self.redis_socket),
            BENCH_SQLITE=str(self.layout.database),
            BENCH_POSTGRES=postgres,
            BENCH_STORES="yes" if self.options.workload == "rooms" else "",
        )
