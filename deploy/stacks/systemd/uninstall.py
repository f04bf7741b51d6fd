"""`./parley uninstall`: what install made goes; what people made stays unless told otherwise."""

from collections.abc import Callable, Iterator

from deploy import runner
from deploy.errors import BadInputError, StackError
from deploy.stacks.systemd import doing, host, places, postgres, site, systemctl
from deploy.stacks.systemd.plan import POSTGRES, TIMERS
from deploy.stacks.systemd.steps import Down, Gone, Step

Say = Callable[[str], None]
# Stays beside the database, the secrets and the certificate: what somebody wrote, or cannot make again.
KEPT = (places.TOML, places.SECRETS, places.TLS, places.BACKUPS, places.ACME, places.ENV)


def uninstall(say: Say, *, purge: bool, dry_run: bool) -> None:
    """Stop everything and remove it; raises BadInputError where there is nothing."""
    host.require_root("uninstall")
    steps = doing.due(list(plan(purge=purge)))
    if not steps:
        raise BadInputError("Parley is not installed here")
    for step in steps:
        say(f"would {step.says}" if dry_run else step.says)
        if not dry_run:
            doing.do(step)
    own = own_database()
    if dry_run:
        say(f"would {'remove' if purge else 'keep'} the user and the database {places.USER}; nothing was changed")
        return
    systemctl.tell("daemon-reload")
    if not purge:
        say(f"kept: the user and the database {places.USER}, {places.ETC}, {places.STATE} (--purge removes them too)")
        return
    if own:
        drop_database(say)
    drop_user(say)


def plan(*, purge: bool) -> Iterator[Step]:
    """Give the steps, in their order: nothing is removed from under what runs."""
    units = host.units()
    plain = [unit for unit in units if "@" not in unit]
    running = [*(places.unit(number) for number in host.instances()), *plain]
    yield from (Down(unit) for unit in sorted(running, key=lambda unit: unit != places.TARGET))
    yield from (Gone(places.UNITS / unit) for unit in units)
    yield from (Gone(path) for path in (places.OPT, places.RUN, *(places.STAMPS / f"stamp-{one}" for one in TIMERS)))
    if purge:
        yield from (Gone(path) for path in (places.ETC, places.STATE))
        return
    for folder in (places.ETC, places.STATE):
        if folder.is_dir():
            yield from (Gone(path) for path in sorted(folder.iterdir()) if path not in KEPT)


def own_database() -> bool:
    """Tell whether the database is the distribution's own, which we made."""
    try:
        return places.DATABASE_URL.read_text(encoding="utf-8").strip() == site.own_database()
    except FileNotFoundError:
        return systemctl.active(POSTGRES)


def drop_database(say: Say) -> None:
    """Remove role and database; raises StackError where PostgreSQL does not run."""
    if not systemctl.active(POSTGRES):
        raise StackError(f"PostgreSQL does not run, so its database {places.USER} is still there")
    postgres.drop(places.USER)
    say(f"remove the role and the database {places.USER}")


def drop_user(say: Say) -> None:
    """Remove the system user."""
    if runner.run(["getent", "passwd", places.USER]).status == 0:
        runner.output(["userdel", places.USER])
        say(f"remove the system user {places.USER}")
