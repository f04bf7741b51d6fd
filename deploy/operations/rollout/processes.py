"""A project's processes and jobs in a rollout: before the instances, so that nobody's socket pays for one that dies.

docs/decisions/processes.md says why.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.effects.signals import unhurried
from deploy.errors import StackError
from deploy.stacks.stack import Say, Stack


@contextmanager
def renewed(stack: Stack, release: str, say: Say) -> Iterator[None]:
    """Have those of this release run; those of before run again if one dies at once, or if the block fails."""
    project = stack.config.project
    if not (project.processes or project.schedule or stack.processes()):
        yield
        return
    say(f"starting the processes of {release} in the place of those of before")
    try:
        stack.renew_processes(release)
    except StackError as error:
        raise StackError(f"{error}; the processes of before run, and no instance was replaced") from None
    try:
        yield
    except BaseException:  # Ctrl-C too
        say("starting the processes of before again")
        with unhurried():
            stack.put_back_processes()
        raise
