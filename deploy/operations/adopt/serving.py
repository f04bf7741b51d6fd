"""What the application serves, and what it needs for that: sockets, streams, the channel layer, other processes."""

import ast
import re

from deploy.errors import BadInputError
from deploy.operations.adopt import kept, routes
from deploy.operations.adopt.layer import Layer, layer
from deploy.operations.adopt.look import Seen
from deploy.operations.adopt.plan import ROLLOUT, UPGRADE, Plan, Report
from deploy.operations.adopt.prefixes import prefixes
from deploy.operations.adopt.sources import Source, Sources
from deploy.operations.adopt.state import state

CELERY = re.compile(r"(^|\.)celery(_app)?$")
BEAT = re.compile(r"\b(CELERY_?BEAT_SCHEDULE|beat_schedule|add_periodic_task)\b")
TEMPORARY = "/tmp"  # noqa: S108 (the machine's under `up`: a file there has the site's name)
SHOWN = 4  # places of one kind in a line


def application(plan: Plan, sources: Sources) -> routes.Application:
    """Read the application as text; raise BadInputError for one of Channels 2."""
    module, _, attribute = plan.asgi.partition(":")
    source = sources.find(module)
    if source is None:
        raise BadInputError(f"{plan.manage} has no module {module}")
    found = routes.application(sources, source, attribute)
    if found.bare:
        raise BadInputError(f"{found.bare[0]}: a consumer without as_asgi(), as in Channels 2: {UPGRADE}")
    return found


def sockets(plan: Plan, report: Report, by_text: routes.Application, seen: Seen) -> None:
    """Find the prefixes, as the imported application has them, or its text."""
    begins, how = (seen.sockets, "imported") if seen.sockets else (by_text.sockets, "read as text")
    plan.sockets = prefixes(begins)
    if plan.sockets:
        report.found(f"sockets {' '.join(plan.sockets)}, {how}")
        report.note(
            f"a rollout asks each new instance for a handshake at {' '.join(plan.sockets)} alone, where there may be no"
            " consumer: name paths of sockets in [project.drill] sockets, and a page that answers 200 in"
            " [project] health, and it asks for those, too"
        )
    elif by_text.routes_sockets or by_text.takes_sockets:
        plan.sockets = ["/"]
        report.missing("the paths of the sockets: [project].sockets says all of them, /")
    else:
        report.found("no sockets")


def channel_layer(plan: Plan, report: Report, sources: Sources, by_text: routes.Application) -> None:
    """Choose the layer and the number of instances, and name the processes that the project needs beside them."""
    everything = list(sources.all())
    found = layer(everything)
    _choose_layer(plan, found, by_text, runs=_runworker(plan))
    if by_text.channels:
        plan.processes.append(("channels", f"manage.py runworker {' '.join(by_text.channels)}", False))
    places = state(sources)
    plan.alone += map(str, places[:SHOWN])
    plan.alone += [f"and {len(places) - SHOWN} more"] if len(places) > SHOWN else []
    for source in everything:
        if CELERY.search(source.name) and "Celery(" in ast.unparse(source.tree):
            package = source.name.rpartition(".")[0] or source.name
            plan.processes.append(("celery", f"celery -A {package} worker", False))
            if scheduler := _beat(plan, everything):
                plan.processes.append(("beat", f"celery -A {package} beat {scheduler}", True))
    if plan.layer:
        report.found(f"layer {plan.layer}: {plan.layer_why}")
    if plan.processes:
        report.found(f"processes {', '.join(command for _, command, _ in plan.processes)}")
    if plan.alone:
        report.note(f"instances = 1, for this lives in a process: {', '.join(plan.alone)}: {ROLLOUT}")


def _beat(plan: Plan, sources: list[Source]) -> str:
    """Return the options of Celery's beat, where something is scheduled: by rows, or by a file that it writes."""
    texts = [ast.unparse(source.tree) for source in sources]
    if any("django_celery_beat" in found for found in texts):
        return "--scheduler django"
    return f"-s {TEMPORARY}/{plan.name}-beat" if any(BEAT.search(found) for found in texts) else ""


def _choose_layer(plan: Plan, found: Layer, by_text: routes.Application, *, runs: str) -> None:
    core = [
        *(["a ChannelNameRouter"] if by_text.channels else []),
        *([runs] if runs else []),
        *map(str, found.core),
    ]
    if found.memory:
        plan.layer, plan.keep, plan.layer_why = "none", ["CHANNEL_LAYERS"], str(found.memory[0])
        plan.alone.append("the channel layer in memory")
    elif core:
        plan.layer, plan.layer_why = "core", core[0]
    elif not found.is_used:
        plan.layer, plan.layer_why = "none", "nothing uses a channel layer"


def _runworker(plan: Plan) -> str:
    """Return the file that starts Channels' own worker."""
    for place in dict.fromkeys((plan.manage, plan.top)):
        for pattern in ("Procfile*", "*.sh", "*.y*ml", "Dockerfile*", "*.service", "*.conf"):
            for file in sorted(place.glob(pattern)):
                if file.is_file() and b"runworker" in file.read_bytes():
                    return f"runworker ({file.name})"
    return ""


def streams(plan: Plan, report: Report, sources: Sources, settings: Source, seen: Seen) -> None:
    """Find the paths of server-sent events."""
    urlconf = seen.settings.get("ROOT_URLCONF") or kept.setting(sources, settings, "ROOT_URLCONF")
    source = sources.find(urlconf) if urlconf else None
    if source is None:
        report.missing(f"the URLs: ROOT_URLCONF is {urlconf}: name server-sent events in [project].streams")
        return
    begins, without = routes.streams(sources, source)
    plan.streams = prefixes(begins)
    if plan.streams:
        report.found(f"streams {' '.join(plan.streams)}")
    for view in without:
        report.missing(f"the URL of {view}, which streams: name its path in [project].streams")
