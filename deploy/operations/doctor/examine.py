"""Looks at a target with one check after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.x509 import ExtensionNotFound
from websockets.exceptions import WebSocketException

from deploy.effects.client.websocket_client import Hangup, Refused
from deploy.errors import BadInputError, StackError
from deploy.operations.doctor.check import Broken, Check, NotApplicable
from deploy.operations.doctor.checks import CHECKS
from deploy.operations.doctor.target import Target

Word = Literal["ok", "broken", "not applicable"]
# What a broken stack answers with; anything else is a fault of the doctor, and is shown as one.
SYMPTOMS = (
    *(OSError, EOFError, LookupError, ValueError, ExtensionNotFound),
    *(StackError, BadInputError, WebSocketException, Hangup, Refused),
)


@dataclass(frozen=True)
class Verdict:
    """What a check came to, with its evidence or its reason."""

    check: Check
    word: Word
    evidence: str
    fault: str = ""  # the id of the broken check that stood in the way of this one


async def examine(target: Target, checks: Sequence[Check] = CHECKS) -> list[Verdict]:
    """Give a verdict for each check, in their order."""
    verdicts: dict[str, Verdict] = {}
    for check in checks:
        verdicts[check.id] = _blocked(check, verdicts) or await _judge(check, target)
    return list(verdicts.values())


def broken(verdicts: Sequence[Verdict]) -> list[str]:
    """Give the ids of what is broken."""
    return [one.check.id for one in verdicts if one.word == "broken"]


def _blocked(check: Check, verdicts: dict[str, Verdict]) -> Verdict | None:
    """Say which broken check has to be mended before this one can be looked at, if one has."""
    for name in check.needs:
        before = verdicts.get(name)
        if before and (fault := name if before.word == "broken" else before.fault):
            return Verdict(check, "not applicable", f"not looked at while {fault} is broken", fault)
    return None


async def _judge(check: Check, target: Target) -> Verdict:
    if check.of_projects and target.config.is_own:
        return Verdict(check, "not applicable", "the reference chat has nothing of that kind")
    if check.probes and not target.is_known:
        return Verdict(check, "not applicable", "the project has no [project.hooks].probe, so its pages are not known")
    try:
        return Verdict(check, "ok", await check.look(target))
    except NotApplicable as reason:
        return Verdict(check, "not applicable", str(reason))
    except Broken as evidence:
        return Verdict(check, "broken", str(evidence))
    except SYMPTOMS as error:
        return Verdict(check, "broken", _in_a_line(error))


def _in_a_line(error: Exception) -> str:
    """Say what failed, and the last line of what it said of it: a traceback ends with its reason."""
    first, *rest = f"{type(error).__name__}: {error}".removesuffix(": ").splitlines()
    return f"{first} {rest[-1].strip()}" if rest else first
