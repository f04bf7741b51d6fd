"""One instance of a rollout: replaced, ready, probed; else put back as it was."""

import time

from deploy.effects.signals import unhurried
from deploy.errors import StackError
from deploy.stacks.stack import Instance, Say, Stack

READY_SECONDS = 90.0
PAUSE = 0.25


def swap(stack: Stack, old: Instance, release: str, ticket: str, say: Say, *, patience: float) -> None:
    """Have this release serve in an instance's place; raises StackError once the old one is back there."""
    new = None
    try:
        say(f"{old.name}: replacing {old.release}")
        new = stack.replace(old, release)
        wait(stack, new, patience)
        stack.probe(new, ticket)
    except BaseException as error:  # Ctrl-C too: nobody leaves an instance half-way
        reason = str(error) or type(error).__name__
        say(f"{old.name}: {reason.splitlines()[0]}; putting {old.release} back")
        with unhurried():
            put_back(stack, old, new, reason)
        if isinstance(error, StackError):
            now = f"serves {old.release} again" if old.running else "stays stopped"
            raise StackError(f"{old.name}: {reason}\n{old.name} {now}") from None
        raise
    stack.retire(old, new)
    say(f"{new.name}: serves {release}; {_came(stack, release)}")


def grow(stack: Stack, release: str, ticket: str, say: Say, *, patience: float) -> None:
    """Have one instance more; raises StackError with those that serve as they were."""
    say("starting one instance more")
    try:
        new = stack.add(release)
        wait(stack, new, patience)
        stack.probe(new, ticket)
    except BaseException:  # Ctrl-C too
        with unhurried():
            stack.discard()
        raise
    stack.join(new)
    say(f"{new.name}: serves {release}; {_came(stack, release)}")


def put_back(stack: Stack, old: Instance, new: Instance | None, reason: str) -> None:
    """Undo; raises StackError with both reasons when that fails too."""
    try:
        stack.put_back(old, new)
        if old.running:  # one that was down before need not come up now
            wait(stack, old, READY_SECONDS)
    except StackError as error:
        raise StackError(f"{old.name}: {reason}\nand {old.release} did not come back: {error}") from None


def _came(stack: Stack, release: str) -> str:
    return "a message came through" if stack.config_of(release).project.hooks.probe else "it answers"


def wait(stack: Stack, instance: Instance, seconds: float) -> None:
    """Wait until an instance is ready; raises StackError when it never will be, or not in time."""
    deadline = time.monotonic() + seconds
    while not stack.ready(instance):
        if time.monotonic() > deadline:
            raise StackError(f"{instance.name} was not ready within {seconds:g} s")
        time.sleep(PAUSE)
