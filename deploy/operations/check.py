"""`./parley check`: what can be said of parley.toml without starting anything."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from deploy.effects.progress import say
from deploy.errors import BadInputError
from deploy.model import rules
from deploy.model.capacity import Capacity, capacity, declared
from deploy.model.config import LOCAL, Config, load, stack
from deploy.model.rules import Relation
from deploy.stacks import authority
from deploy.stacks.compose.context import Context
from deploy.stacks.installed import require_own
from deploy.stacks.local import looked
from deploy.stacks.local import rendered as local
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.limits import open_files
from deploy.stacks.systemd.foreign import Source
from deploy.text.compose import file as compose
from deploy.text.consistency import CONSISTENCY_RULES
from deploy.text.readback import Facts
from deploy.text.systemd import site as systemd

# How the files of a stack are rendered and read back.
READ: dict[str, Callable[[Config, Capacity], Facts]] = {
    "local": local.read,
    "compose": compose.read,
    "systemd": systemd.read,
}


def _look_here(config: Config, directory: Path | None) -> None:
    looked.look(config, Layout.of(config, directory), say)


def _look_into_the_image(config: Config, directory: Path | None) -> None:  # noqa: ARG001 (that is the local stack's)
    found = Context.of(config, say)
    say(f"release {found.release}: {len(found.paths)} files, Python {found.python}")
    say(f"not imported: the build of its image imports {config.project.asgi} with {config.project.settings.module}")


def _look_at_the_host(config: Config, directory: Path | None) -> None:  # noqa: ARG001 (that is the local stack's)
    found = Source.of(config, say)
    say(f"release {found.release}: {len(found.copies.paths)} files")
    say(f"not imported: `install` and a rollout import {config.project.asgi} with {config.project.settings.module}")


# What is looked at of a project beside its numbers; raises BadInputError for what that stack would refuse.
LOOK: dict[str, Callable[[Config, Path | None], None]] = {
    "local": _look_here,
    "compose": _look_into_the_image,
    "systemd": _look_at_the_host,
}


class Row(NamedTuple):
    """One rule, with its numbers."""

    id: str
    sentence: str
    relation: Relation


def check(
    env: str = LOCAL, site: Path | None = None, project: Path | None = None, directory: Path | None = None
) -> None:
    """Print each rule of an environment; raise BadInputError for a wrong file, or after the table for a broken rule."""
    of = stack(env, project=project)
    require_own(of, None, None)
    config = load(env=env, site=site, project=project)
    rows = list(judged(config, of))
    show(rows)
    for row in rows:
        if not row.relation.holds:
            raise BadInputError(f"rule {row.id}: {row.sentence}: {row.relation} is false")
    if of == LOCAL:
        authority.look(config)
    if not config.is_own:
        LOOK[of](config, directory)


def judged(config: Config, of: str) -> Iterator[Row]:
    """Judge the numbers; and what is rendered from them, unless they are wrong already."""
    size = capacity(config, open_files()) if of == LOCAL else declared(config)
    found = [Row(rule.id, rule.sentence, rule.relation(config, size)) for rule in rules.of(of)]
    yield from found
    if all(row.relation.holds for row in found):
        facts = READ[of](config, size)
        yield from (Row(one.id, one.sentence, one.relation(facts)) for one in CONSISTENCY_RULES)


def show(rows: Sequence[Row]) -> None:
    """Print a table on a terminal, a line to a rule elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            sys.stdout.write(f"{word(row):<6}  {row.id}: {row.sentence}: {row.relation}\n")
        return
    table = Table("", "rule", "what must hold", "here", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        colour = "green" if row.relation.holds else "bold red"
        table.add_row(f"[{colour}]{word(row)}", row.id, row.sentence, str(row.relation))
    Console().print(table)


def word(row: Row) -> str:
    """Say whether it holds."""
    return "ok" if row.relation.holds else "broken"
