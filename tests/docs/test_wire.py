"""docs/protocol.md lists what the code speaks, and docs/architecture.md every fault."""

import re

from chat import frames, limits
from deploy.drill.faults import FAULTS
from tests.docs.pages import ROOT

WIRE = (ROOT / "docs" / "protocol.md").read_text()
SOURCES = [
    path.read_text()
    for room in ("chat", "realtime")
    for path in (ROOT / "app" / room).rglob("*.py")
    if path.name != "forms.py"  # the codes of Django's form errors reach no socket
]


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
        f"While {limits.LOGINS_WAITING}\npasswords wait",
    ):
        assert sentence in WIRE, sentence


def test_every_fault_has_its_row() -> None:
    """`none` is no fault."""
    table = (ROOT / "docs" / "architecture.md").read_text()
    assert set(re.findall(r"test_nothing_is_lost\[([a-z-]+)\]", table)) == FAULTS.keys() - {"none"}
