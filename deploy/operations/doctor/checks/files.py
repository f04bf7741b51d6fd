"""What the running stack was started with, and nginx's files, held against each other and against the model."""

from deploy.effects.procfs import open_files
from deploy.model.overlay import STACKS
from deploy.model.rules import Relation
from deploy.operations.doctor.check import Check, NotApplicable, require
from deploy.operations.doctor.checks import model
from deploy.operations.doctor.target import Replica, Target
from deploy.text import consistency
from deploy.text.consistency import ConsistencyRule
from deploy.text.readback import PREFIX, AppFacts, Facts, NginxFacts

KILLS = "kill-after-graceful"  # the one reading that needs to know how long an instance is waited for
OF_ONE_INSTANCE = {f"{PREFIX}{name}" for name in ("INSTANCE", "INSTANCE_FILE", "BIND", "METRICS_BIND", "RELEASE")}
PAGES = {
    "three-pings": "docs/pitfalls/N2-idle-sockets-cut.md",
    "kill-after-graceful": "docs/pitfalls/D2-grace-too-short.md",
    "reload-outlasts-the-apps-drain": "docs/pitfalls/N3-worker-is-shutting-down.md",
    "files-hold-sockets": "docs/pitfalls/G19-too-many-open-files.md",
    "nobody-is-given-up": "docs/pitfalls/L1-no-live-upstreams.md",
    "proxies-are-one": "docs/pitfalls/N9-forged-address.md",
}
RELOAD = "render nginx's files again (start `up` again; install or rollout on a server), which also reloads nginx"


def _facts(target: Target, replica: Replica, reading: ConsistencyRule) -> Facts:
    """Read the tiers as they are: the app from the process, nginx from its files."""
    files = NginxFacts.of(target.adapter.nginx_files())
    seconds = target.adapter.kill_seconds(replica) if reading.id == KILLS else 0
    return Facts(AppFacts(replica.environment, seconds, open_files(replica.pid)), files)


def _living(target: Target) -> list[Replica]:
    """Give the instances that run; which of them do not is for `instances-ready` to say."""
    found = [one for one in target.adapter.replicas() if one.environment]
    if not found:
        raise NotApplicable("no instance runs")
    return found


def _reading(reading: ConsistencyRule) -> Check:
    async def look(target: Target) -> str:
        said = {one.name: reading.relation(_facts(target, one, reading)) for one in _living(target)}
        for name, relation in said.items():
            require(relation.holds, f"{name}: {relation} is false")
        return str(next(iter(said.values())))

    return Check(
        reading.id,
        reading.sentence,
        "reads nginx's files and /proc of each instance",
        RELOAD,
        PAGES.get(reading.id, "docs/configuration.md"),
        look,
        ("stack-runs", "nginx-accepts-its-files"),
        ("compose", "systemd") if reading.id == KILLS else STACKS,
    )


async def nginx_accepts(target: Target) -> str:
    """Have nginx read its own files."""
    target.adapter.accept()
    return f"nginx -t accepts {len(target.adapter.nginx_files())} files"


async def nginx_has_files(target: Target) -> str:
    """Compare two numbers of nginx's files."""
    found = NginxFacts.of(target.adapter.nginx_files())
    relation = Relation(found.number("worker_rlimit_nofile"), ">=", 2 * found.number("worker_connections"))
    require(relation.holds, f"{relation} is false")
    return str(relation)


async def upstream(target: Target) -> str:
    """Compare the upstream's servers with the instances."""
    there = {one[0] for one in NginxFacts.of(target.adapter.nginx_files()).servers}
    wanted = set(target.adapter.upstreams())
    odd = [f"missing {one}" for one in sorted(wanted - there)] + [f"unknown {one}" for one in sorted(there - wanted)]
    require(not odd, ", ".join(odd))
    return f"{len(there)} servers"


async def app_as_modelled(target: Target) -> str:
    """Compare the variables of each instance with what the model gives."""
    wanted = {name: value for name, value in target.adapter.modelled_app().items() if name.startswith(PREFIX)}
    for one in _living(target):
        odd = sorted(
            name for name, value in wanted.items() if name not in OF_ONE_INSTANCE and one.environment.get(name) != value
        )
        require(not odd, f"{one.name} was started with another {', '.join(odd)}")
    return f"{len(wanted)} variables"


async def nginx_as_modelled(target: Target) -> str:
    """Compare nginx's files with what the model renders."""
    there, wanted = target.adapter.nginx_files(), target.adapter.modelled_nginx()
    odd = sorted(name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name))
    require(not odd, f"{', '.join(odd)} differ")
    return f"{len(there)} files"


READ = tuple(_reading(one) for one in consistency.CONSISTENCY_RULES)
OWN = (
    Check(
        "nginx-has-files",
        "nginx's worker_rlimit_nofile >= 2 x worker_connections",
        "reads nginx's files",
        RELOAD,
        "docs/pitfalls/N5-worker-connections.md",
        nginx_has_files,
        ("stack-runs", "nginx-accepts-its-files"),
    ),
    Check(
        "nginx-knows-instances",
        "nginx's upstream names each instance and nothing else",
        "reads nginx's files",
        RELOAD,
        "docs/deploying.md",
        upstream,
        ("stack-runs", "nginx-accepts-its-files"),
    ),
)
JUDGED = tuple(check.id for check in (*READ, *OWN))
CHECKS = (
    Check(
        "nginx-accepts-its-files",
        "nginx accepts its configuration: the next reload works",
        "runs nginx -t",
        "fix the line that nginx names, or render the files again",
        "docs/deploying.md",
        nginx_accepts,
        ("stack-runs",),
    ),
    *READ,
    *OWN,
    Check(
        "app-runs-the-model",
        "each instance runs with the current parley.toml",
        "reads /proc of each instance",
        "restart `up`; on a server `./parley rollout --again`",
        "docs/configuration.md",
        app_as_modelled,
        ("stack-runs", "replicas-agree", *model.IDS),
    ),
    Check(
        "nginx-files-are-the-model",
        "nginx's files are what parley.toml renders",
        "renders them, and compares",
        RELOAD,
        "docs/configuration.md",
        nginx_as_modelled,
        ("stack-runs", "nginx-accepts-its-files", *model.IDS, *JUDGED),
    ),
)
