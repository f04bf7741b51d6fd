"""`./parley uninstall`: what install made goes; what people made stays unless told otherwise."""

from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.effects import commands
from deploy.errors import BadInputError, StackError
from deploy.model.config import load
from deploy.stacks.systemd import apply, configure, host, identity, names, postgres, systemctl
from deploy.stacks.systemd.steps import Down, Gone, Step
from deploy.text.systemd import places, site, whose
from deploy.text.systemd.places import Places

Say = Callable[[str], None]


def uninstall(say: Say, project: Path | None = None, *, purge: bool, dry_run: bool) -> None:
    """Stop everything and remove it; raises BadInputError where there is nothing."""
    host.require_root("uninstall")
    at = whose.here(project=project)
    steps = apply.due(list(plan(at, purge=purge))) if names.ours(at) else []
    if not steps:
        raise BadInputError(f"{site.title(at)} is not installed here")
    if project:
        identity.require(at, load(env=configure.env(at), project=project))
    if purge and not dry_run:
        require_said(at, project)
    say(f"site: {at.name}")
    last = Gone(at.etc)  # it says that the site is ours: with it there, what failed can be done again
    for step in steps:
        if dry_run:
            say(f"would {step.says}")
        elif step != last:
            _do(step, say)
    if dry_run:
        say(f"would {'remove' if purge else 'keep'} the user and the database {at.name}; nothing was changed")
        return
    systemctl.tell("daemon-reload")
    if not purge:
        say(f"kept: the user and the database {at.name}, {at.etc}, {at.state} (--purge removes them too)")
        return
    if own_database(at):
        drop_database(at, say)
    drop_user(at, say)
    _do(last, say)


def _do(step: Step, say: Say) -> None:
    say(step.says)
    apply.do(step)


def plan(at: Places, *, purge: bool) -> Iterator[Step]:
    """Give the steps, in their order: nothing is removed from under what runs."""
    units = host.units(at)
    plain = [unit for unit in units if "@" not in unit]
    running = [*(at.unit(number) for number in host.instances(at)), *host.processes(at), *plain]
    yield from (Down(unit) for unit in sorted(running, key=lambda unit: unit != at.target))
    yield from (Gone(places.UNITS / unit) for unit in units)
    timers = [unit for unit in units if unit.endswith(".timer")]
    yield from (Gone(path) for path in (at.opt, at.run, *(places.STAMPS / f"stamp-{one}" for one in timers)))
    if purge:
        yield from (Gone(path) for path in (at.state, at.etc))
        return
    # Beside the database, the secrets and the certificate: what somebody wrote, or cannot make again.
    kept = (at.toml, at.secrets, at.tls, at.env, at.owner, at.backups, at.acme, at.data, at.media, at.kept, at.store)
    for folder in (at.etc, at.state):
        if folder.is_dir():
            yield from (Gone(path) for path in sorted(folder.iterdir()) if path not in kept)


def require_said(at: Places, project: Path | None) -> None:
    """Raise BadInputError where the host has other sites and nobody said that it is this one.

    Every clone's parley.toml says the default name, and sudo drops the variable that says another one.
    """
    if len(every := names.sites()) > 1 and not whose.said(project):
        raise BadInputError(
            f"this host has the sites {', '.join(every)}: say whose data goes:"
            f" sudo env {places.VARIABLE}={at.name} ./parley uninstall --purge"
        )


def own_database(at: Places) -> bool:
    """Tell whether the database is the distribution's own, which we made."""
    try:
        return at.database_url.read_text(encoding="utf-8").strip() == site.own_database(at)
    except FileNotFoundError:
        return systemctl.active(postgres.UNIT)


def drop_database(at: Places, say: Say) -> None:
    """Remove role and database; raises StackError where PostgreSQL does not run."""
    if not systemctl.active(postgres.UNIT):
        raise StackError(f"PostgreSQL does not run, so its database {at.name} is still there")
    postgres.drop(at.name)
    say(f"remove the role and the database {at.name}")


def drop_user(at: Places, say: Say) -> None:
    """Remove the system user."""
    if commands.run(["getent", "passwd", at.name]).status == 0:
        commands.output(["userdel", at.name])
        say(f"remove the system user {at.name}")
