"""`./parley render …`: the files that a stack's own commands write, written somewhere else."""

import os
from collections.abc import Callable
from pathlib import Path

from deploy.effects import files
from deploy.effects.progress import say
from deploy.errors import BadInputError
from deploy.model.capacity import capacity, declared
from deploy.model.config import LOCAL, Config, load, stack
from deploy.model.release import release
from deploy.operations.watch import metrics_address
from deploy.stacks import owner
from deploy.stacks.compose.context import Context
from deploy.stacks.compose.project import home
from deploy.stacks.installed import require_own
from deploy.stacks.local import application, state
from deploy.stacks.local import rendered as local
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.limits import open_files
from deploy.stacks.systemd.foreign import Source
from deploy.text import prometheus
from deploy.text.compose import file as compose
from deploy.text.prometheus import Targets
from deploy.text.systemd import site as systemd
from deploy.text.systemd.foreign import Place

INSTALLED: dict[str, Callable[[Config], dict[str, str]]] = {"compose": compose.nginx, "systemd": systemd.nginx_files}
TARGETS: dict[str, Callable[[Config], Targets]] = {
    "compose": prometheus.of_compose,
    "systemd": prometheus.of_systemd,
}
READABLE = 0o644
OWNER = ".project"  # in a folder that was named, whose it is


def write_nginx(env: str, folder: Path | None, out: Path, project: Path | None = None) -> None:
    """Write nginx's configuration for an environment; `folder` is `up`'s --dir, and no other stack has one."""
    of = stack(env, project=project)
    require_own(of, folder, None)
    config = load(env=env, project=project)
    if not config.is_own:
        for line in application.unserved(config, application.last(Layout.of(config, folder))):
            say(line)
    files.write_all(out, local.nginx(config, Layout.of(config, folder)) if of == LOCAL else INSTALLED[of](config))


def write_compose(env: str, out: Path | None, project: Path | None = None) -> None:
    """Write docker-compose.prod.yml; for a project, what its image is built from beside it."""
    config = load(env=env, project=project)
    if project is not None:
        # The default folder is one of the state that `up` has of this name, too.
        _write_project(config, env, out or home(config), Layout.of(config, None).owner if out is None else out / OWNER)
        return
    if out is None:
        raise BadInputError("name the folder to write to: --out FOLDER")
    text = compose.compose_file(config, env)
    files.make_folder(out)
    files.write(out / compose.FILE, text, READABLE)


def _write_project(config: Config, env: str, out: Path | None, owned_by: Path) -> None:
    owner.require(config, owned_by)
    folder = Path(os.path.abspath(out or "."))  # noqa: PTH100 (keeps symlinks as typed)
    text = compose.compose_file(config, env, folder)
    found = Context.of(config, say)
    files.make_folder(folder)
    owner.claim(config, owned_by)
    found.write(folder / compose.CONTEXT)
    files.remove(folder / compose.PRIVATE / compose.VARIABLES)
    if config.project.env:
        # Readable, for another user reads it in a container; the folder around it is private.
        files.make_folder(folder / compose.PRIVATE)
        files.write(folder / compose.PRIVATE / compose.VARIABLES, compose.variables(config), READABLE)
    files.write(folder / compose.FILE, text)
    say(f"{folder / compose.FILE}: release {found.release}, Python {found.python}")


def write_systemd(env: str, out: Path, project: Path | None = None) -> None:
    """Write what a host of Debian 12 is installed with: its units, and what belongs to the release."""
    config = load(env=env, project=project)
    size = systemd.fitting(config)
    if config.is_own:
        named, place = release(), None
    else:
        named, place = Source.of(config, say).release, Place(config.project.path, config.project.paths)
        for line in application.unserved(config, None):
            say(line)
    files.write_all(out, systemd.units(config, size, systemd.Programs()))
    for name, text in systemd.release_files(config, size, systemd.Programs(), named, place).items():
        files.make_folder((out / "etc" / name).parent)
        files.write(out / "etc" / name, text)


def write_prometheus(env: str, folder: Path | None, every: int | None, out: Path, project: Path | None = None) -> None:
    """Write Prometheus' configuration; the running `up` in `folder` names its own ports."""
    of = stack(env, project=project)
    require_own(of, folder, None)
    config = load({"monitoring": {"scrape_seconds": every}} if every else {}, env=env, project=project)
    if of == LOCAL:
        found, size = _running(Layout.of(config, folder)), capacity(config, open_files())
    else:
        found, size = TARGETS[of](config), declared(config)
    files.write_all(out, prometheus.rendered(config, size, found))


def _running(layout: Layout) -> Targets:
    """Ask `up`, and the `watch` beside it if there is one."""
    instances = {one["name"]: one["metrics"] for one in state.read(layout)["instances"]}
    probe = metrics_address.read(layout)
    return Targets(instances, probe.metrics, probe.seconds) if probe else Targets(instances)
