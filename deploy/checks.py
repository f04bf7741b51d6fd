"""`./parley check`: what can be said of parley.toml without starting anything."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from deploy import rules
from deploy.capacity import Capacity, capacity, declared
from deploy.config import LOCAL, Config, load, stack
from deploy.errors import BadInputError
from deploy.facts import Facts
from deploy.readings import READINGS
from deploy.rules import Relation
from deploy.stacks.compose import rendered as compose
from deploy.stacks.local import rendered as local
from deploy.stacks.local.limits import open_files
from deploy.stacks.systemd import site as systemd

# How the files of a stack are rendered and read back.
READ: dict[str, Callable[[Config, Capacity], Facts]] = {
    "local": local.read,
    "compose": compose.read,
    "systemd": systemd.read,
}


class Row(NamedTuple):
    """One rule, with its numbers."""

    id: str
    sentence: str
    relation: Relation


def check(env: str = LOCAL, site: Path | None = None) -> None:
    """Print each rule of an environment; raise BadInputError for a wrong file, or after the table for a broken rule."""
    rows = list(judged(load(env=env, site=site), stack(env)))
    show(rows)
    for row in rows:
        if not row.relation.holds:
            raise BadInputError(f"rule {row.id}: {row.sentence}: {row.relation} is false")


def judged(config: Config, of: str) -> Iterator[Row]:
    """Judge the numbers; and what is rendered from them, unless they are wrong already."""
    size = capacity(config, open_files()) if of == LOCAL else declared(config)
    found = [Row(rule.id, rule.sentence, rule.relation(config, size)) for rule in rules.of(of)]
    yield from found
    if all(row.relation.holds for row in found):
        facts = READ[of](config, size)
        yield from (Row(one.id, one.sentence, one.relation(facts)) for one in READINGS)


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
