"""The migrations of a release before they run: those that the serving release cannot live with are refused.

parley_serving/migrations_plan.py judges them, with the release's own code and its stack's database.
"""

import msgspec

from deploy.errors import BadInputError, StackError
from deploy.stacks.stack import Stack

REFUSED = " refused: "  # parley_serving/migrate.py writes one such line


class Breaking(msgspec.Struct):
    """One operation that breaks what serves."""

    migration: str
    operation: str
    why: str
    way: str

    def __str__(self) -> str:
        return f"{self.migration}: {self.operation}: {self.why}"


class Plan(msgspec.Struct):
    """What a release would run."""

    pending: list[str]
    breaking: list[Breaking]


def plan(stack: Stack, release: str) -> Plan:
    """Ask the release; raises StackError where it gives none."""
    lines = stack.plan(release).strip().splitlines()
    try:
        return msgspec.json.decode(lines[-1], type=Plan)
    except (IndexError, msgspec.MsgspecError):
        raise StackError(f"{release} gave no plan of its migrations") from None


def require(found: Plan) -> None:
    """Raise BadInputError for the first operation that breaks what serves, with the way in two steps."""
    for first in found.breaking[:1]:
        more = f" ({len(found.breaking) - 1} more)" if len(found.breaking) > 1 else ""
        raise BadInputError(
            f"{first}; {first.way}; or give --outage, which stops all instances, migrates and starts them{more}"
        )


def migrate(stack: Stack, release: str) -> None:
    """Run them; what the database refuses is one line with its words."""
    try:
        stack.migrate(release)
    except StackError as error:
        line = next((line for line in str(error).splitlines() if REFUSED in line), None)
        raise StackError(line.strip() if line else str(error)) from None
