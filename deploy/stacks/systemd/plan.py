"""What an installed host should be like, step by step. Pure: nothing here looks at the host."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.model.capacity import Capacity
from deploy.model.config import Config
from deploy.model.hosts import LOOPBACK
from deploy.stacks.secret_key import KEY_BYTES
from deploy.stacks.systemd import identity, postgres
from deploy.stacks.systemd.foreign import KEPT, Source
from deploy.stacks.systemd.steps import (
    Account,
    Active,
    Database,
    Down,
    Enabled,
    File,
    Folder,
    Gone,
    Link,
    Pair,
    Publish,
    Run,
    Secret,
    Served,
    Stage,
    StageProject,
    Step,
    Store,
)
from deploy.text import render
from deploy.text.compose.site import is_sqlite
from deploy.text.systemd import places, site
from deploy.text.systemd.foreign import Given, Place
from deploy.text.systemd.places import Places
from deploy.text.systemd.site import Programs


@dataclass(frozen=True)
class Wanted:
    """Everything an installation is made of."""

    config: Config
    size: Capacity
    programs: Programs
    env: str
    release: str
    source: Path
    wheels: Path | None
    toml: str  # the first /etc/parley/parley.toml
    authority: str = ""  # the text of redis.ca_file
    units_there: tuple[str, ...] = ()  # our unit files on the host
    instances_there: tuple[int, ...] = ()  # the instances that it has
    processes_there: tuple[str, ...] = ()  # of [project.processes], that it has
    project: Source | None = None  # None: the reference chat, or an installed release
    place: Place | None = None  # what a project's release says of itself; None: the chat's
    given: Given = field(default_factory=Given)

    @property
    def at(self) -> Places:
        """Where all of it goes."""
        return Places(self.config.site.name)


def first(wanted: Wanted) -> list[Step]:
    """Return what takes longest and fails first; a project's code runs as its own user meanwhile."""
    at = wanted.at
    folder = at.release(wanted.release)
    if wanted.project is None:
        return [Folder(at.opt), Folder(at.releases), Stage(wanted.release, folder, wanted.source, wanted.wheels)]
    return [
        Folder(at.opt),
        Folder(at.releases),
        Folder(at.environments),
        Account(at.name),
        *folders(at),
        *ours(wanted),  # so that what the project's code breaks can be removed, or gone on with
        *kept(at, wanted.config),
        Secret(at.secret_key, KEY_BYTES, at.name),
        StageProject(wanted.project, at, folder, wanted.wheels),
    ]


def steps(wanted: Wanted) -> list[Step]:
    """Return all steps in their order."""
    begun = first(wanted)
    return [*begun, *(step for step in _others(wanted) if step not in begun)]


def _others(wanted: Wanted) -> list[Step]:
    config, at = wanted.config, wanted.at
    folder, migrate = at.release(wanted.release), at.migrate(wanted.release)
    current = Link(at.current, folder)
    numbers = range(1, config.app.instances + 1)
    pair = Pair(at.certificate, at.certificate_key, (*LOOPBACK, *config.site.names), at.name)
    return [
        Account(at.name),
        *folders(at),
        *ours(wanted),
        Secret(at.secret_key, KEY_BYTES, at.name),
        *(File(path, text, 0o640, at.name) for path, text in site.secrets(config).items()),
        File(at.redis_ca, wanted.authority, 0o640, at.name) if wanted.authority else Gone(at.redis_ca),
        pair,
        *release_steps(wanted),
        *unit_steps(wanted),
        *([Active(postgres.UNIT), Database(at.name)] if site.runs_postgres(config) else []),
        *([Active(at.store_unit)] if site.keeps(config) else []),
        Run(("systemctl", "start", migrate), (current,)),
        Publish(wanted.release, folder / places.COLLECTED, at.static),
        *(Link(at.instance(number), folder, once=True) for number in numbers),
        *(Link(at.processes / name, folder, once=True) for name in config.project.processes),
        current,
        *running(at, config),
        *([Run(("systemctl", "try-restart", at.probe), (pair,))] if config.app.metrics_port else []),
        Run(
            ("systemctl", "reload", at.nginx), (pair, *(one for one in rendered(wanted) if one.path.suffix == ".conf"))
        ),
    ]


