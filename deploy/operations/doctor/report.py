"""The verdicts, for people and for machines."""

import sys
from collections.abc import Sequence

import msgspec

from deploy.operations.doctor.examine import Verdict, broken

MARKS = {"ok": "ok", "broken": "BROKEN", "not applicable": "-"}


def lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Write a line to a check, what to do below a broken one, and a sum."""
    width = max(len(one.check.id) for one in verdicts)
    written = []
    for one in verdicts:
        written.append(f"{MARKS[one.word]:<6}  {one.check.id:<{width}}  {one.evidence}")
        if one.word == "broken":
            indent = " " * (width + 10)
            written += [f"{indent}{one.check.fix}", f"{indent}see {one.check.page}"]
    number = {word: sum(one.word == word for one in verdicts) for word in MARKS}
    total = ", ".join(f"{count} {word}" for word, count in number.items())
    return [*written, ": ".join([total, *filter(None, [", ".join(broken(verdicts))])])]


def as_json(verdicts: Sequence[Verdict]) -> str:
    """Write a list of objects: id, verdict, evidence, and what a person would read beside them."""
    return msgspec.json.encode(
        [
            {
                "id": one.check.id,
                "verdict": one.word,
                "evidence": one.evidence,
                "sentence": one.check.sentence,
                "fix": one.check.fix,
                "page": one.check.page,
            }
            for one in verdicts
        ]
    ).decode()


def tell(verdicts: Sequence[Verdict], *, json: bool) -> None:
    """Print them."""
    sys.stdout.write((as_json(verdicts) if json else "\n".join(lines(verdicts))) + "\n")
