"""docs/protocol.md lists what the code speaks, and docs/architecture.md every fault."""

import re

from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS

from accounts import limits as accounts
from chat import frames, limits
from deploy.operations.drill.faults import FAULTS
from parley_serving import limits as serving
from parley_serving.budget import Budget
from tests.checkout import ROOT

WIRE = (ROOT / "docs" / "protocol.md").read_text()
SOURCES = [
    path.read_text()
    for room in ("chat", "parley_serving", "realtime")
    for path in (ROOT / "app" / room).rglob("*.py")
    if path.name != "forms.py"  # the codes of Django's form errors reach no socket
]

DAY = 24 * 3600
BUDGET = Budget.above()


def section(title: str) -> str:
    """Return the text under a heading, up to the next one."""
    return re.split(r"^#+ ", WIRE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(title: str) -> list[str]:
    """Return the first cell of each row of a section's table."""
    return re.findall(r"^\| `?([a-z0-9_]+)`? \|", section(title), re.MULTILINE)


def in_sources(pattern: str) -> set[str]:
    """Return what a pattern finds in the sources of what speaks."""
    return {found for source in SOURCES for found in re.findall(pattern, source)}


def test_every_client_type_is_there() -> None:
    """Those that `welcome.features` lists, in its order."""
    assert [cell for cell in first_cells("From the client") if cell != "type"] == list(frames.FEATURES)


def test_every_server_type_is_there() -> None:
    """Those that the app writes."""
    written = in_sources(r"""(?:tell|message|with_entries)\(\s*"([a-z]+)\"""")
    assert {cell for cell in first_cells("From the server") if cell != "type"} == written


def test_every_error_code_is_there() -> None:
    """Those that a socket is answered with."""
    answered = in_sources(r"""(?:code=|Refused\(|WrongFrameError\()"([a-z_]+)\"""")
    assert {cell for cell in first_cells("Error codes") if cell != "code"} == answered


def test_every_close_code_is_there() -> None:
    """Those that have a name in the app; 1000 is the client's, 1009 uvicorn's."""
    ours = in_sources(r"(?m)^[A-Z_]+ = (10(?:0\d|1[0-5])|44\d\d)\b")
    assert {cell for cell in first_cells("Close codes") if cell != "code"} == ours | {"1000", "1009"}


def test_its_numbers_are_the_codes() -> None:
    """Where a sentence has a number of limits.py, it is that number."""
    flat = " ".join(WIRE.split())  # a sentence may go over the end of a line
    for sentence in (
        f"`text` (1–{limits.TEXT_CHARACTERS} characters)",
        f"1–{limits.KEY_CHARACTERS} characters), `text`",
        f"`limit`? ({limits.JOIN_ENTRIES}, at most {limits.HISTORY_ENTRIES})",
        f"those above {limits.RESUME_ENTRIES}, or above",
        f"No server frame is above {limits.SERVER_FRAME_BYTES // 1024} KiB",
        f"at most {limits.ROOMS_PER_SOCKET} rooms",
        f"{limits.PERSON_TIMES} times as large",
        f"{limits.FLOOD_FRAMES + 1} refused in a row",
        f"gives {limits.REPEATED_FRAMES} refusals",
        f"{serving.CONTROL_PER_SECOND:.0f} a second more",
        f"a burst of {serving.CONTROL_BURST:.0f} more",
        f"may have {serving.FRAME_BYTES // serving.FRAME_SHARE // 1024} KiB on average",
        f"{int(BUDGET.burst / serving.FRAME_SHARE)} frames of {serving.FRAME_BYTES // 1024} KiB at once",
        f"and {int(BUDGET.per_second * BUDGET.mean_bytes) // 1024} KiB a second after that",
        f"more than {serving.FRAGMENTS} fragments, or in more than {serving.EMPTY_FRAGMENTS} empty ones",
        f"more than {MAX_NUM_HEADERS} headers, or one above {MAX_LINE_LENGTH // 1024} KiB",
        f"While {accounts.LOG_INS_WAITING} log-ins wait",
        f"or {accounts.LOG_INS_WAITING_PER_ADDRESS} of one address",
        f"within {accounts.KNOWN_ADDRESS_SECONDS // DAY} days",
        f"at most {accounts.PEOPLE_PER_ADDRESS} people in an hour",
        f"{limits.CLAIMS_PER_PERSON} claims of one person and {limits.CLAIMS} of all",
        f"a string of at most {limits.MARK_CHARACTERS} characters",
        f"its answer has, and {limits.READ_ROWS} more. One person may spend {limits.ROWS} at once",
        f"and {limits.ROWS_PER_SECOND} a second after that",
        f"where only {limits.SPARE_ROWS} are left to spend",
    ):
        assert sentence in flat, sentence


def test_every_fault_has_its_row() -> None:
    """`none` is no fault."""
    table = (ROOT / "docs" / "architecture.md").read_text()
    assert set(re.findall(r"test_nothing_is_lost\[([a-z-]+)\]", table)) == FAULTS.keys() - {"none"}
