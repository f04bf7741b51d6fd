"""A project of somebody else on a host with systemd, installed from a folder in somebody's home."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.effects.client.address import Address
from tests.deploy.operations.rollout.releases import change
from tests.deploy.stacks.systemd.host import HOME, PERSON, TOML, WHEELS, Host, booted, relayed
from tests.foreign import PROJECTS


@dataclass(frozen=True)
class Site:
    """It serves, and this is the way there."""

    host: Host
    address: Address
    name: str  # of the site
    folder: str  # inside the host
    page: str
    sockets: tuple[str, ...] = ()
    each: int = 8

    def parley(self, *words: str, folder: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command on it."""
        return self.host.parley(*words, "--stack", "systemd", "--project", folder or self.folder, check=False)

    def done(self, *words: str) -> str:
        """Run a command that goes well, and give what it wrote."""
        done = self.parley(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def manage(self, *words: str) -> str:
        """Run a command of its manage.py, and give what it wrote."""
        done = self.host.parley("manage", "--stack", "systemd", "--project", self.folder, *words)
        return done.stdout

    @property
    def instances(self) -> list[Address]:
        """Each instance by itself, past nginx."""
        names = sorted(path.name for path in self.host.path(f"/opt/{self.name}/instances").iterdir())
        run = self.host.path(f"/run/{self.name}")
        return [self.address.instance(run / f"web-{name}.sock") for name in names]

    @property
    def releases(self) -> list[str]:
        """What each instance runs, by its working directory."""
        found = []
        for number in range(1, len(self.instances) + 1):
            pid = self.host.main(f"{self.name}-web@{number}.service")
            found.append(self.host.out("readlink", f"/proc/{pid}/cwd").split("/")[4])
        return found

    def with_sockets(self, *paths: str, each: int = 8) -> "Site":
        """Return it with people who have these open."""
        return replace(self, sockets=paths, each=each)

    def release(self, name: str, *changes: tuple[str, str, str]) -> str:
        """Copy the project beside it, changed; the folder inside the host."""
        inside = f"{HOME}/{name}"
        shutil.copytree(self.host.path(self.folder), self.host.path(inside))
        change(self.host.path(inside), *changes)
        return inside

    def unit(self, unit: str, *properties: str) -> dict[str, str]:
        """Ask systemd about one of its units."""
        said = self.host.out("systemctl", "show", f"{self.name}-{unit}", f"--property={','.join(properties)}")
        return dict(line.split("=", 1) for line in said.splitlines())

    def restored(self, model: str, *changes: str) -> None:
        """Back up, change the database with SQL, restore: the model's rows are as they were."""
        before = self.manage("dumpdata", model)
        assert json.loads(before)
        self.done("backup", "create")
        assert ": whole: " in self.done("backup", "verify")
        name = self.done("backup", "list").partition(":")[0]
        code = f"from django.db import connection\nfor sql in {changes!r}:\n    connection.cursor().execute(sql)"
        self.manage("shell", "-c", code)
        assert self.manage("dumpdata", model) != before
        early = self.parley("backup", "restore", name)
        assert (early.returncode, "stop them before a restore" in early.stderr) == (2, True), early.stderr
        units = [f"{self.name}-{unit}" for unit in ("nginx", "web@*", "process-*")]
        self.host.run("systemctl", "stop", *units)
        try:
            self.done("backup", "restore", name)
        finally:
            self.host.run("systemctl", "start", "--all", *units)
            self.until_ready()
        assert self.manage("dumpdata", model) == before

    def until_ready(self) -> None:
        """Have the doctor find nothing broken, once all of it has started."""
        self.done("doctor", "--wait", "30")


@contextlib.contextmanager
def installed(project: Path, page: str, *, name: str) -> Iterator[Site]:
    """Install a project that has its parley.toml as a newcomer does, on a host without a network."""
    with booted(requirements=requirements(project.name)) as host:
        inside = f"{HOME}/{project.name}"
        shutil.copytree(project, host.path(inside))
        host.run("chown", "--recursive", f"{PERSON}:{PERSON}", inside)
        etc = host.path(f"/etc/{name}")
        etc.mkdir()
        (etc / "parley.toml").write_text(TOML)
        before = host.out("sh", "-c", f"cd {inside} && find . -type f | sort | xargs sha256sum")
        host.parley("install", "--project", inside, "--wheels", WHEELS)
        with relayed(host, 443) as port:
            address = Address.at("https://localhost").through("127.0.0.1", port)
            yield Site(host, address, name, inside, page)
        assert host.out("sh", "-c", f"cd {inside} && find . -type f | sort | xargs sha256sum") == before


def requirements(project: str) -> Path:
    """Return the file of a project of tests/projects that names its packages."""
    found = [*(PROJECTS / project).glob("requirements.txt"), *(PROJECTS / project).glob("requirements/production.txt")]
    return found[0]
