"""A throw-away Debian with systemd as its first process, and Parley on it as `sudo ./parley install` leaves it."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deploy.effects.client.address import Address
from tests.deploy.operations.rollout.releases import release
from tests.deploy.stacks.systemd.wheels import wheels
from tests.kit import KIT, SUITE
from tests.waiting import PATIENCE

SCRIPT = KIT / "systemd-host"
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
WHEELS = "/wheels"
HOME = "/home/me"
CHECKOUT = f"{HOME}/parley"
PERSON = 1000
# The kit's host allows 20 000 open files, and all clients of a test come from one address.
TOML = """
[limits]
open_files = 20000

[nginx]
sockets_per_address = 0
handshakes_per_second = 0
"""
POLL = 0.05
CGROUPS = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))  # of version 2: beside version 1, or alone
BOOT_IN = ("sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"')


@dataclass(frozen=True)
class Host:
    """The host; every answer is as of now, and its processes have the numbers of this machine."""

    name: str
    root: Path  # its files, from here
    leader: int
    environment: dict[str, str] = field(repr=False)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as root."""
        done = subprocess.run(
            [str(SCRIPT), "run", self.name, *command],
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def out(self, *command: str) -> str:
        """Run a command in it and give what it wrote to stdout."""
        return self.run(*command).stdout.strip()

    def parley(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the launcher of the checkout in somebody's home, as sudo does."""
        return self.run(f"{CHECKOUT}/parley", *arguments, check=check)

    def path(self, inside: str) -> Path:
        """Give a path of the host as it is found from here; a link in it still leads where it does inside."""
        return self.root / inside.lstrip("/")

    def checkout(self, *changes: tuple[str, str, str], inside: str = CHECKOUT) -> str:
        """Put a copy of this checkout into the person's home, changed as said, in the place of what was there."""
        target = self.path(inside)
        shutil.rmtree(target, ignore_errors=True)
        release(target, *changes)
        (target / "wheels").symlink_to(WHEELS)
        self.run("chown", "--recursive", "--no-dereference", f"{PERSON}:{PERSON}", HOME)
        return inside

    def main(self, unit: str) -> int:
        """Give a unit's main process as the host numbers it; 0: none."""
        return int(self.out("systemctl", "show", unit, "--property=MainPID", "--value"))

    def pid(self, name: str) -> int | None:
        """Give the main process of web-N, nginx or redis, as this machine numbers it."""
        inside = self.main(f"parley-{name.replace('web-', 'web@')}.service")
        return self._here(inside) if inside else None

    def workers(self, name: str) -> list[int]:
        """Give the children of an instance's gunicorn, as this machine numbers them."""
        pid = self.pid(name)
        try:
            return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except FileNotFoundError:
            return []

    def instances(self) -> list[str]:
        """Name the instances, as `welcome.instance` does."""
        return [f"web-{path.name}" for path in sorted(self.path("/opt/parley/instances").iterdir())]

    def instance(self, name: str) -> Address:
        """Give the way to one instance, past nginx."""
        return Address.at("https://localhost").instance(self.path(f"/run/parley/{name}.sock"))

    def kill(self, name: str) -> None:
        """Kill the main process of web-N, nginx or redis."""
        pid = self.pid(name)
        assert pid, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)

    def until_ready(self, *, not_pids: dict[str, int] | None = None) -> None:
        """Wait until nginx and every instance answer; those named with another process than they had."""
        deadline = time.monotonic() + PATIENCE
        before = not_pids or {}
        while not all(self._answers(name) and self.pid(name) != before.get(name, 0) for name in self.instances()):
            assert time.monotonic() < deadline, self.out("journalctl", "--no-pager", "--lines=40", "--unit=parley*")
            time.sleep(POLL)

    def journal(self, unit: str, *options: str) -> list[str]:
        """Give what a unit wrote, line by line."""
        return self.out("journalctl", "--no-pager", "--output=cat", f"--unit={unit}", *options).splitlines()

    def cursor(self) -> str:
        """Say where the journal ends now."""
        return self.out("journalctl", "--lines=0", "--quiet", "--show-cursor").removeprefix("-- cursor: ")

    def _answers(self, name: str) -> bool:
        url = "http://localhost/readyz"
        socket_ = f"/run/parley/{name}.sock"
        return self.run("curl", "-sf", "-m2", "--unix-socket", socket_, url, check=False).returncode == 0

    def _here(self, inside: int) -> int | None:
        """Find a process by the number it has in the host."""
        namespace = Path(f"/proc/{self.leader}/ns/pid").readlink()
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (folder / "ns" / "pid").readlink() != namespace:
                    continue
                line = next(one for one in (folder / "status").read_text().splitlines() if one.startswith("NSpid:"))
                if int(line.split()[-1]) == inside:
                    return int(folder.name)
        return None


@contextlib.contextmanager
def booted(suite: str = SUITE, requirements: Path | None = None) -> Iterator[Host]:
    """Boot a host with this checkout in somebody's home, the wheels, and Debian's own nginx out of the way.

    `requirements` are a project's, whose wheels it has too.
    """
    name = f"parley-{os.getpid()}-{secrets.token_hex(2)}"
    environment = {**os.environ, "SUITE": suite}
    bring = f"--bind-ro={wheels(PYTHONS[suite], requirements)}:{WHEELS}"
    with own_cgroup(name) as folder:
        # The script gives it a session of its own: Ctrl-C on the tests is for them to hear first.
        command = [*BOOT_IN, str(folder), str(SCRIPT), "boot", name, bring]
        boot = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert boot.returncode == 0, boot.stderr
        try:
            root = Path(boot.stdout.strip())
            host = Host(name, root, int(root.parent.name), environment)
            host.run("systemctl", "disable", "--quiet", "--now", "nginx")
            host.run("useradd", "--create-home", "--uid", str(PERSON), "me")
            host.checkout()
            yield host
        finally:
            subprocess.run([str(SCRIPT), "stop", name], env=environment, check=True, capture_output=True)


@contextlib.contextmanager
def own_cgroup(name: str) -> Iterator[Path]:
    """Make a control group for a host: in one of all hosts, units of one name would be each other's processes."""
    folder = next(one for one in CGROUPS if (one / "cgroup.procs").exists()) / name
    folder.mkdir()
    try:
        yield folder
    finally:
        for path, _, _ in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):
                Path(path).rmdir()


