"""What a release renders for itself on an installed host: a rollout runs this with the release's own code, because its
templates and the keys of its parley.toml may be others than those of the release that serves."""

import tomllib
from collections.abc import Iterator

from deploy.errors import BadInputError
from deploy.model.config import ROOT, Config, load
from deploy.model.sections import Site
from deploy.stacks.systemd import apply, host, plan
from deploy.stacks.systemd.plan import Wanted
from deploy.text.systemd import places, site
from deploy.text.systemd.places import Places


def env(at: Places) -> str:
    """Return which [env.NAME] a site was installed with; raises BadInputError where it is not installed."""
    try:
        return at.env.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        what = "Parley" if at.name == Site().name else f"The site {at.name}"
        raise BadInputError(f"{what} is not installed on this host: run sudo ./parley install") from None


def config(at: Places) -> Config:
    """Return the model of an installed site; raises BadInputError where its file gives it another name."""
    return read(at, env(at))


def read(at: Places, named: str) -> Config:
    """Return the model of a site whose own file is there; the name is its folder's, whichever checkout it came from."""
    found = load({"site": {"name": at.name}}, env=named, site=at.toml)
    said = tomllib.loads(at.toml.read_text(encoding="utf-8")).get("site", {}).get("name", at.name)
    if said != at.name:
        raise BadInputError(f"{at.toml}: site.name: this is the file of {at.name}; another site has a file of its own")
    return found


def configure(release: str, *, units: bool) -> Iterator[str]:
    """Render what belongs to a release, and the units where it becomes the stack's own; say what changed."""
    host.require_root("configure")
    at = places.here()
    model = config(at)
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
    )
    steps = plan.unit_steps(wanted) if units else plan.release_steps(wanted)
    for step in apply.due(steps):
        apply.do(step)
        yield step.says
