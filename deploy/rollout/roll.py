"""The rollout and the rollback: check, migrate, one instance after the other, record."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from deploy.errors import BadInputError, StackError
from deploy.rollout.history import History
from deploy.rollout.swap import READY_SECONDS, Say, swap
from deploy.stacks.lock import held
from deploy.stacks.stack import Stack


def rollout(
    stack: Stack,
    source: str | None,
    say: Say,
    *,
    why: str = "",
    again: bool = False,
    patience: float = READY_SECONDS,
) -> str:
    """Have the release of this source serve, and give its id; `again` replaces instances that serve it already, and
    `patience` is how many seconds an instance may take to be ready.

    Raises BadInputError with nothing touched, or StackError with the old release serving where the new one failed.
    """
    with held(stack.folder, "rollout", why):
        say("staging the release")
        release = stack.stage(source)
        found(stack)
        if serving(stack) == release and not again:
            raise BadInputError(f"{release} is running already: nothing to roll out (--again restarts its instances)")
        with recorded(stack, "rollout", release, why):
            say(f"checking {release}")
            stack.check(release)
            say("migrating the database; the old release keeps serving")
            stack.migrate(release)
            replace_all(stack, release, say, again=again, patience=patience)
        return release


def rollback(stack: Stack, say: Say, *, why: str = "") -> str:
    """Have the last good release serve that does not serve alone now, and give its id; the database stays as it is.

    After a rollout that failed half-way that is the one from before it. Raises as `rollout` does.
    """
    with held(stack.folder, "rollback", why):
        found(stack)
        release = last_good(stack)
        with recorded(stack, "rollback", release, why):
            say(f"checking {release}")
            stack.check(release)
            replace_all(stack, release, say)
        return release


def serving(stack: Stack) -> str | None:
    """Give the release that every instance runs; None while they differ, or while one is down."""
    instances = stack.instances()
    releases = {instance.release for instance in instances}
    return releases.pop() if len(releases) == 1 and all(instance.running for instance in instances) else None


def found(stack: Stack) -> None:
    """Write down the release that serves where no rollout of ours brought it: the installation did."""
    history = History(stack.folder)
    release = serving(stack)
    if release and history.good()[-1:] != [release]:
        history.add("found", release)


def last_good(stack: Stack) -> str:
    """Choose what to go back to; raises BadInputError where there is nothing."""
    now = serving(stack)
    for release in reversed(History(stack.folder).good()):
        if release != now and stack.staged(release):
            return release
    raise BadInputError(f"no earlier release of {stack.name} is kept here: nothing to go back to")


def replace_all(stack: Stack, release: str, say: Say, *, again: bool = False, patience: float = READY_SECONDS) -> None:
    """Replace one instance after the other; stop at the first that fails."""
    stack.publish(release)
    ticket = open_ticket(stack, release)
    done: list[str] = []
    for old in stack.instances():
        if old.release == release and old.running and not again:
            continue
        try:
            swap(stack, old, release, ticket, say, patience=patience)
        except StackError as error:
            rest = f"; {', '.join(done)} serve {release}: `./parley rollback` takes them back too" if done else ""
            raise StackError(f"{error}{rest}") from None
        done.append(old.name)
    stack.finish(release)


def open_ticket(stack: Stack, release: str) -> str:
    """Ask the app for a way in for the probe."""
    lines = stack.manage(release, "probe").strip().splitlines()
    try:
        return json.dumps({"site": stack.url, **json.loads(lines[-1])})
    except (IndexError, ValueError, TypeError):
        raise StackError(f"`manage.py probe` of {release} gave no ticket") from None


@contextmanager
def recorded(stack: Stack, what: Literal["rollout", "rollback"], release: str, why: str) -> Iterator[None]:
    """Write down how it ended."""
    history = History(stack.folder)
    try:
        yield
    except BaseException as error:
        history.add(what, release, why=why, failed=str(error) or type(error).__name__)
        raise
    history.add(what, release, why=why)
