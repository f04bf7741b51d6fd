"""What a release renders for itself on an installed host: a rollout runs this with the release's own code, because its
templates and the keys of its parley.toml may be others than those of the release that serves."""

from collections.abc import Iterator

from deploy.config import ROOT, Config, load
from deploy.errors import BadInputError
from deploy.stacks.systemd import doing, host, places, plan, site
from deploy.stacks.systemd.plan import Wanted


def env() -> str:
    """Return which [env.NAME] this host was installed with; raises BadInputError where nothing is installed."""
    try:
        return places.ENV.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise BadInputError("Parley is not installed on this host: run sudo ./parley install") from None


def config() -> Config:
    """Return the model of this host."""
    return load(env=env(), site=places.TOML)


def configure(release: str, *, units: bool) -> Iterator[str]:
    """Render what belongs to a release, and the units where it becomes the stack's own; say what changed."""
    host.require_root("configure")
    model = config()
    wanted = Wanted(
        config=model,
        size=site.fitting(model),
        programs=host.programs(model),
        env=env(),
        release=release,
        source=ROOT,
        wheels=None,
        toml="",
        units_there=host.units(),
        instances_there=host.instances(),
    )
    steps = plan.unit_steps(wanted) if units else plan.release_steps(wanted)
    for step in doing.due(steps):
        doing.do(step)
        yield step.says
