"""`./parley check`: what can be said without starting anything."""

from collections.abc import Iterator

from deploy import rules
from deploy.capacity import capacity
from deploy.config import LOCAL, load
from deploy.stacks.local.limits import open_files


def check() -> Iterator[str]:
    """Say each rule that holds; raise BadInputError for a wrong file or the first rule that does not."""
    config = load()
    size = capacity(config, open_files())
    rules.require(config, size)
    for rule in rules.of(LOCAL):
        yield f"ok  {rule.id}: {rule.sentence}"
