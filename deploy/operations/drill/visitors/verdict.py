"""The verdict on a run with visitors."""

from deploy.operations.drill.verdict import Outcome


class Verdict(Outcome, frozen=True, kw_only=True):
    """What is said of a run with page loads and idle sockets."""

    left_out: tuple[str, ...]  # where there were no idle sockets, and why
    loads: int
    loads_in_window: int
    statuses: dict[int, int]  # of pages
    load_p50_ms: float | None
    load_p99_ms: float | None
    sockets: int
    reconnects: int
    closed: dict[int, int]  # close codes
    refused: dict[str, int]  # handshakes that came to nothing, by reason
    fault_seconds: float
    back_seconds: float  # from the fault's end until all sockets were open again
