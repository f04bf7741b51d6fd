"""A project's processes and jobs in a rollout: before the instances, so that nobody's socket pays for one that dies.

docs/decisions/processes.md says why.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from deploy.effects.signals import unhurried
from deploy.errors import StackError
from deploy.stacks.stack import Say, Stack

STARTING = "starting the processes of {} in the place of those of before"


@contextmanager
def renewed(stack: Stack, release: str, say: Say) -> Iterator[None]:
    """Have those of this release run; those of before run again if one dies at once, or if the block fails."""
    if not stack.has_processes(release):
        yield
        return
    say(STARTING.format(release))
    is_renewed = False
    try:
        stack.renew_processes(release)
        is_renewed = True
        yield
    except BaseException as error:  # Ctrl-C too
        reason = str(error) or type(error).__name__
        say("starting the processes of before again")
        with unhurried():
            again = _put_back(stack, reason)
        if isinstance(error, StackError) and not is_renewed:
            now = f"{', '.join(again)} of before run again" if again else "of those of before none ran"
            raise StackError(f"{reason}; {now}, and no instance was replaced") from None
        raise


def begun(stack: Stack, release: str, say: Say) -> str:
    """Have those of this release run where there is no way back, and tell why one died at once, if one did."""
    if not stack.has_processes(release):
        return ""
    say(STARTING.format(release))
    try:
        stack.renew_processes(release)
    except StackError as error:
        return str(error)
    return ""


def _put_back(stack: Stack, reason: str) -> Sequence[str]:
    """Undo, and name what runs again; raises StackError with both reasons where that fails too."""
    try:
        return stack.put_back_processes()
    except StackError as error:
        raise StackError(f"{reason}\nand the processes of before did not come back: {error}") from None
