"""The rollout and the rollback: check, migrate, one instance after the other, record."""

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Literal

from deploy.effects.signals import unhurried
from deploy.errors import BadInputError, StackError
from deploy.operations.rollout import migrations
from deploy.operations.rollout.history import History
from deploy.operations.rollout.processes import begun, renewed
from deploy.operations.rollout.swap import READY_SECONDS, grow, swap
from deploy.stacks.lock import held
from deploy.stacks.stack import Instance, Say, Stack


def rollout(
    stack: Stack,
    source: str | None,
    say: Say,
    *,
    why: str = "",
    again: bool = False,
    patience: float = READY_SECONDS,
    outage: bool = False,
) -> str:
    """Have the release of this source serve, and give its id; `patience` is how many seconds an instance may take to be
    ready. `again` replaces instances that serve it already and applies what the operator changed, their number too.
    With `outage` nothing serves while migrations run that the old release could not live with; else they are refused.

    Raises BadInputError with no instance and no row touched, or StackError with the old release serving where the new
    one failed (with `outage`, once its migrations have run, nothing may serve; where nothing did and a process alone
    died, the new release does). On Compose the values of .env and
    parley.toml that `check` brought stay in both cases: what is started again reads them, of whatever release.
    """
    with held(stack.folder, "rollout", why):
        say("staging the release")
        release = stack.stage(source)
        found(stack)
        if serving(stack) == release and not again:
            raise BadInputError(f"{release} is running already: nothing to roll out (--again restarts its instances)")
        require_fit(stack, release)
        with recorded(stack, "rollout", release, why) as breaks:
            say(f"checking {release}")
            stack.check(release)
            breaking = migrations.plan(stack, release)
            if not outage:
                migrations.require(breaking)
            migrate(stack, release, say, breaking, breaks)
            project = stack.config_of(release).project
            pages = project.drill.pages or (() if project.health else ("/",))
            replace_all(stack, release, say, again=again, patience=patience, pages=pages)
        stack.settle(say, again=again)  # what fails here is no fault of the release, which serves
        return release


def migrate(stack: Stack, release: str, say: Say, found: migrations.Plan, breaks: list[str]) -> None:
    """Migrate while the old release serves, or while nothing does; fill in what it can live with no longer."""
    if not found.breaking:
        say("migrating the database; the old release keeps serving")
        migrations.migrate(stack, release)
        return
    stopped, beside = [instance for instance in stack.instances() if instance.running], stack.processes()
    what = "all instances, and the project's processes" if beside else "all instances"
    say(f"stopping {what}: the old release cannot live with what follows")
    try:
        for instance in stopped:
            stack.stop(instance)
        if beside:
            stack.stop_processes(beside)
        say("migrating the database; nothing serves")
        migrations.migrate(stack, release)
    except BaseException:
        # What a database refuses it takes back; an earlier migration of the same rollout may be there.
        with suppress(StackError):
            left = set(migrations.plan(stack, release).pending)
            breaks += [str(one) for one in found.breaking if one.migration not in left]
        say("starting the old release again")
        with unhurried():
            for instance in stopped:
                stack.start(instance)
            if beside:
                stack.start_processes(beside)
        raise
    breaks += [str(one) for one in found.breaking]


def rollback(stack: Stack, say: Say, *, why: str = "") -> str:
    """Have the last good release serve that does not serve alone now, and give its id; the database stays as it is.

    After a rollout that failed half-way that is the one from before it. Raises as `rollout` does.
    """
    with held(stack.folder, "rollback", why):
        found(stack)
        release = last_good(stack)
        require_fit(stack, release)
        with recorded(stack, "rollback", release, why):
            say(f"checking {release}")
            stack.check(release)
            replace_all(stack, release, say)
        stack.settle(say, again=False)
        return release


def require_fit(stack: Stack, release: str) -> None:
    """Raise BadInputError for a release of before a migration that it cannot live with, however it is to come back."""
    history = History(stack.folder)
    if release in {record.release for record in history.records() if not record.failed}:
        for first in history.breaks_since(release)[:1]:
            raise BadInputError(
                f"{release} cannot live with the database as it is now: {first}; restore a backup instead"
            )


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


def replace_all(
    stack: Stack,
    release: str,
    say: Say,
    *,
    again: bool = False,
    patience: float = READY_SECONDS,
    pages: Sequence[str] = (),
) -> None:
    """Replace the project's processes, then one instance after the other; stop at the first that fails.

    Where nothing serves, as after an outage, the instances come first: a process that dies does not keep the site down.
    """
    stack.publish(release)
    ticket = open_ticket(stack, release, pages)
    before = stack.instances()
    wanted = stack.wanted() if again else len(before)
    died = ""
    if any(old.running for old in before):
        with renewed(stack, release, say):
            replace_instances(stack, release, ticket, say, before=before, wanted=wanted, again=again, patience=patience)
    else:
        replace_instances(stack, release, ticket, say, before=before, wanted=wanted, again=again, patience=patience)
        died = begun(stack, release, say)
    for old in before[wanted:]:
        say(f"{old.name}: draining; there is to be one instance less")
        stack.remove(old)
    stack.finish(release)
    if died:
        raise StackError(f"{died}; the instances serve {release}, and this process is started again and again")


def replace_instances(
    stack: Stack,
    release: str,
    ticket: str,
    say: Say,
    *,
    before: Sequence[Instance],
    wanted: int,
    again: bool,
    patience: float,
) -> None:
    """Replace those of before, and start those that are missing; raises StackError that names what serves already."""
    done: list[str] = []
    try:
        for old in before[:wanted]:
            if old.release != release or not old.running or again:
                swap(stack, old, release, ticket, say, patience=patience)
                done.append(old.name)
        for _ in range(len(before), wanted):
            grow(stack, release, ticket, say, patience=patience)
    except StackError as error:
        rest = f"; {', '.join(done)} serve {release}: `./parley rollback` takes them back too" if done else ""
        raise StackError(f"{error}{rest}") from None


def open_ticket(stack: Stack, release: str, pages: Sequence[str] = ()) -> str:
    """Ask the app for a way in for the probe; one that has none is asked for its health, sockets and pages alone."""
    project = stack.config_of(release).project
    if not project.hooks.probe:
        sockets = dict.fromkeys((*project.sockets, *project.drill.sockets))
        ticket = {"site": stack.url, "health": project.health, "sockets": list(sockets)}
        return json.dumps(ticket | ({"pages": list(pages)} if pages else {}))
    lines = stack.manage(release, *shlex.split(project.hooks.probe)).strip().splitlines()
    try:
        return json.dumps({"site": stack.url, **json.loads(lines[-1])})
    except (IndexError, ValueError, TypeError):
        raise StackError(f"`manage.py {project.hooks.probe}` of {release} gave no ticket") from None


@contextmanager
def recorded(stack: Stack, what: Literal["rollout", "rollback"], release: str, why: str) -> Iterator[list[str]]:
    """Write down how it ended, and what was put into the list meanwhile."""
    history, breaks = History(stack.folder), list[str]()
    try:
        yield breaks
    except BaseException as error:
        history.add(what, release, why=why, failed=str(error) or type(error).__name__, breaks=breaks)
        raise
    history.add(what, release, why=why, breaks=breaks)
