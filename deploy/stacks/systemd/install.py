"""`./parley install`: what is missing on this host is made; nothing else is touched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deploy.errors import BadInputError
from deploy.model import reading, rules
from deploy.model.capacity import declared
from deploy.model.config import FILE, ROOT, Config, load
from deploy.model.overlay import ENV
from deploy.model.release import release
from deploy.stacks import authority, certificate
from deploy.stacks.lock import held
from deploy.stacks.systemd import apply, configure, foreign, host, identity, names, plan, readiness, staging
from deploy.stacks.systemd.plan import Wanted
from deploy.stacks.systemd.steps import File, Step
from deploy.text.systemd import places, site, whose
from deploy.text.systemd.foreign import Place
from deploy.text.systemd.places import Places

Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    env: str
    hosts: tuple[str, ...] = ()
    port: int | None = None
    wheels: Path | None = None
    project: Path | None = None

    @property
    def option(self) -> str:
        """Name the project to our commands."""
        return f" --project {self.project}" if self.project else ""


def install(asked: Asked, say: Say, *, dry_run: bool) -> None:
    """Install this checkout, or print what that would do; raises BadInputError with nothing touched."""
    host.require_root("install")
    wanted = look(asked, say)
    begun: list[Step] = []
    if wanted.project and not dry_run:
        begun = staged(wanted, say)
        place = foreign.read(wanted.config, wanted.at.release(wanted.release))
        wanted = replace(wanted, place=place, given=configure.given(wanted.at))
    steps = apply.due(plan.steps(wanted))
    if dry_run:
        for step in steps:
            say(f"would {step.says}")
        if wanted.project and not staging.staged(wanted.at.release(wanted.release)):
            say("more steps may follow from what the project says of its static and uploaded files")
        say(f"{len(steps)} steps; nothing was changed")
        return
    if steps:
        with held(wanted.at.state, "install"):
            for step in steps:
                say(step.says)
                apply.do(step)
    readiness.wait(wanted.at, wanted.config)
    conclude(wanted, [*begun, *steps], say, asked.option)


def staged(wanted: Wanted, say: Say) -> list[Step]:
    """Make a project's release: only then it is known where it has its files. Returns what was done."""
    steps = apply.due(plan.first(wanted))
    if steps:
        with held(wanted.at.state, "install"):
            for step in steps:
                say(step.says)
                apply.do(step)
    return steps


def look(asked: Asked, say: Say) -> Wanted:
    """Look at everything that could be wrong, before anything is changed; raises BadInputError."""
    at = whose.here(asked.env, asked.project)
    project = foreign.of(asked.project, asked.env, say) if asked.project else None
    identity.require(at, project.copies.config if project else Config())
    named = project.release if project else release()
    if at.current.is_symlink() and at.current.readlink().name != named:
        installed = at.current.readlink().name
        raise BadInputError(
            f"{installed} is installed, and this is {named}:"
            f" deploy it with sudo ./parley rollout --stack systemd{asked.option}"
            f" (to install a site beside {at.name}, change site.name in parley.toml)"
        )
    if asked.wheels and not any(asked.wheels.glob("*.whl")):
        raise BadInputError(f"{asked.wheels} has no wheels")
    config, toml = configured(at, asked)
    names.require(at, config)
    size = site.fitting(config)
    if project:
        foreign.require_host(project.copies.config)
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
        processes_there=host.processes(at),
        project=project,
        place=_place(config, at.release(named)),
        given=configure.given(at),
    )


def _place(config: Config, folder: Path) -> Place | None:
    """Return what a project's release says; of one that is not made yet, what every project begins with."""
    if config.is_own:
        return None
    return foreign.read(config, folder) if staging.staged(folder) else Place()


def configured(at: Places, asked: Asked) -> tuple[Config, str]:
    """Return the model of this host, and its own parley.toml; raises BadInputError where they disagree."""
    if not at.toml.exists():
        return first(at, asked)
    before = at.env.read_text(encoding="utf-8").strip() if at.env.exists() else asked.env
    if asked.env != before:
        raise BadInputError(f"this host was installed with --env {before}")
    config = configure.read(at, asked.env, asked.project)
    if asked.port not in {None, config.site.port}:
        raise BadInputError(f"{at.toml} says port {config.site.port}: change it there")
    if missing := [name for name in asked.hosts if name.lower() not in config.site.hosts]:
        raise BadInputError(f"{at.toml} does not name {missing[0]}: add it there")
    return config, at.toml.read_text(encoding="utf-8")


def first(at: Places, asked: Asked) -> tuple[Config, str]:
    """Choose the numbers of a new host: one instance per core, or as many as the rules allow."""
    own = _says_instances(asked)
    for cores in range(host.cores(), 0, -1):
        instances = 0 if own else cores
        config = load(overrides(at, asked, cores, instances), env=asked.env, project=asked.project)
        if cores == 1 or not rules.broken(config, declared(config), site.STACK):
            break
    hosts = config.site.hosts if asked.hosts or not asked.project else ()  # else the project's file goes on to decide
    return config, site.toml(at, hosts, asked.port, cores, instances=instances, option=asked.option)


def _says_instances(asked: Asked) -> bool:
    """Tell whether a project says itself how many instances it has: with state in its processes it is one."""
    if not asked.project:
        return False
    said = reading.toml(asked.project / FILE.name)
    tables = [said, said.get(ENV, {}).get(asked.env, {})]
    return any("instances" in one.get("app", {}) for one in tables)


def overrides(at: Places, asked: Asked, cores: int, instances: int) -> dict[str, dict[str, Any]]:
    """Return what site.toml writes, as config.load takes it."""
    hosts = [*load(env=asked.env, project=asked.project).site.hosts, *asked.hosts] if asked.project else asked.hosts
    given: dict[str, Any] = {"name": at.name, "hosts": list(dict.fromkeys(hosts))}
    if asked.port is not None:
        given |= {"port": asked.port, "http_port": 0}
    return {"site": given, "app": {"instances": instances} if instances else {}, "nginx": {"workers": cores}}


def conclude(wanted: Wanted, done: Sequence[Step], say: Say, option: str) -> None:
    """Say where it is, and what does not hold yet."""
    changed = {step.path for step in done if isinstance(step, File)}
    environment = wanted.at.rendered(wanted.release) / places.APP_ENV
    if environment in changed and len(done) < len(plan.steps(wanted)) // 2:
        say(f"the instances run with the old settings until: sudo ./parley rollout --stack systemd{option} --again")
    if not done:
        say("nothing to do")
    site = wanted.config.site
    say(f"{wanted.release} serves {site.origin(next(iter(site.names), 'localhost'))}/")