def folders(at: Places) -> list[Folder]:
    """Return the folders. What holds something secret is for root to write and for our group to read."""
    group = at.name
    return [
        Folder(at.instances),
        *(Folder(path, 0o750, group) for path in (at.etc, at.secrets, at.tls, at.rendered_all)),
        Folder(at.state, 0o750, group),
        Folder(at.static),
        Folder(at.served),
        *(Folder(path) for path in (at.acme, at.challenges.parent, at.challenges)),
        Folder(at.backups, 0o700),
    ]


def ours(wanted: Wanted) -> list[File]:
    """Return the files that say that the site is installed, and how."""
    at = wanted.at
    return [
        File(at.toml, wanted.toml, 0o640, at.name, once=True),
        File(at.env, f"{wanted.env}\n", 0o640, at.name),
        File(at.owner, f"{identity.of(wanted.config)}\n", 0o640, at.name, once=True),
    ]


def kept(at: Places, config: Config) -> list[Step]:
    """Return what a project's own processes write into, and the secret of the Redis that keeps."""
    media = config.project.has_uploads
    wanted = {at.data: is_sqlite(config), at.media: media}
    found: list[Step] = [Folder(path, KEPT, at.name) for path, is_wanted in wanted.items() if is_wanted]
    if config.project.sandbox.write:  # the folders in it are what the processes write into
        found.append(Folder(at.kept, 0o750, at.name))
    if site.keeps(config):
        found += [Folder(at.store, KEPT, at.name), Store(at.store_conf, at.name)]
    if config.project.processes:
        found.append(Folder(at.processes))
    return found


def release_steps(wanted: Wanted) -> list[Step]:
    """Return what is rendered for the release, the pair that its nginx reads, and the link from its folder."""
    at = wanted.at
    folder, files = at.rendered(wanted.release), rendered(wanted)
    unused = render.nginx_names() - {one.path.name for one in files}
    return [
        Folder(at.served_tls, 0o2750, at.name),  # what is put there has our group, whoever does it
        Served(wanted.source / places.EDGE, at.tls, at.served_tls),
        *(Folder(path, 0o750, at.name) for path in (folder, folder / "nginx")),
        *files,
        *(Gone(folder / "nginx" / name) for name in sorted(unused)),
        Link(at.release(wanted.release) / places.LINK, folder),
        *secret_steps(wanted),
    ]


def secret_steps(wanted: Wanted) -> list[Step]:
    """Return the files of [project.env], of which nginx sees nothing."""
    if wanted.place is None:
        return []
    at = wanted.at
    folder = at.own_secrets / wanted.release
    texts = site.secret_files(wanted.config, wanted.size, wanted.release, wanted.place, wanted.given)
    return [
        Folder(at.own_secrets, 0o750, at.name),
        Folder(folder, 0o750, at.name),
        *(File(folder / name, text, 0o640, at.name) for name, text in texts.items()),
        Link(at.release(wanted.release) / places.SECRETS, folder),
    ]


def unit_steps(wanted: Wanted) -> list[Step]:
    """Return the units, without those of an earlier configuration."""
    texts = site.units(wanted.config, wanted.size, wanted.programs)
    units = tuple(File(places.UNITS / name, text) for name, text in texts.items())
    old = obsolete(wanted, list(texts))
    probe = tuple(one for one in units if one.path.name == wanted.at.probe)
    return [
        *units,
        *old,
        Run(("systemctl", "daemon-reload"), (*units, *old)),
        # An instance more takes the port that it had.
        *([Run(("systemctl", "try-restart", wanted.at.probe), probe)] if probe else []),
    ]


