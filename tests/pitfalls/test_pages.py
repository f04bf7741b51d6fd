"""Pages, tests and code hold together: nothing is published that no test has seen."""

import re
from pathlib import Path

import pytest

from deploy.operations.doctor.checks import CHECKS
from tests.checkout import ROOT
from tests.pitfalls.pages import DOCTOR, FOLDER, HEADINGS, Page, pages

PAGES = pages()
INDEX = (FOLDER / "README.md").read_text()
METRICS = (ROOT / "docs" / "metrics.md").read_text()
SOURCES = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
PLACE = re.compile(r"^- \[([^\]]+)\]\(\.\./\.\./\1\): ((?:`[^`]+`(?:, )?)+)$")
STOCK = re.compile(r"^- stock: `tests/pitfalls/\w+\.py::(\w+)", re.MULTILINE)
OURS = re.compile(r"^- ours: (?:.*\n?.*)`tests/", re.MULTILINE)
TIERS = re.compile(r"^\| ([A-Z]\d+) \| S([23]) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
CITED = re.compile(r"pitfalls ([A-Z]\d+(?:(?:, |-)[A-Z]\d+)*)")
CODE = ("app", "deploy", "nginx", "compose", "systemd", "tests")

# What stops most sites, loses messages or lets somebody in: each has a page.
S1 = """
A1 A2 A3 A4 A8 B1 B2 B3 B4 B5 B7 B10 C1 C2 C3 C4 C5 C6 C9 C12 C20 D1 D2 G2 G4 G6 G7 G11 G12 G19 K1 K3 K4 K5 K7
L1 L2 L3 L4 L5 L7 N1 N2 N3 N4 N5 N9 N12 P1 P2 P4 P5 P6
""".split()  # noqa: SIM905 (a list of ids reads better in two lines)


def named(page: Page) -> str:
    return page.path.stem


@pytest.fixture(params=PAGES, ids=named)
def page(request: pytest.FixtureRequest) -> Page:
    """Each page."""
    return request.param


def test_it_has_the_headings(page: Page) -> None:
    """The same on each page, in the same order, and its id in the first line."""
    assert [heading for heading in page.headings if heading != DOCTOR] == HEADINGS
    assert page.headings[-1] == HEADINGS[-1]
    assert page.text.startswith(f"# {page.id} · ")
    assert all(page.section(heading).strip() for heading in page.headings)


def test_it_stands_where_it_says(page: Page) -> None:
    """Each file that it points at is there, with each name that it gives."""
    found = ""
    for line in page.section("Where it stands here").strip().splitlines():
        place = PLACE.match(line)
        assert place, line
        text = (ROOT / place[1]).read_text()
        found += text
        for symbol in re.findall(r"`([^`]+)`", place[2]):
            assert symbol in text, f"{symbol} is not in {place[1]}"
    assert found


def test_it_has_tests(page: Page) -> None:
    """A stock test that carries its id, or a sentence that says that there is none; and one of ours."""
    tests = page.section("Test")
    stock = STOCK.findall(tests)
    assert stock or "Not reproduced here" in tests
    for test in stock:
        assert page.id.lower() in test.split("_"), f"{test} does not carry {page.id}"
        assert f"def {test}(" in SOURCES, f"{test} is not there"
    assert OURS.search(tests)


def test_its_symptom_was_seen(page: Page) -> None:
    """A test looks for the page's own words in what the real thing printed."""
    if page.symptoms:
        assert f'seen("{page.id}"' in SOURCES


def test_it_can_be_noticed(page: Page) -> None:
    """By a command."""
    assert "```sh\n" in page.section("How to notice it")


def test_the_doctor_leads_here(page: Page) -> None:
    """A check that leads to this page is named by it, and so is each metric as it is."""
    seen = page.section(DOCTOR) if DOCTOR in page.headings else ""
    leading = [check.id for check in CHECKS if check.page == str(page.path.relative_to(ROOT))]
    assert all(f"[{one}](../doctor.md#{one})" in seen for one in leading), leading
    assert all(metric in METRICS for metric in re.findall(r"parley_[a-z_]+", page.text))


def test_it_is_in_the_index(page: Page) -> None:
    """By each line that one searches for, or else in words."""
    rows = [row for row in INDEX.splitlines() if row.startswith("| ") and f"]({page.path.name}) |" in row]
    assert rows
    for symptom in page.symptoms:
        assert any(row.startswith(f"| `{symptom}` |") for row in rows), symptom


def test_each_of_the_first_tier_has_a_page() -> None:
    """And no other has one."""
    assert sorted(page.id for page in PAGES) == sorted(S1)


def test_the_others_stand_in_the_tables() -> None:
    """Once, with how it is known."""
    rows = re.findall(r"^\| ([A-Z]\d+) \|", INDEX, re.MULTILINE)
    whole = [row[0] for row in TIERS.findall(INDEX)]
    assert rows == whole, "each has an id, a severity, what goes wrong, what to do, and how it is known"
    assert len(rows) == len(set(rows))
    assert not set(rows) & set(S1)


def test_what_the_code_cites_is_written_down() -> None:
    """Each id in a comment of the code leads somewhere."""
    known = {row[0] for row in TIERS.findall(INDEX)} | {page.id for page in PAGES}
    files = [file for folder in CODE for file in (ROOT / folder).rglob("*")]
    cited: set[str] = set()
    for file in files:
        if file.suffix in {".py", ".j2", ".js", ".yml"}:
            cited |= {one for found in CITED.findall(file.read_text()) for one in re.findall(r"[A-Z]\d+", found)}
    assert "L1" in cited
    assert cited <= known, cited - known
