"""`./parley install`: what is missing on this host is made; nothing else is touched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.errors import BadInputError
from deploy.model import rules
from deploy.model.capacity import declared
from deploy.model.config import ROOT, Config, load
from deploy.model.release import release
from deploy.stacks import authority, certificate
from deploy.stacks.lock import held
from deploy.stacks.systemd import apply, configure, host, names, plan, readiness
from deploy.stacks.systemd.plan import Wanted
from deploy.stacks.systemd.steps import File, Step
from deploy.text.systemd import places, site
from deploy.text.systemd.places import Places

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
    steps = apply.due(plan.steps(wanted))
    if dry_run:
        for step in steps:
            say(f"would {step.says}")
        say(f"{len(steps)} steps; nothing was changed")
        return
    if steps:
        with held(wanted.at.state, "install"):
            for step in steps:
                say(step.says)
                apply.do(step)
    readiness.wait(wanted.at, wanted.config)
    conclude(wanted, steps, say)


def look(asked: Asked) -> Wanted:
    """Look at everything that could be wrong, before anything is changed; raises BadInputError."""
    at, named = places.here(asked.env), release()
    if at.current.is_symlink() and at.current.readlink().name != named:
        installed = at.current.readlink().name
        raise BadInputError(
            f"{installed} is installed, and this is {named}: deploy it with sudo ./parley rollout --stack systemd"
            f" (to install a site beside {at.name}, change site.name in parley.toml)"
        )
    if asked.wheels and not any(asked.wheels.glob("*.whl")):
        raise BadInputError(f"{asked.wheels} has no wheels")
    config, toml = configured(at, asked)
    names.require(at, config)
    size = site.fitting(config)
    certificate.look(certificate.Files(at.certificate, at.certificate_key))
    ca = authority.look(config)
    programs = host.programs(config)
    host.require_ports(at, config)
    return Wanted(
        config=config,
        size=size,
        programs=programs,
        env=asked.env,
        release=named,
        source=ROOT,
        wheels=asked.wheels,
        toml=toml,
        authority=ca,
        units_there=host.units(at),
        instances_there=host.instances(at),
    )


def configured(at: Places, asked: Asked) -> tuple[Config, str]:
    """Return the model of this host, and its own parley.toml; raises BadInputError where they disagree."""
    if not at.toml.exists():
        return first(at, asked)
    before = at.env.read_text(encoding="utf-8").strip() if at.env.exists() else asked.env
    if asked.env != before:
        raise BadInputError(f"this host was installed with --env {before}")
    config = configure.read(at, asked.env)
    if asked.port not in {None, config.site.port}:
        raise BadInputError(f"{at.toml} says port {config.site.port}: change it there")
    if missing := [name for name in asked.hosts if name.lower() not in config.site.hosts]:
        raise BadInputError(f"{at.toml} does not name {missing[0]}: add it there")
    return config, at.toml.read_text(encoding="utf-8")


def first(at: Places, asked: Asked) -> tuple[Config, str]:
    """Choose the numbers of a new host: one instance per core, or as many as the rules allow."""
    for cores in range(host.cores(), 0, -1):
        config = load(overrides(at, asked, cores), env=asked.env)
        if cores == 1 or not rules.broken(config, declared(config), site.STACK):
            break
    return config, site.toml(at, config.site.hosts, asked.port, cores)


def overrides(at: Places, asked: Asked, cores: int) -> dict[str, dict[str, Any]]:
    """Return what site.toml writes, as config.load takes it."""
    given: dict[str, Any] = {"name": at.name, "hosts": list(asked.hosts)}
    if asked.port is not None:
        given |= {"port": asked.port, "http_port": 0}
    return {"site": given, "app": {"instances": cores}, "nginx": {"workers": cores}}


def conclude(wanted: Wanted, done: Sequence[Step], say: Say) -> None:
    """Say where it is, and what does not hold yet."""
    changed = {step.path for step in done if isinstance(step, File)}
    environment = wanted.at.rendered(wanted.release) / places.APP_ENV
    if environment in changed and len(done) < len(plan.steps(wanted)) // 2:
        say("the instances run with the old settings until: sudo ./parley rollout --stack systemd --again")
    if not done:
        say("nothing to do")
    site = wanted.config.site
    say(f"{wanted.release} serves {site.origin(next(iter(site.names), 'localhost'))}/")
