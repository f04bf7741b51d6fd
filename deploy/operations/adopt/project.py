"""Reads a project: every question of adopt in its order, and the answers as a plan with a report."""

import sys
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model.config import FILE, parse
from deploy.model.project import MEDIA_ROOT
from deploy.operations.adopt import folder, kept, packages, serving
from deploy.operations.adopt.kept import Database
from deploy.operations.adopt.look import Seen, interpreter, look
from deploy.operations.adopt.plan import UPGRADE, Plan, Report, site_name, toml
from deploy.operations.adopt.sources import Source, Sources
from deploy.operations.adopt.values import is_ours, value
from deploy.operations.adopt.variables import Variable, variables
from deploy.stacks import own_key
from deploy.stacks.local import application, applications, secret
from deploy.stacks.local.layout import Layout

UPLOADS = "media"  # the folder that such a variable gets
# For variables whose value only the owner knows, and for the {places}: enough to import the settings once.
STAND_INS = {
    "{secret_key}": "adopt-reads-this-project-and-serves-nobody-with-this-key",
    "{database_url}": "postgres://user:password@localhost:5432/name",
    "{database_port}": "5432",
    "{redis_url}": "redis://127.0.0.1:1/0",
    "{layer_url}": "redis://127.0.0.1:1/0",
    "{hosts}": "localhost",
    "{host}": "localhost",
    "{origins}": "https://localhost",
}
UNKNOWN = "1"  # which is a number, a truth and a text


def read(top: Path, *, python: Path | None, state: Path | None) -> tuple[Plan, Report]:
    """Return what parley.toml is to say; raise BadInputError for what Parley cannot serve."""
    manage = folder.manage_folder(top)
    more = folder.more_paths(manage, Sources([manage]).find("manage"))
    application.require_paths(manage, *more)
    sources = Sources([manage, *more])
    chosen = folder.settings(sources)
    settings = sources.find(chosen.module)
    if settings is None:
        raise BadInputError(f"{manage} has no module {chosen.module}")
    for source in sources.reachable(settings):
        sources.roots += folder.more_paths(manage, source)
    asgi = folder.application(sources, chosen.module, kept.setting(sources, settings, "ASGI_APPLICATION"))
    plan = Plan(site_name(chosen.module, top), top, manage, asgi, chosen.module, chosen.why, more)
    report = Report()
    others = f"; also there: {', '.join(chosen.others)}" if chosen.others else ""
    report.found(f"settings {chosen.module}, {chosen.why}{others}")
    report.found(f"application {asgi}")
    _packages(plan, report)
    by_text = serving.application(plan, sources)
    serving.channel_layer(plan, report, sources, by_text)
    read_by = variables([*sources.reachable(settings), *_found(sources, asgi)])
    seen = _look(plan, report, read_by, python=python, state=state)
    _variables(plan, report, read_by)
    serving.sockets(plan, report, by_text, seen)
    serving.streams(plan, report, sources, settings, seen)
    _database(plan, report, sources, settings, seen)
    _media(plan, report, sources, settings, seen)
    _not_used(report, sources, settings, plan)
    for why in sources.broken.values():
        report.missing(f"what is in a file that is no Python of today: {why}")
    return plan, report


def _found(sources: Sources, asgi: str) -> list[Source]:
    found = sources.find(asgi.partition(":")[0])
    return [found] if found else []


def _packages(plan: Plan, report: Report) -> None:
    plan.requirements = packages.requirements(plan.manage, plan.top)
    if plan.requirements is None:
        other = packages.others(plan.manage, plan.top)
        named = f": {other[0].name} is none that pip reads" if other else ""
        report.missing(f"requirements{named}: write a requirements.txt, and name it in [project].requirements")
        return
    report.found(f"requirements {plan.requirements.relative_to(plan.top)}")
    if old := packages.old_channels(plan.requirements):
        raise BadInputError(f"{plan.requirements}: {old}: {UPGRADE}")


def _look(plan: Plan, report: Report, read_by: list[Variable], *, python: Path | None, state: Path | None) -> Seen:
    """Import the project, and say which of the two is told from now on."""
    values = {one.name: _stand_in(value(one)) for one in read_by if _needs(one)}
    path = [plan.manage, *plan.paths]
    program = interpreter(python, plan.manage, plan.top) or _environment(plan, report, state)
    seen = look(program, plan.top, path, settings=plan.settings, asgi=plan.asgi, values=values)
    if seen.error:
        report.note(f"read as text, for {seen.python} could not import all of it: {seen.error}")
    else:
        report.found(f"imported with {seen.python}")
    if seen.channels.startswith(("1.", "2.")):
        raise BadInputError(
            f"{seen.python} has Channels {seen.channels}: Parley serves Channels 3 and 4: upgrade first"
        )
    return seen


