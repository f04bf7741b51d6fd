"""What is backed up: the database of `up`, or of an installed stack."""

import asyncio
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from deploy.effects import commands
from deploy.effects.progress import say
from deploy.errors import BadInputError, StackError
from deploy.model.config import Config, Overrides
from deploy.model.release import release
from deploy.operations.backup.postgres import PostgresEngine
from deploy.operations.backup.sqlite import SqliteEngine
from deploy.operations.backup.volume import VolumeEngine
from deploy.stacks import lock as stack_lock
from deploy.stacks.installed import AnyName, installed, require_own
from deploy.stacks.local import application, applications, binaries, lock, plan, prepare, secret, state, store
from deploy.stacks.local.application import Facts
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.manage import app_environment
from deploy.stacks.local.opened import opened
from deploy.stacks.stack import ContainerStore, HostStore, Media, Postgres, Sqlite, Stack
from deploy.text import project

HOOK = "[project.hooks].after_restore"


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
    def media(self) -> Media | None:
        """Where the files are that people upload, if it keeps any."""

    @property
    def store(self) -> HostStore | ContainerStore | None:
        """The Redis that keeps what the project gives it, if there is one."""

    @property
    def folder(self) -> Path:
        """Where it keeps what it needs beside its data, private to its owner."""

    @property
    def backups(self) -> Path:
        """Where backups go unless told otherwise."""

    def require(self) -> None:
        """Raise BadInputError where nothing has been made yet that could be backed up."""

    def stopped(self, what: str) -> AbstractContextManager[None]:
        """Keep it stopped for `what`, a restore or a move; raises BadInputError where it runs."""

    def settle(self) -> None:
        """Bring a restored database to this release's schema, and run the project's hook, or say that it has none."""

    def moved(self, snapshot: Path) -> str:
        """Bring the rows of an SQLite file into the database; give what `parley_serving.moving` wrote."""


class LocalSource:
    """The stack of `up` in a folder."""

    def __init__(self, config: Config, layout: Layout) -> None:
        self.config = config
        self.layout = layout
        self.release = release()
        self.folder = layout.dir
        self.backups = layout.dir / "backups"
        url = config.database.url
        self.database: Sqlite | Postgres = Postgres.at(url) if url else Sqlite(layout.database)

    @property
    def media(self) -> Media | None:
        """Look where the project's settings have it."""
        if self.config.is_own or not self.config.project.has_uploads:
            return None
        facts = application.last(self.layout) or Facts()
        folder = self.config.folder / self.config.project.path
        return Media(folder / application.media(self.layout, facts))

    @property
    def store(self) -> HostStore | None:
        """Find its server: that of a running `up`, or the program to start one."""
        if self.config.is_own or not project.keeps(self.config):
            return None
        program = binaries.redis(self.layout, say)
        if isinstance(program, binaries.NoRedis):
            raise StackError(f"there is no Redis to ask for what the project keeps: {program.reason}")
        port = state.read(self.layout)["store_port"] if lock.is_running(self.layout) else 0
        return HostStore(self.layout.store, program, store.url(self.layout, port))

    def require(self) -> None:
        """Look for the database, or for what `up` makes before it."""
        if not self.layout.database.exists():
            prepare.require(self.layout)

    @contextmanager
    def stopped(self, what: str) -> Iterator[None]:
        """Hold the lock of `up`."""
        if lock.is_running(self.layout):
            raise BadInputError(f"a `./parley up` runs in {self.layout.dir}: stop it before a {what}")
        self.layout.make()
        with lock.held(self.layout, patience=self.config.stop.kill_seconds):
            yield

    def settle(self) -> None:
        """Run manage.py beside the stopped stack."""
        secret.ensure(self.layout)
        by = applications.make(self.config, self.layout, say)  # a host on which nothing has been made yet restores too
        env = app_environment(self.config, self.layout, plan.layer_url(self.config, None), by)
        asyncio.run(prepare.release(self.config, by, env, say))
        if hook := _hook(self.config):
            commands.output(by.command(*hook), env=env, cwd=by.folder)

    def moved(self, snapshot: Path) -> str:
        """Run it in the project's environment."""
        secret.ensure(self.layout)
        by = applications.make(self.config, self.layout, say)
        env = app_environment(self.config, self.layout, plan.layer_url(self.config, None), by)
        return commands.output((str(by.python), *by.move, str(snapshot)), env=env, cwd=by.folder)


class InstalledSource:
    """A stack of compose or systemd."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.config = stack.config
        self.database = stack.database
        self.media = stack.media
        self.store = stack.store
        self.folder = stack.folder
        self.backups = stack.backups

    @property
    def release(self) -> str:
        """What its first instance was started from, or would be."""
        return self._stack.instances()[0].release

    def require(self) -> None:
        """It was found, so it is there."""

    @contextmanager
    def stopped(self, what: str) -> Iterator[None]:
        """Hold the rollout's lock, with no instance and no process of the project running."""
        with stack_lock.held(self._stack.folder, what):
            running = [instance.name for instance in self._stack.instances() if instance.running]
            running += self._stack.processes()
            if running:
                raise BadInputError(f"{', '.join(running)} of {self._stack.name} run: stop them before a {what}")
            yield

    def settle(self) -> None:
        """Run manage.py as the stack does."""
        self._stack.migrate(self.release)
        if hook := _hook(self.config):
            self._stack.manage(self.release, *hook)

    def moved(self, snapshot: Path) -> str:
        """Have the release do it."""
        return self._stack.move(self.release, snapshot)


def _hook(config: Config) -> list[str]:
    """Give the command of manage.py after a restore; say it where there is none."""
    command = config.project.hooks.after_restore
    say(f"after the restore: `manage.py {command}`" if command else f"after the restore: no {HOOK} is set: skipped")
    return shlex.split(command)


def engine(source: Source) -> SqliteEngine | PostgresEngine:
    """Give what copies this source's database."""
    database = source.database
    if isinstance(database, Postgres):
        return PostgresEngine(database)
    return VolumeEngine(database) if database.deploy else SqliteEngine(database.path)


def chosen(
    name: AnyName,
    directory: Path | None,
    env: str | None,
    named: Path | None = None,
    overrides: Overrides | None = None,
) -> Source:
    """Open what a command line means; raises BadInputError where there is none. `overrides` are for `up` alone."""
    require_own(name, directory, env)
    if name == "local":
        return LocalSource(*opened(named, directory, overrides))
    return InstalledSource(installed(name, env, named))
