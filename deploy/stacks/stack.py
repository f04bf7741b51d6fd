"""What rollout, backup and drill ask of an installed stack: compose and systemd answer, each in its own way.

Whoever implements it does one thing per verb and decides nothing: the order, the waiting, the putting back, the lock
and the history are rollout's. Every verb blocks until it is done, and raises StackError with the command's last lines
when it fails; it may be called again after it failed or was killed half-way (the next rollout begins from the start).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never, Protocol, Self
from urllib.parse import unquote, urlsplit

from deploy.effects.client.address import Address
from deploy.model.config import Config
from deploy.stacks.secret_key import Act

Say = Callable[[str], None]


@dataclass(frozen=True)
class Instance:
    """One gunicorn: its name for people (`web-1`, or a container's name), and the release it was started from."""

    name: str
    release: str
    running: bool = True


@dataclass(frozen=True)
class Sqlite:
    """A database that is a file: on this machine, or where `python -m deploy` is started with these words."""

    path: Path
    deploy: tuple[str, ...] = ()  # docker run … python -m deploy: the file is on a volume


# What a URL's query may hold that nobody else is to read (libpq's keywords).
SECRET = {"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"}


@dataclass(frozen=True)
class Postgres:
    """A database behind a server: how its programs (pg_dump, pg_restore, psql) are started, and with which `-d`."""

    dbname: str  # a database's name or a conninfo string, without a password: everybody can read arguments
    prefix: tuple[str, ...] = ()  # e.g. docker compose … exec -T postgres, or runuser -u parley --
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # PGPASSWORD, where there is no prefix
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # what has no variable, such as sslpassword

    @classmethod
    def at(cls, url: str) -> Self:
        """Give the database of a URL of parley.toml, reached with this machine's own programs."""
        parts = urlsplit(url)
        user, _, host = parts.netloc.rpartition("@")
        name = user.partition(":")[0]
        asked = [(unquote(word.partition("=")[0]), word) for word in parts.query.split("&") if word]
        secrets = {key: unquote(word.partition("=")[2]) for key, word in asked if key in SECRET}
        query = "&".join(word for key, word in asked if key not in SECRET)
        plain = parts._replace(netloc=f"{name}@{host}" if name else host, query=query).geturl()
        own = secrets.pop("password", "")
        password = unquote(parts.password) if parts.password else own  # the app takes this one of two, too
        return cls(plain, env={"PGPASSWORD": password} if password else {}, secrets=secrets)


@dataclass(frozen=True)
class Media:
    """A folder of uploaded files: on this machine, or where `python -m deploy` is started with these words."""

    path: Path
    deploy: tuple[str, ...] = ()  # docker run … python -m deploy: the folder is a volume


@dataclass(frozen=True)
class HostStore:
    """The Redis that keeps what a project gives it, of this machine."""

    folder: Path  # its data
    program: Path  # its server
    url: str = field(default="", repr=False)  # where it answers, with its password; empty: it does not run


@dataclass(frozen=True)
class ContainerStore:
    """The same in a container."""

    container: str
    volume: str  # with its data
    folder: Path  # where the container has it
    password: Path  # a file in the container


class Stack(Protocol):
    """One installed stack. A release is its id: `<version>-<8 hex>`, as deploy/model/release.py gives it."""

    @property
    def name(self) -> str:
        """What `--stack` says: compose or systemd."""

    @property
    def config(self) -> Config:
        """What it runs with: parley.toml, its environment, and the host's own file."""

    @property
    def url(self) -> str:
        """The site, through its edge, as a browser opens it (https://localhost:8443/)."""

    @property
    def address(self) -> Address:
        """The same, as this machine reaches it: past any proxy in front."""

    @property
    def folder(self) -> Path:
        """Where rollout.py keeps its lock and history, on this machine; the same for whoever operates this stack."""

    @property
    def backups(self) -> Path:
        """Where backups go unless told otherwise."""

    @property
    def database(self) -> Sqlite | Postgres:
        """Where the truth is."""

    @property
    def media(self) -> Media | None:
        """Where the files are that people upload; None: it keeps none."""

    @property
    def store(self) -> HostStore | ContainerStore | None:
        """The Redis that keeps what the project gives it; None: it asks for none."""

    def instances(self) -> Sequence[Instance]:
        """List the instances there should be, in the order they are to be rolled; a stopped one too.

        As of now: after a rollout that was killed they may be of two releases.
        """

    def processes(self) -> Sequence[str]:
        """Name what runs of [project.processes]: it has the database open beside the instances."""

    def config_of(self, release: str) -> Config:
        """Give what a staged release is to run with: it may come from another folder than the one that was named."""

    def has_processes(self, release: str) -> bool:
        """Tell whether there is anything to renew: one that this release is to have, or that is left, if stopped."""

    def pid(self, name: str) -> int | None:
        """Give the process, as this machine numbers it, of an instance (gunicorn's master), `nginx` or `redis`."""

    def stage(self, source: str | None) -> str:
        """Build the image or unpack the release (None: this checkout) and give its id; nothing that serves is touched.

        Raises BadInputError for a source that is none. A release that was staged already is not built again.
        """

    def staged(self, release: str) -> bool:
        """Tell whether this release is still here and can be started."""

    def check(self, release: str) -> None:
        """Refuse a release that cannot work, before anything serves it: config.asgi is imported with the stack's own
        environment (`manage.py check`), and nginx accepts (`nginx -t`) what this release renders."""

    def plan(self, release: str) -> str:
        """Give what `parley_serving.migrations_plan` of this release writes; its last line is JSON."""

    def migrate(self, release: str) -> None:
        """Bring the database to this release's schema (expand only: the release that serves goes on), and bootstrap."""

    def publish(self, release: str) -> None:
        """Put this release's static files beside those served now; those of the last two releases stay."""

    def manage(self, release: str, *arguments: str) -> str:
        """Run manage.py of this release with the stack's environment; give what it wrote to stdout."""

    def move(self, release: str, snapshot: Path) -> str:
        """Bring the rows of an SQLite file into the database; give what the release's `parley_serving.moving` wrote."""

    def become_manage(self, *arguments: str) -> Never:
        """Become manage.py of what serves: its terminal is this one, and its exit status ours."""

    def secret_key(self, act: Act) -> list[str]:
        """Show or rotate Django's key in its file, and name the keys that there are now; whoever starts reads it."""

    def stop(self, instance: Instance) -> None:
        """Drain an instance and leave its place empty, for a migration that nobody can serve beside."""

    def start(self, instance: Instance) -> None:
        """Start a stopped one again, as it was."""

    def stop_processes(self, names: Sequence[str]) -> None:
        """End processes that `processes` named, each with its grace; one of the next two verbs brings them back."""

    def start_processes(self, names: Sequence[str]) -> None:
        """Start them again, as they were."""

    def renew_processes(self, release: str) -> None:
        """Have the processes and jobs of this release run in the place of those of before; a single one is never twice.

        Raises StackError with a line for each that dies at once: its name, its exit status and the last line it said.
        One of the next two verbs comes after it: `put_back_processes`, or `finish`, with which all new ones stay.
        """

    def put_back_processes(self) -> Sequence[str]:
        """Undo it, which may have failed half-way, and name what runs again: what ran before. The new ones do not."""

    def wanted(self) -> int:
        """Give how many instances there are to be; what is missing or too much is the next four verbs'."""

    def add(self, release: str) -> Instance:
        """Start one instance more, without waiting for it to be ready; nobody comes to it yet."""

    def join(self, new: Instance) -> None:
        """Have people come to it."""

    def discard(self) -> None:
        """Undo `add`, which may have failed half-way."""

    def remove(self, old: Instance) -> None:
        """Have an instance drain, for good."""

    def replace(self, old: Instance, release: str) -> Instance:
        """Start this release in an instance's place and give the new instance, without waiting for it to be ready.

        In place (systemd): `old` is drained (SIGTERM, the whole stop chain) and its name started again from `release`.
        Surge (compose): another container is started beside `old`, which serves on until `retire`.
        """

    def ready(self, instance: Instance) -> bool:
        """Tell whether it answers /readyz, past nginx; raises StackError with its last lines once it never will."""

    def probe(self, instance: Instance, ticket: str) -> None:
        """Run `python -m deploy probe BIND` where this instance can be dialled, with the ticket as its stdin.

        BIND is `unix:/path.sock` or `host:port`, as in PARLEY_BIND; the ticket is a secret, so it is no argument.
        """

    def retire(self, old: Instance, new: Instance) -> None:
        """End what `replace` left beside the new one: surge drains and removes `old`; in place has nothing to do."""

    def put_back(self, old: Instance, new: Instance | None) -> None:
        """Undo `replace`, which may have failed half-way (then `new` is None): `old.release` serves in `old`'s place.

        In place: start `old.release` under its name again. Surge: remove `new`; `old` never stopped.
        """

    def finish(self, release: str) -> None:
        """Make this release the stack's own: what boots, what nginx is rendered from (checked, reloaded; put back when
        nginx refuses), and remove what is older than the last two releases."""

    def settle(self, say: Say, *, again: bool) -> None:
        """After `finish`: with `again` apply what else the operator changed, and say what another command is for."""
