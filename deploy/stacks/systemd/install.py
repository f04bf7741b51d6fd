"""`./parley install`: what is missing on this host is made; nothing else is touched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy import rules
from deploy.capacity import declared
from deploy.config import ROOT, Config, load
from deploy.errors import BadInputError
from deploy.hosts import origin
from deploy.release import release
from deploy.stacks.lock import held
from deploy.stacks.systemd import answers, doing, host, places, plan, site
from deploy.stacks.systemd.plan import Wanted
from deploy.stacks.systemd.steps import File, Step

Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    env: str
    hosts: tuple[str, ...] = ()
    port: int | None = None
    wheels: Path | None = None


def install(asked: Asked, say: Say, *, dry_run: bool) -> None:
    """Install this checkout, or print what that would do; raises BadInputError with nothing touched."""
    host.require_root("install")
    wanted = look(asked)
    steps = doing.due(plan.steps(wanted))
    if dry_run:
        for step in steps:
            say(f"would {step.says}")
        say(f"{len(steps)} steps; nothing was changed")
        return
    if steps:
        with held(places.STATE, "install"):
            for step in steps:
                say(step.says)
                doing.do(step)
    answers.wait(wanted.config)
    conclude(wanted, steps, say)


def look(asked: Asked) -> Wanted:
    """Look at everything that could be wrong, before anything is changed; raises BadInputError."""
    named = release()
    if places.CURRENT.is_symlink() and places.CURRENT.readlink().name != named:
        installed = places.CURRENT.readlink().name
        raise BadInputError(
            f"{installed} is installed, and this is {named}: deploy it with sudo ./parley rollout --stack systemd"
        )
    if asked.wheels and not any(asked.wheels.glob("*.whl")):
        raise BadInputError(f"{asked.wheels} has no wheels")
    config, toml = configured(asked)
    size = site.fitting(config)
    programs = host.programs(config)
    host.require_ports(config)
    return Wanted(
        config=config,
        size=size,
        programs=programs,
        env=asked.env,
        release=named,
        source=ROOT,
        wheels=asked.wheels,
        toml=toml,
        units_there=host.units(),
        instances_there=host.instances(),
    )


def configured(asked: Asked) -> tuple[Config, str]:
    """Return the model of this host, and its own parley.toml; raises BadInputError where they disagree."""
    if not places.TOML.exists():
        return first(asked)
    before = places.ENV.read_text(encoding="utf-8").strip() if places.ENV.exists() else asked.env
    if asked.env != before:
        raise BadInputError(f"this host was installed with --env {before}")
    config = load(env=asked.env, site=places.TOML)
    if asked.port not in {None, config.site.port}:
        raise BadInputError(f"{places.TOML} says port {config.site.port}: change it there")
    if missing := [name for name in asked.hosts if name.lower() not in config.site.hosts]:
        raise BadInputError(f"{places.TOML} does not name {missing[0]}: add it there")
    return config, places.TOML.read_text(encoding="utf-8")


def first(asked: Asked) -> tuple[Config, str]:
    """Choose the numbers of a new host: one instance per core, or as many as the rules allow."""
    for cores in range(host.cores(), 0, -1):
        config = load(overrides(asked, cores), env=asked.env)
        if cores == 1 or not rules.broken(config, declared(config), site.STACK):
            break
    return config, site.toml(config.site.hosts, asked.port, cores)


def overrides(asked: Asked, cores: int) -> dict[str, dict[str, Any]]:
    """Return what site.toml writes, as config.load takes it."""
    own: dict[str, Any] = {"hosts": list(asked.hosts)}
    if asked.port is not None:
        own |= {"port": asked.port, "http_port": 0}
    return {"site": own, "app": {"instances": cores}, "nginx": {"workers": cores}}


def conclude(wanted: Wanted, done: Sequence[Step], say: Say) -> None:
    """Say where it is, and what does not hold yet."""
    changed = {step.path for step in done if isinstance(step, File)}
    environment = places.rendered(wanted.release) / places.APP_ENV
    if environment in changed and len(done) < len(plan.steps(wanted)) // 2:
        say("the instances run with the old settings until: sudo ./parley rollout --stack systemd --again")
    if not done:
        say("nothing to do")
    name = wanted.config.site.hosts[0] if wanted.config.site.hosts else "localhost"
    say(f"{wanted.release} serves {origin(name, wanted.config.site.port)}/")
