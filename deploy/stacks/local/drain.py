"""`./parley drain INSTANCE`: end one instance's sockets gracefully; `up` starts it again."""

import os
import select
import signal

from deploy.config import Config
from deploy.errors import BadInputError, StackError
from deploy.stacks.local import state
from deploy.stacks.local.layout import Layout


def drain(config: Config, layout: Layout, name: str) -> None:
    """Send SIGTERM and wait for the end; raise BadInputError for an instance that does not run."""
    pids = {instance["name"]: instance["pid"] for instance in state.read(layout)["instances"]}
    if name not in pids:
        raise BadInputError(f"{name!r} is no instance of {layout.dir}: there are {', '.join(pids)}")
    if pids[name] is None:
        raise BadInputError(f"{name} is starting: nothing to drain")
    seconds = config.stop.kill_seconds
    try:
        handle = os.pidfd_open(pids[name])
    except ProcessLookupError:
        raise BadInputError(f"{name} has just ended: nothing to drain") from None
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(seconds * 1000):
            raise StackError(f"{name} has not ended after {seconds} s")
    finally:
        os.close(handle)
