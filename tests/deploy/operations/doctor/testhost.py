"""A running stack that is broken in one way at a time, and mended."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from deploy.effects import procfs
from deploy.effects.client.http_client import HttpClient
from deploy.model.config import Overrides
from deploy.operations.doctor import local
from deploy.operations.doctor.examine import Verdict, examine
from deploy.operations.doctor.target import Ticket
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.prepare import APP
from tests.running import Instance, RunningStack
from tests.waiting import PATIENCE

POLL = 0.02
Change = tuple[str, str, str]  # nginx's file, what stands there, and what is to


@dataclass
class HostUnderTest:
    """The stack, and what a row may do to it."""

    stack: RunningStack
    ticket: Ticket  # of an hour: manage.py is not asked for each row

    @property
    def layout(self) -> Layout:
        """Where its files lie."""
        return Layout.at(self.stack.directory)

    def examined(self, changes: Overrides | None = None, **options: Any) -> list[Verdict]:
        """Have the doctor look at it."""
        target = local.target(self.stack.directory, changes, **options)
        vars(target)["ticket"] = self.ticket
        return asyncio.run(examine(target))

    # nginx

    @contextlib.contextmanager
    def written(self, *changes: Change) -> Iterator[None]:
        """Change nginx's files on the disk, which nginx has not read."""
        before = {name: (self.layout.nginx / name).read_text() for name, _, _ in changes}
        try:
            for name, old, new in changes:
                path = self.layout.nginx / name
                text = path.read_text()
                assert old in text, f"{name} has no {old!r}"
                path.write_text(text.replace(old, new) if old else text + new)
            yield
        finally:
            for name, text in before.items():
                (self.layout.nginx / name).write_text(text)

    @contextlib.contextmanager
    def loaded(self, *changes: Change) -> Iterator[None]:
        """Have nginx run with changed files, which are put back on the disk: no file tells what is wrong."""
        try:
            with self.written(*changes):
                self.reload()
            yield
        finally:
            self.reload()

    def reload(self) -> None:
        """Have nginx read its files; returns when no worker of before is left."""
        master = self.stack.state["nginx_pid"]
        old = set(procfs.children(master))
        os.kill(master, signal.SIGHUP)
        self.until(lambda: (now := set(procfs.children(master))) and not now & old, "nginx's workers stayed")

    # Instances

    @contextlib.contextmanager
    def unattended(self) -> Iterator[Instance]:
        """Kill the second instance while `up` is stopped, so that nobody starts it again; yields what it was."""
        up, victim = self.stack.process.pid, self.stack.instances[1]
        os.kill(up, signal.SIGSTOP)
        try:
            for pid in (victim.pid, *victim.workers()):
                os.kill(pid, signal.SIGKILL)
                self.until(lambda pid=pid: not procfs.environment(pid), f"process {pid} stayed")
            yield victim
        finally:
            os.kill(up, signal.SIGCONT)
            self.until(lambda: self.stack.instances[1].pid not in {None, victim.pid}, "web-2 stayed away")
            self.until_ready()

    @contextlib.contextmanager
    def replaced(self, **variables: str) -> Iterator[None]:
        """Have the second instance run with other variables, in the place of the one that `up` started."""
        environment = dict(procfs.environment(self.stack.instances[1].pid)) | variables
        with self.unattended() as victim:
            command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "config.asgi:application"]
            quiet = subprocess.DEVNULL
            impostor = subprocess.Popen(command, env=environment, cwd=APP, stdout=quiet, stderr=quiet)
            try:
                state = self.stack.state
                state["instances"][1]["pid"] = impostor.pid
                self.layout.state.write_text(json.dumps(state))
                self.until_ready()
                yield
            finally:
                state["instances"][1]["pid"] = victim.pid
                self.layout.state.write_text(json.dumps(state))
                impostor.terminate()
                impostor.wait(PATIENCE)

    def until_ready(self) -> None:
        """Wait until each instance answers, and its layer is well."""

        def well(number: int) -> bool:
            with contextlib.suppress(OSError):
                reply = asyncio.run(HttpClient(self.stack.pinned(number), timeout=5).get("/readyz"))
                return reply.status == 200 and reply.json()["checks"]["layer"] == "ok"
            return False

        for number in range(2):
            self.until(lambda number=number: well(number), f"web-{number + 1} is not well")

    @contextlib.contextmanager
    def stopped(self, pid: int) -> Iterator[None]:
        """Stop a process as a debugger does."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)
            self.until_ready()

    @staticmethod
    def until(holds: Any, otherwise: str) -> None:
        """Wait until it holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, otherwise
            time.sleep(POLL)


@contextlib.contextmanager
def soft_limit(pids: Collection[int], number: int) -> Iterator[None]:
    """Lower the soft limit of open files of running processes."""
    before = [resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids]
    try:
        for pid, (_, hard) in zip(pids, before, strict=True):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (number, hard))
        yield
    finally:
        for pid, limits in zip(pids, before, strict=True):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
