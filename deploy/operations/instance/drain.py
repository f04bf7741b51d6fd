"""`./parley drain INSTANCE`: end one instance's sockets gracefully; whoever supervises it starts it again."""

import os
import select
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.errors import BadInputError, StackError
from deploy.stacks.installed import AnyName, installed, require_own
from deploy.stacks.local import state
from deploy.stacks.local.opened import opened


def drain(stack: AnyName, directory: Path | None, env: str | None, name: str, project: Path | None = None) -> float:
    """Drain the instance of this name, and give the seconds that it took.

    Raises BadInputError for one that is not there, StackError where it stays.
    """
    require_own(stack, directory, env)
    if stack == "local":
        config, layout = opened(project, directory)
        pids = {instance["name"]: instance["pid"] for instance in state.read(layout)["instances"]}
        return end(name, pids, str(layout.dir), config.stop.kill_seconds)
    found = installed(stack, env, project)
    running = {instance.name: found.pid(instance.name) for instance in found.instances()}
    return end(name, running, stack, found.config.stop.kill_seconds)


def end(name: str, pids: Mapping[str, int | None], where: str, seconds: int) -> float:
    """Send SIGTERM and wait for the end; give the seconds that it took."""
    if name not in pids:
        raise BadInputError(f"{name!r} is not an instance of {where}: there are {', '.join(pids)}")
    pid = pids[name]
    if pid is None:
        raise BadInputError(f"{name} is starting: nothing to drain")
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        raise BadInputError(f"{name} has just ended: nothing to drain") from None
    begun = time.monotonic()
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(seconds * 1000):
            raise StackError(f"{name} has not ended after {seconds} s")
    except PermissionError:
        raise BadInputError(f"{name} is another user's process: only root may drain it") from None
    finally:
        os.close(handle)
    return time.monotonic() - begun
