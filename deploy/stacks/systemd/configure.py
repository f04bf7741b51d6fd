"""What a release renders for itself on an installed host: a rollout runs this with the release's own code, because its
templates and the keys of its parley.toml may be others than those of the release that serves."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model.config import ROOT, Config, load
from deploy.model.sections import Site
from deploy.stacks.systemd import apply, foreign, host, plan, store
from deploy.stacks.systemd.plan import Wanted
from deploy.text.systemd import site, whose
from deploy.text.systemd.foreign import Given
from deploy.text.systemd.places import Places


def env(at: Places, project: Path | None = None) -> str:
    """Return which [env.NAME] a site was installed with; raises BadInputError where it is not installed."""
    try:
        return at.env.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise missing(at, project) from None


def missing(at: Places, project: Path | None) -> BadInputError:
    """Say what to do where a site is not installed, or not to its end."""
    what = "Parley" if at.name == Site().name else f"The site {at.name}"
    option = f" --project {project}" if project else ""
    return BadInputError(f"{what} is not installed on this host: run sudo ./parley install{option}")


def config(at: Places, project: Path | None = None) -> Config:
    """Return the model of an installed site, of a project's folder or else of the release that boots.

    Raises BadInputError where its file gives it another name, or where the site is not the project's.
    """
    named, installed = env(at, project), whose.toml_of(at)
    if project and at.current.is_symlink() and not installed:
        raise BadInputError(f"the site {at.name} of this host is the reference chat: leave --project out")
    return read(at, named, project or installed)


def read(at: Places, named: str, project: Path | None) -> Config:
    """Return the model of a site whose own file is there; the name is its folder's, whichever checkout it came from."""
    found = load({"site": {"name": at.name}}, env=named, site=at.toml, project=project)
    said = tomllib.loads(at.toml.read_text(encoding="utf-8")).get("site", {}).get("name", at.name)
    if said != at.name:
        raise BadInputError(f"{at.toml}: site.name: this is the file of {at.name}; another site has a file of its own")
    return found


def given(at: Places) -> Given:
    """Return what this host has made for a project."""
    key = at.secret_key.read_text(encoding="ascii").split("\n")[0].strip() if at.secret_key.is_file() else ""
    return Given(key, store.url(at))


def configure(release: str, *, units: bool, instances: bool, processes: bool) -> Iterator[str]:
    """Render what belongs to a release, or its units where it becomes the stack's own; say what changed."""
    host.require_root("configure")
    at = whose.here()
    model = config(at)
    for step in apply.due(plan.kept(at, model)):  # before the URL of the Redis that keeps is asked for
        apply.do(step)
        yield step.says
    wanted = Wanted(
        config=model,
        size=site.fitting(model),
        programs=host.programs(model),
        env=env(at),
        release=release,
        source=ROOT,
        wheels=None,
        toml="",
        units_there=host.units(at),
        instances_there=host.instances(at),
        processes_there=host.processes(at),
        place=None if model.is_own else foreign.read(model, ROOT),
        given=given(at),
    )
    timers = plan.timer_steps(model)
    if units:
        steps = [*plan.unit_steps(wanted), *timers]
    elif instances:
        steps = plan.instance_steps(wanted)
    elif processes:
        steps = plan.process_steps(wanted)
    else:
        steps = [*plan.release_steps(wanted), *plan.store_steps(wanted)]
    for step in apply.due(steps):
        apply.do(step)
        yield step.says
