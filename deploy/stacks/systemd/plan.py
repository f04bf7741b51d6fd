"""What an installed host should be like, step by step. Pure: nothing here looks at the host."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.capacity import Capacity
from deploy.config import Config
from deploy.hosts import LOOPBACK
from deploy.stacks.secret_key import KEY_BYTES
from deploy.stacks.systemd import places, site
from deploy.stacks.systemd.site import Programs
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
    Stage,
    Step,
)

TIMERS = ("parley-cleanup.timer", "parley-backup.timer")
NGINX = "parley-nginx.service"
REDIS = "parley-redis.service"
PROBE = "parley-probe.service"
POSTGRES = "postgresql.service"


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
    units_there: tuple[str, ...] = ()  # our unit files on the host
    instances_there: tuple[int, ...] = ()  # the instances that it has


def steps(wanted: Wanted) -> list[Step]:
    """Return all steps in their order; what takes longest and fails first comes first."""
    config, folder = wanted.config, places.release(wanted.release)
    migrate = f"parley-migrate@{wanted.release}.service"
    current = Link(places.CURRENT, folder)
    numbers = range(1, config.app.instances + 1)
    pair = Pair(places.CERTIFICATE, places.CERTIFICATE_KEY, (*LOOPBACK, *config.site.hosts), places.USER)
    return [
        Folder(places.OPT),
        Folder(places.RELEASES),
        Stage(wanted.release, folder, wanted.source, wanted.wheels),
        Account(places.USER),
        *folders(),
        File(places.TOML, wanted.toml, 0o640, places.USER, once=True),
        File(places.ENV, f"{wanted.env}\n", 0o640, places.USER),
        Secret(places.SECRET_KEY, KEY_BYTES, places.USER),
        *(File(path, text, 0o640, places.USER) for path, text in site.secrets(config).items()),
        pair,
        *release_steps(wanted),
        *unit_steps(wanted),
        *([Active(POSTGRES), Database(places.USER)] if config.brings_postgres else []),
        Run(("systemctl", "start", migrate), (current,)),
        Publish(wanted.release, folder / places.COLLECTED, places.STATIC),
        *(Link(places.instance(number), folder, once=True) for number in numbers),
        current,
        *running(config),
        Run(("systemctl", "reload", NGINX), (pair, *(one for one in rendered(wanted) if one.path.suffix == ".conf"))),
    ]


def folders() -> list[Folder]:
    """Return the folders. What holds something secret is for root to write and for our group to read."""
    group = places.USER
    return [
        Folder(places.INSTANCES),
        *(Folder(path, 0o750, group) for path in (places.ETC, places.SECRETS, places.TLS, places.RENDERED)),
        Folder(places.STATE, 0o750, group),
        Folder(places.STATIC),
        Folder(places.SERVED),
        *(Folder(path) for path in (places.ACME, places.CHALLENGES.parent, places.CHALLENGES)),
        Folder(places.BACKUPS, 0o700),
    ]


def release_steps(wanted: Wanted) -> list[Step]:
    """Return what is rendered for the release, and the link that leads there from its folder."""
    folder = places.rendered(wanted.release)
    return [
        *(Folder(path, 0o750, places.USER) for path in (folder, folder / "nginx")),
        *rendered(wanted),
        Link(places.release(wanted.release) / places.LINK, folder),
    ]


def unit_steps(wanted: Wanted) -> list[Step]:
    """Return the units, without those of an earlier configuration."""
    texts = site.units(wanted.config, wanted.size, wanted.programs)
    units = tuple(File(places.UNITS / name, text) for name, text in texts.items())
    old = obsolete(wanted, list(texts))
    probe = tuple(one for one in units if one.path.name == PROBE)
    return [
        *units,
        *old,
        Run(("systemctl", "daemon-reload"), (*units, *old)),
        # An instance more takes the port that it had.
        *([Run(("systemctl", "try-restart", PROBE), probe)] if probe else []),
    ]


def rendered(wanted: Wanted) -> list[File]:
    """Return the files of the release."""
    texts = site.release_files(wanted.config, wanted.size, wanted.programs, wanted.release)
    folder = places.rendered(wanted.release)
    return [File(folder / name, text, 0o640, places.USER) for name, text in texts.items()]


def instance_units(config: Config) -> list[str]:
    """Name the instances' units."""
    return [places.unit(number) for number in range(1, config.app.instances + 1)]


def running(config: Config) -> list[Step]:
    """Return what starts at boot, and now: nginx last, when there is somebody behind it."""
    probe = [PROBE] if config.app.metrics_port else []
    services = [*([REDIS] if config.brings_redis else []), *instance_units(config), NGINX, *TIMERS, *probe]
    units = [*services, places.TARGET]
    return [*(Enabled(unit) for unit in units), *(Active(unit) for unit in units)]


def obsolete(wanted: Wanted, units: Sequence[str]) -> list[Step]:
    """Return what an earlier configuration had: more instances, a Redis of its own."""
    more = [number for number in wanted.instances_there if number > wanted.config.app.instances]
    gone = [unit for unit in wanted.units_there if unit not in units]
    return [
        *(Down(places.unit(number)) for number in more),
        *(Gone(places.instance(number)) for number in more),
        *(Down(unit) for unit in gone),
        *(Gone(places.UNITS / unit) for unit in gone),
    ]
