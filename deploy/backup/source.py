"""What is backed up: the database of `up`, or of an installed stack."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from deploy.backup.postgres import PostgresEngine
from deploy.backup.sqlite import SqliteEngine
from deploy.config import Config, load
from deploy.errors import BadInputError
from deploy.release import release
from deploy.stacks import lock as stack_lock
from deploy.stacks.installed import AnyName, installed, require_own
from deploy.stacks.local import lock, plan, prepare, secret
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.manage import app_environment
from deploy.stacks.stack import Postgres, Sqlite, Stack


class Source(Protocol):
    """A stack, as far as its truth goes."""

    @property
    def config(self) -> Config:
        """What it runs with."""

    @property
    def release(self) -> str:
        """What serves, or would."""

    @property
    def database(self) -> Sqlite | Postgres:
        """Where the truth is."""

    @property
    def backups(self) -> Path:
        """Where backups go unless told otherwise."""

    def require(self) -> None:
        """Raise BadInputError where nothing has been made yet that could be backed up."""

    def stopped(self) -> AbstractContextManager[None]:
        """Keep it stopped for a while; raises BadInputError where it runs."""

    def settle(self) -> None:
        """Bring a restored database to this release's schema, and give every room a new epoch."""


class LocalSource:
    """The stack of `up` in a folder."""

    def __init__(self, config: Config, layout: Layout) -> None:
        self.config = config
        self.layout = layout
        self.release = release()
        self.backups = layout.dir / "backups"
        url = config.database.url
        self.database: Sqlite | Postgres = Postgres.at(url) if url else Sqlite(layout.database)

    def require(self) -> None:
        """Look for the database, or for what `up` makes before it."""
        if not self.layout.database.exists():
            prepare.require(self.layout)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Hold the lock of `up`."""
        if lock.is_running(self.layout):
            raise BadInputError(f"a `./parley up` runs in {self.layout.dir}: stop it before a restore")
        self.layout.make()
        with lock.held(self.layout, patience=self.config.stop.kill_seconds):
            yield

    def settle(self) -> None:
        """Run manage.py beside the stopped stack."""
        secret.ensure(self.layout)
        env = app_environment(self.config, self.layout, plan.layer_url(self.config, None))
        asyncio.run(prepare.manage(env, "migrate", "--noinput", "--verbosity=0"))
        asyncio.run(prepare.manage(env, "epochs", "renew"))


class InstalledSource:
    """A stack of compose or systemd."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.config = stack.config
        self.database = stack.database
        self.backups = stack.backups

    @property
    def release(self) -> str:
        """What its first instance was started from, or would be."""
        return self._stack.instances()[0].release

    def require(self) -> None:
        """It was found, so it is there."""

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Hold the rollout's lock, with no instance running."""
        with stack_lock.held(self._stack.folder, "restore"):
            running = [instance.name for instance in self._stack.instances() if instance.running]
            if running:
                raise BadInputError(f"{', '.join(running)} of {self._stack.name} run: stop them before a restore")
            yield

    def settle(self) -> None:
        """Run manage.py as the stack does."""
        self._stack.migrate(self.release)
        self._stack.manage(self.release, "epochs", "renew")


def engine(source: Source) -> SqliteEngine | PostgresEngine:
    """Give what copies this source's database."""
    database = source.database
    return SqliteEngine(database.path) if isinstance(database, Sqlite) else PostgresEngine(database)


def chosen(name: AnyName, directory: Path | None, env: str | None) -> Source:
    """Open what a command line means; raises BadInputError where there is none."""
    require_own(name, directory, env)
    if name == "local":
        return LocalSource(load(), Layout.at(directory))
    return InstalledSource(installed(name, env))