def _environment(plan: Plan, report: Report, state: Path | None) -> Path:
    """Return the Python that `up` will run the project with, and make its environment; else this one."""
    config = parse(toml(plan, plan.top), FILE.name).within(plan.top)
    layout = Layout.of(config, state)
    application.require_paths(layout.dir)
    try:
        made = applications.make(config, layout, _say)
    except BadInputError as error:
        report.missing(str(error))
        return Path(sys.executable)
    secret.ensure(layout)  # which `check` looks at the project with
    return made.python


def _say(line: str) -> None:
    sys.stdout.write(f"note     {line}\n")
    sys.stdout.flush()


def _stand_in(place: str | None) -> str:
    if place is None:
        return UNKNOWN
    return STAND_INS.get(place, "localhost") if place.startswith("{") else place


def _needs(one: Variable) -> bool:
    return not is_ours(one) and (not one.default or value(one) is not None)


def _variables(plan: Plan, report: Report, read_by: list[Variable]) -> None:
    for one in read_by:
        place = value(one)
        if place is not None:
            plan.env.append((one.name, place, f"{one.where} reads it"))
        elif not one.default and not is_ours(one):
            plan.unknown.append((one.name, f"{one.where} reads it"))
            if one.fails:
                report.missing(
                    f"{one.name} ({one.where}): the settings do not import without it: set it in [project.env]"
                )
            else:
                report.note(f"{one.name} ({one.where}) is None until [project.env] gives it a value")
    if plan.env:
        report.found(f"variables {', '.join(name for name, _, _ in plan.env)}")
    dotenv = kept.dotenv(plan.manage, plan.top)
    if dotenv is not None:
        names = ", ".join(dotenv[1]) or "nothing"
        report.note(f"{dotenv[0].name} gives {names} on this machine; an installed stack has no such file")


def _database(plan: Plan, report: Report, sources: Sources, settings: Source, seen: Seen) -> None:
    said = kept.database(sources, settings)
    named = [name for name, place, _ in plan.env if place.startswith("{database_")]
    if named:
        report.note(f"the database is the one of {', '.join(named)} in [project.env]")
        _rows(report, said, Seen(seen.python), plan)
        return
    engine = seen.database.get("ENGINE", "").rpartition(".")[2] or said.engine
    if (
        engine == "sqlite3"
        and plan.requirements
        and not packages.names(plan.requirements) & {"psycopg", "psycopg2", "psycopg2-binary"}
    ):
        plan.database = "sqlite"
        report.found("database sqlite: the requirements have no psycopg for PostgreSQL")
    elif engine == "spatialite":
        plan.database = "sqlite"
        report.found("database sqlite: SpatiaLite stays, for the PostgreSQL of the installed stacks has no PostGIS")
    elif engine not in {"sqlite3", ""}:
        host = seen.database.get("HOST") or said.host or "the host that the settings name"
        report.note(
            f"the database stays the project's own: {engine} at {host}; `up` and the instances have to reach it"
        )
    elif not engine:
        report.note("the database comes from a variable or a function: what [project.env] gives is used")
    _rows(report, said, seen, plan)


def _rows(report: Report, said: Database, seen: Seen, plan: Plan) -> None:
    """Count what is in a file that the stack will not open."""
    file = kept.sqlite_file(said, seen.database.get("NAME"), plan.manage)
    counted = kept.rows(file) if file else None
    if file is not None and counted is not None:
        report.note(
            f"{file.name} is not used and stays as it is: {counted[0]} rows in {counted[1]} tables; to bring them:"
            f" `manage.py dumpdata --natural-foreign --natural-primary -e contenttypes -e auth.permission > data.json`"
            f" there, then `./parley manage --project {plan.top} loaddata data.json`"
        )


def _media(plan: Plan, report: Report, sources: Sources, settings: Source, seen: Seen) -> None:
    said = seen.settings.get("MEDIA_ROOT")
    by_text = kept.folder_of(sources, settings, "MEDIA_ROOT", plan.manage) if not seen.settings else None
    is_given = any(place == MEDIA_ROOT for _, place, _ in plan.env)
    plan.media = Path(UPLOADS) if is_given else Path(said) if said else by_text
    if plan.media is not None and not plan.media.is_absolute():
        plan.media = plan.manage / plan.media
    if plan.media is not None:
        report.found(f"media {plan.media}")


def _not_used(report: Report, sources: Sources, settings: Source, plan: Plan) -> None:
    found = kept.key(sources, settings)
    if found is not None:
        where, key = found
        why = own_key.why_not(key) if key else "it is another one in each process"
        report.note(
            f"SECRET_KEY ({where}) is not used, for {why}: Parley makes one, so sessions and signed links of before"
            ' end; to keep it: keep = ["SECRET_KEY"] in [project.settings]'
            if why
            else f"SECRET_KEY ({where}) becomes the key of a new site: sessions and links that it signed stay good; but"
            f" {own_key.KNOWN}"
        )
    for app in kept.without_migrations(sources):
        report.missing(
            f"migrations of {app.relative_to(plan.manage)}: `migrate` makes no tables for its models:"
            " run makemigrations and keep what it writes in the repository"
        )
