"""A stack in memory: it writes down what is asked of it, and breaks where it is told to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Never

from deploy.effects.client.address import Address
from deploy.errors import StackError
from deploy.model.config import Config, load
from deploy.stacks.secret_key import Act
from deploy.stacks.stack import HostStore, Instance, Media, Postgres, Say

OLD, NEW = "1.0.0-aaaaaaaa", "1.1.0-bbbbbbbb"


@dataclass
class FakeStack:
    """Two instances of OLD. `broken` holds (verb, release): that verb fails for that release.

    In place, as systemd replaces; with `surge`, as compose does.
    """

    folder: Path
    surge: bool = False
    broken: set[tuple[str, str]] = field(default_factory=set)
    serving: list[Instance] = field(default_factory=lambda: [Instance("web-1", OLD), Instance("web-2", OLD)])
    did: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=lambda: {OLD})
    finished: str = OLD
    breaking: Sequence[str] = ()  # operations that are pending, and that OLD cannot live with
    name: str = "fake"
    config: Config = field(default_factory=load)
    configs: dict[str, Config] = field(default_factory=dict)  # of a release that says something else
    url: str = "https://localhost:8443/"
    address: Address = field(default_factory=lambda: Address.at("https://localhost:8443/"))
    backups: Path = Path("/nonexistent")
    database: Postgres = field(default_factory=lambda: Postgres("parley"))
    media: Media | None = None
    store: HostStore | None = None
    beside: Sequence[str] = ()  # processes of the project that run
    halted: Sequence[str] = ()  # those that are stopped
    ran: Sequence[str] = ()  # before they were renewed
    number: int = 0  # of instances there are to be; 0: as many as there are
    added: list[Instance] = field(default_factory=list)  # and nobody comes to them yet

    @property
    def releases(self) -> list[str | None]:
        """What serves, instance by instance; None where nothing does."""
        return [instance.release if instance.running else None for instance in self.serving]

    def does(self, verb: str, release: str, name: str = "") -> None:
        """Note it, and fail where this verb is to fail for this release."""
        self.did.append(f"{verb} {name or release}")
        if {(verb, release), (f"{verb} {name}", release)} & self.broken:
            raise StackError(f"{verb} of {release} fails")

    def instances(self) -> Sequence[Instance]:
        return tuple(self.serving)

    def processes(self) -> Sequence[str]:
        return self.beside

    def config_of(self, release: str) -> Config:
        return self.configs.get(release, self.config)

    def has_processes(self, release: str) -> bool:
        return bool(self.config_of(release).project.processes or self.beside or self.halted)

    def pid(self, name: str) -> int | None:  # noqa: ARG002
        return None

    def stage(self, source: str | None) -> str:
        release = source or NEW
        self.does("stage", release)
        self.kept.add(release)
        return release

    def staged(self, release: str) -> bool:
        return release in self.kept

    def check(self, release: str) -> None:
        self.does("check", release)

    def plan(self, release: str) -> str:
        self.does("plan", release)
        pending = [f"chat.{number:04}_next" for number, _ in enumerate(self.breaking, 2)]
        found = [
            {"migration": name, "operation": what, "why": "it is used", "way": "take two steps"}
            for name, what in zip(pending, self.breaking, strict=True)
        ]
        return "a warning\n" + json.dumps({"pending": pending, "breaking": found}) + "\n"

    def migrate(self, release: str) -> None:
        self.does("migrate", release)
        self.breaking = ()

    def stop(self, instance: Instance) -> None:
        self.does("stop", instance.release, instance.name)
        self.serving[self.serving.index(instance)] = replace(instance, running=False)

    def start(self, instance: Instance) -> None:
        self.does("start", instance.release, instance.name)
        self.serving = [instance if one.name == instance.name else one for one in self.serving]

    def stop_processes(self, names: Sequence[str]) -> None:
        self.does("stop_processes", OLD, " ".join(names))
        self.beside, self.halted = (), self.beside

    def start_processes(self, names: Sequence[str]) -> None:
        self.does("start_processes", OLD, " ".join(names))
        self.beside, self.halted = names, ()

    def renew_processes(self, release: str) -> None:
        self.ran = self.beside
        self.beside = ()
        self.does("renew_processes", release)
        self.beside = self.ran or self.halted

    def put_back_processes(self) -> Sequence[str]:
        self.does("put_back_processes", OLD)
        self.beside = self.ran
        return self.ran

    def publish(self, release: str) -> None:
        self.does("publish", release)

    def manage(self, release: str, *arguments: str) -> str:  # noqa: ARG002
        self.does("manage", release)
        return "a warning\n" + json.dumps({"cookie": "sessionid=x", "room": "_probe"}) + "\n"

    def move(self, release: str, snapshot: Path) -> str:
        raise NotImplementedError(release, snapshot)

    def become_manage(self, *arguments: str) -> Never:
        raise AssertionError(f"a rollout never becomes manage.py {arguments}")

    def secret_key(self, act: Act) -> list[str]:
        raise AssertionError(f"a rollout leaves the key alone: {act}")

    def wanted(self) -> int:
        return self.number or len(self.serving)

    def add(self, release: str) -> Instance:
        self.does("add", release)
        self.added.append(Instance(f"web-{len(self.serving) + 1}", release))
        return self.added[-1]

    def join(self, new: Instance) -> None:
        self.does("join", new.release, new.name)
        self.added.remove(new)
        self.serving.append(new)

    def discard(self) -> None:
        self.did.append("discard")
        self.added.clear()

    def remove(self, old: Instance) -> None:
        self.does("remove", old.release, old.name)
        self.serving.remove(old)

    def settle(self, say: Say, *, again: bool) -> None:  # noqa: ARG002
        self.did.append(f"settle again={again}")

    def replace(self, old: Instance, release: str) -> Instance:
        place = self.serving.index(old)
        if not self.surge:
            self.serving[place] = replace(old, release=release, running=False)
        self.does("replace", release, old.name)
        new = Instance(f"{old.name}+" if self.surge else old.name, release)
        if self.surge:
            self.serving.append(new)
        else:
            self.serving[place] = new
        return new

    def ready(self, instance: Instance) -> bool:
        self.does("ready", instance.release, instance.name)
        return ("never ready", instance.release) not in self.broken

    def probe(self, instance: Instance, ticket: str) -> None:
        assert json.loads(ticket)["site"] == self.url
        self.does("probe", instance.release, instance.name)

    def retire(self, old: Instance, new: Instance) -> None:  # noqa: ARG002
        self.did.append(f"retire {old.name}")
        if self.surge:
            self.serving.remove(old)

    def put_back(self, old: Instance, new: Instance | None) -> None:
        self.does("put_back", old.release, old.name)
        if not self.surge:
            place = next(place for place, one in enumerate(self.serving) if one.name == old.name)
            self.serving[place] = old
        elif new:
            self.serving.remove(new)

    def finish(self, release: str) -> None:
        self.does("finish", release)
        self.beside, self.halted = self.beside or self.ran or self.halted, ()
        self.finished = release
