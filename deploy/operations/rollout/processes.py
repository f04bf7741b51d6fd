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
    is_renewed = False
    try:
        stack.renew_processes(release)
        is_renewed = True
        yield
    except BaseException as error:  # Ctrl-C too
        reason = str(error) or type(error).__name__
        say("starting the processes of before again")
        with unhurried():
            _put_back(stack, reason)
        if isinstance(error, StackError) and not is_renewed:
            raise StackError(f"{reason}; the processes of before run, and no instance was replaced") from None
        raise


def _put_back(stack: Stack, reason: str) -> None:
    """Undo; raises StackError with both reasons where that fails too."""
    try:
        stack.put_back_processes()
    except StackError as error:
        raise StackError(f"{reason}\nand the processes of before did not come back: {error}") from None