@dataclass(frozen=True)
class Installed:
    """A host that serves, and the way there from this machine's network."""

    host: Host
    address: Address  # through nginx
    install_seconds: float


@contextlib.contextmanager
def installed(
    suite: str = SUITE, toml: str = TOML, changes: tuple[tuple[str, str, str], ...] = ()
) -> Iterator[Installed]:
    """Install as a newcomer does, on a host without a network; `changes` are of the checkout."""
    with booted(suite) as host:
        if changes:
            host.checkout(*changes)
        etc = host.path("/etc/parley")
        etc.mkdir()
        (etc / "parley.toml").write_text(toml)
        began = time.monotonic()
        host.parley("install", "--wheels", WHEELS)
        with relayed(host, 443) as port:
            yield Installed(host, Address.at("https://localhost").through("127.0.0.1", port), time.monotonic() - began)


@contextlib.contextmanager
def relayed(host: Host, port: int) -> Iterator[int]:
    """Listen on a port of this machine for a port of the host's own network, and give it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor = listener.fileno()
        enter = ["nsenter", "--target", str(host.leader), "--net", "--"]
        script = [sys.executable, str(Path(__file__).with_name("relay.py")), str(descriptor), str(port)]
        process = subprocess.Popen([*enter, *script], pass_fds=[descriptor])
        try:
            yield listener.getsockname()[1]
        finally:
            process.terminate()
            process.wait(10)
