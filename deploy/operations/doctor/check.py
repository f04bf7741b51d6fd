"""What a check is, and what it can come to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deploy.model.overlay import STACKS
from deploy.operations.doctor.target import Target


class Broken(Exception):  # noqa: N818 (it is a finding, not a failure of ours)
    """What a check found wrong; the message is its evidence."""


class NotApplicable(Exception):  # noqa: N818 (an answer)
    """Why a check has nothing to look at here; the message is the reason."""


@dataclass(frozen=True)
class Check:
    """One thing that is so on a healthy stack.

    `look` gives the evidence, or raises Broken or NotApplicable. It is not looked at while one of `needs` is broken,
    so that one fault has one name. `stacks` are those that have what it looks at, when all that can be asked for is
    asked for: a healthy one of them never says NotApplicable, and one that is not named always does (but for what only
    a project has).
    """

    id: str
    sentence: str  # what is so
    looks: str  # how the doctor sees it
    fix: str
    page: str  # a path of the checkout
    look: Callable[[Target], Awaitable[str]]
    needs: tuple[str, ...] = ()
    stacks: tuple[str, ...] = STACKS
    of_projects: bool = False  # whether the reference chat has nothing that it looks at
    probes: bool = False  # whether it uses what a probe has to know of the project: its pages and its frames


def require(holds: object, evidence: str) -> None:
    """Raise Broken with the evidence unless it holds."""
    if not holds:
        raise Broken(evidence)
