"""What the checker says of a run."""

from collections import Counter
from typing import Literal

import msgspec

Name = Literal[
    "gap",  # a seq was skipped and never came
    "repeat",  # a seq came twice
    "disorder",  # a seq came after a later one
    "lost",  # acknowledged, or read by a member, but not in the log
    "stored_twice",  # one key of one author under two seqs
    "two_entries_one_seq",  # two readings of one seq differ in kind, key, author or time
    "missed",  # a member in the room at the end never got the newest entries
    "cut",  # a graceful stop ended a socket that was not asked to come back; nobody was killed and one ended with 1006
    "server_error",  # a page, or a handshake, was answered by 5xx
    "unanswered",  # nobody answered a page
    "bunched",  # a drain ended its sockets in one moment, and not over its window
    "not_back",  # a socket was not open again in time
    "bad_recovery",  # a join said `recovered` and did not continue, or could have continued and did not
]
EXAMPLES = 5


class Violation(msgspec.Struct, frozen=True):
    """One broken promise: which, seen by whom, at which seq."""

    name: Name
    client: str
    seq: int | None
    detail: str = ""


class Window(msgspec.Struct, frozen=True):
    """When the fault was on, by the monotonic clock."""

    start: float
    end: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one run with its reasons; only `passed` is good, for `unknown` proves nothing."""

    outcome: Literal["passed", "failed", "unknown"]
    counts: dict[Name, int]  # violations by name, all of them
    examples: tuple[Violation, ...]  # the first few of each name
    unknown: tuple[str, ...]  # why the run does not count

    @property
    def passed(self) -> bool:
        """Whether the run counts and kept every promise."""
        return self.outcome == "passed"

    @property
    def exit_code(self) -> int:
        """0 for passed, 1 for failed and for unknown."""
        return 0 if self.passed else 1


class Verdict(Outcome, frozen=True, kw_only=True):
    """What is said of a run with messages."""

    clients: int
    asked: int
    acknowledged: int
    acknowledged_in_window: int
    delivered: int
    reconnects: int
    resumed: int
    started_over: int
    rejected: dict[str, int]  # handshakes that came to nothing, by reason
    closed: dict[int, int]  # close codes
    fault_seconds: float | None
    recover_seconds: float | None  # from the fault's end until all could send and read again
    stall_seconds: float | None  # the longest that any client read nothing new, from the fault's start on
    ack_p50_ms: float | None
    ack_p99_ms: float | None


def counted(violations: list[Violation]) -> tuple[dict[Name, int], tuple[Violation, ...]]:
    """Count violations by name and keep the first few of each as examples."""
    counts: Counter[Name] = Counter()
    examples = []
    for violation in violations:
        counts[violation.name] += 1
        if counts[violation.name] <= EXAMPLES:
            examples.append(violation)
    return dict(counts), tuple(examples)
