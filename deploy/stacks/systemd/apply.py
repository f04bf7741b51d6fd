"""Looks whether a step is so already, and makes it so: the only place where an installation touches the host."""

import grp
import os
import stat
from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path
from secrets import token_urlsafe

from deploy.effects import commands, files
from deploy.effects.progress import say
from deploy.stacks import certificate, static
from deploy.stacks.systemd import foreign, postgres, staging, steps, store, systemctl
from deploy.stacks.systemd.steps import Step

SECRET_MODE = 0o640


def due(every: Sequence[Step]) -> list[Step]:
    """Give the steps that are not so yet, in their order."""
    begun = {step for step in every if not isinstance(step, steps.Run) and is_due(step)}
    return [step for step in every if step in begun or (isinstance(step, steps.Run) and begun & set(step.after))]


@singledispatch
def is_due(step: Step) -> bool:
    """Tell whether it is not so yet."""
    raise TypeError(step)


@singledispatch
def do(step: Step) -> None:
    """Make it so; raises StackError."""
    raise TypeError(step)


@is_due.register
def _(step: steps.Stage) -> bool:
    return not staging.staged(step.folder)


@do.register
def _(step: steps.Stage) -> None:
    staging.stage(step.source, step.folder, step.release, step.wheels)


@is_due.register
def _(step: steps.StageProject) -> bool:
    return not staging.staged(step.folder)


@do.register
def _(step: steps.StageProject) -> None:
    foreign.stage(step.source, step.at, step.folder, step.wheels, say)


@is_due.register
def _(step: steps.Store) -> bool:
    return not (step.path.is_file() and _owned(step.path, step.group, SECRET_MODE))


@do.register
def _(step: steps.Store) -> None:
    if not step.path.is_file():
        store.make(step.path)
    _own(step.path, step.group, SECRET_MODE)


@is_due.register
def _(step: steps.Account) -> bool:
    return _number(step.name) is None


@do.register
def _(step: steps.Account) -> None:
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    commands.output(["useradd", *options, "--shell", "/usr/sbin/nologin", step.name])


@is_due.register
def _(step: steps.Folder) -> bool:
    return not (step.path.is_dir() and _owned(step.path, step.group, step.mode))


@do.register
def _(step: steps.Folder) -> None:
    step.path.mkdir(mode=step.mode, parents=True, exist_ok=True)
    _own(step.path, step.group, step.mode)


@is_due.register
def _(step: steps.File) -> bool:
    same = step.path.is_file() and (step.once or step.path.read_bytes() == step.text.encode())
    return not (same and _owned(step.path, step.group, step.mode))


@do.register
def _(step: steps.File) -> None:
    if not (step.once and step.path.is_file()):
        files.write(step.path, step.text)
    _own(step.path, step.group, step.mode)


@is_due.register
def _(step: steps.Secret) -> bool:
    return not (step.path.is_file() and _owned(step.path, step.group, SECRET_MODE))


@do.register
def _(step: steps.Secret) -> None:
    if not step.path.is_file():
        files.write(step.path, token_urlsafe(step.size))
    _own(step.path, step.group, SECRET_MODE)


@is_due.register
def _(step: steps.Pair) -> bool:
    pair = certificate.Files(step.certificate, step.key)
    if not (_foreign(pair) or certificate.fits(pair, step.names)):
        return True
    return not all(_owned(path, step.group, SECRET_MODE) for path in (step.certificate, step.key))


@do.register
def _(step: steps.Pair) -> None:
    pair = certificate.Files(step.certificate, step.key)
    if not _foreign(pair):
        certificate.ensure(pair, step.names)
    for path in (step.certificate, step.key):
        _own(path, step.group, SECRET_MODE)


@is_due.register
def _(step: steps.Served) -> bool:
    return not (step.folder / "now").is_symlink()


@do.register
def _(step: steps.Served) -> None:
    commands.output(["sh", str(step.script), str(step.given), str(step.folder)])


@is_due.register
def _(step: steps.Link) -> bool:
    return not (step.path.is_symlink() and (step.once or step.path.readlink() == step.target))


@do.register
def _(step: steps.Link) -> None:
    link(step.path, step.target)


@is_due.register
def _(step: steps.Gone) -> bool:
    return os.path.lexists(step.path)


@do.register
def _(step: steps.Gone) -> None:
    files.remove(step.path)


@is_due.register
def _(step: steps.Publish) -> bool:
    return static.newest(step.folder) != step.release


@do.register
def _(step: steps.Publish) -> None:
    static.add(step.collected, step.folder, step.release)
    static.serves(step.folder, step.release)


@is_due.register
def _(step: steps.Database) -> bool:
    return not systemctl.active("postgresql.service") or not postgres.there(step.name)


@do.register
def _(step: steps.Database) -> None:
    postgres.make(step.name)


@do.register
def _(step: steps.Run) -> None:
    systemctl.tell(*step.command[1:]) if step.command[0] == "systemctl" else commands.output(step.command)


@is_due.register
def _(step: steps.Enabled) -> bool:
    return not systemctl.enabled(step.unit)


@do.register
def _(step: steps.Enabled) -> None:
    systemctl.tell("enable", "--quiet", step.unit)


@is_due.register
def _(step: steps.Active) -> bool:
    return not systemctl.active(step.unit)


@do.register
def _(step: steps.Active) -> None:
    systemctl.tell("start", step.unit)


@is_due.register
def _(step: steps.Down) -> bool:
    return systemctl.runs(step.unit) or systemctl.enabled(step.unit)  # a job at work is `activating`


@do.register
def _(step: steps.Down) -> None:
    systemctl.tell("disable", "--quiet", "--now", step.unit)


def link(path: Path, target: Path) -> None:
    """Point a link elsewhere in one step."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(path)


def _number(group: str) -> int | None:
    """Return a group's number; the users that we make have a group of their name."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def _own(path: Path, group: str, mode: int) -> None:
    os.chown(path, 0, grp.getgrnam(group).gr_gid)
    path.chmod(mode)


def _owned(path: Path, group: str, mode: int) -> bool:
    """Tell whether owner, group and mode are as they should be."""
    status = path.stat()
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, _number(group), mode)


def _foreign(pair: certificate.Files) -> bool:
    return pair.certificate.is_file() and not certificate.is_ours(pair)