def rendered(wanted: Wanted) -> list[File]:
    """Return the files of the release."""
    texts = site.release_files(wanted.config, wanted.size, wanted.programs, wanted.release, wanted.place)
    folder = wanted.at.rendered(wanted.release)
    return [File(folder / name, text, 0o640, wanted.at.name) for name, text in texts.items()]


def instance_units(at: Places, config: Config) -> list[str]:
    """Name the instances' units."""
    return [at.unit(number) for number in range(1, config.app.instances + 1)]


def beside(at: Places, config: Config) -> list[str]:
    """Name the units that no visitor meets."""
    return [*site.timers(config), *([at.probe] if config.app.metrics_port else [])]


def store_steps(wanted: Wanted) -> list[Step]:
    """Return the unit of the Redis that keeps, which runs before a release asks for it."""
    unit = wanted.at.store_unit
    if not site.keeps(wanted.config):
        return []
    text = site.units(wanted.config, wanted.size, wanted.programs)[unit]
    file = File(places.UNITS / unit, text)
    return [file, Run(("systemctl", "daemon-reload"), (file,)), Enabled(unit), Active(unit)]


def process_steps(wanted: Wanted) -> list[Step]:
    """Return the units of [project.processes], without those of an earlier configuration."""
    at = wanted.at
    texts = site.units(wanted.config, wanted.size, wanted.programs)
    begin = at.process("", "").partition("@")[0]
    units = tuple(File(places.UNITS / name, text) for name, text in texts.items() if name.startswith(begin))
    ended = tuple(_ended(wanted))
    return [*ended, *units, Run(("systemctl", "daemon-reload"), units)]


def instance_steps(wanted: Wanted) -> list[Step]:
    """Return the units that start an instance, and that migrate: a release may need a sandbox of its own."""
    texts = site.units(wanted.config, wanted.size, wanted.programs)
    names = (wanted.at.unit(""), wanted.at.migrate(""))
    units = tuple(File(places.UNITS / name, texts[name]) for name in names)
    return [*units, Run(("systemctl", "daemon-reload"), units)]


def timer_steps(config: Config) -> list[Step]:
    """Return the timers, which a release may be the first to have."""
    every = site.timers(config)
    return [*(Enabled(unit) for unit in every), *(Active(unit) for unit in every)]


def process_units(at: Places, config: Config) -> list[str]:
    """Name the units of [project.processes]."""
    found = config.project.processes.items()
    return [at.process(name, number) for name, one in found for number in range(1, one.instances + 1)]


def running(at: Places, config: Config) -> list[Step]:
    """Return what starts at boot, and now: nginx last, when there is somebody behind it."""
    services = [*([at.redis] if config.brings_redis else []), *instance_units(at, config), at.nginx]
    if site.keeps(config):
        services.insert(0, at.store_unit)
    units = [*services, *process_units(at, config), *beside(at, config), at.target]
    return [*(Enabled(unit) for unit in units), *(Active(unit) for unit in units)]


def obsolete(wanted: Wanted, units: Sequence[str]) -> list[Step]:
    """Return what an earlier configuration had: more instances, a Redis of its own."""
    at = wanted.at
    more = [number for number in wanted.instances_there if number > wanted.config.app.instances]
    gone = [unit for unit in wanted.units_there if unit not in units]
    return [
        *_ended(wanted),
        *(Down(at.unit(number)) for number in more),
        *(Gone(at.instance(number)) for number in more),
        *(Down(unit) for unit in gone if "@" not in unit),
        *(Gone(places.UNITS / unit) for unit in gone),
    ]


def _ended(wanted: Wanted) -> list[Step]:
    """Return the processes that a configuration has no more."""
    units = process_units(wanted.at, wanted.config)
    return [Down(unit) for unit in wanted.processes_there if unit not in units]
