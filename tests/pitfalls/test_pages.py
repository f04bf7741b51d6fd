"""Pages, tests and code hold together: nothing is published that no test has seen."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.pitfalls.pages import FOLDER, HEADINGS, Page, pages

PAGES = pages()
INDEX = (FOLDER / "README.md").read_text()
SOURCES = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
LINK = re.compile(r"\]\(\.\./\.\./([^)#\s]+)\)")
TEST = re.compile(r"`tests/[\w/]+\.py::(\w+)")


def named(page: Page) -> str:
    return page.path.stem


@pytest.fixture(params=PAGES, ids=named)
def page(request: pytest.FixtureRequest) -> Page:
    """Each page."""
    return request.param  # type: ignore[no-any-return]


def test_it_has_the_headings(page: Page) -> None:
    """The same on each page, in the same order, and its id in the first line."""
    assert page.headings == HEADINGS
    assert page.text.startswith(f"# {page.id} · ")


def test_its_fix_is_where_it_says(page: Page) -> None:
    """Each file that the fix links to is there, and one of them names the pitfall."""
    files = [ROOT / path for path in LINK.findall(page.section("Fix"))]
    assert files
    assert all(file.exists() for file in files)
    cited = re.compile(rf"pitfalls [A-Z0-9, -]*\b{page.id}\b")
    assert any(cited.search(file.read_text()) for file in files if file.is_file()), f"nobody cites {page.id}"


def test_it_has_a_proof(page: Page) -> None:
    """A stock test that carries its id, or a sentence that says what was not reproduced; and one of ours."""
    proof = page.section("Proof")
    stock = re.findall(r"^- stock: (.+(?:\n  .+)*)", proof, re.MULTILINE)
    assert re.search(r"^- ours: .*`tests/", proof, re.MULTILINE)
    assert stock or "Not reproduced here" in proof
    for test in (test for line in stock for test in TEST.findall(line)):
        assert page.id.lower() in test.split("_"), f"{test} does not carry {page.id}"


def test_its_symptom_was_seen(page: Page) -> None:
    """A test looks for the page's own words in what the real thing printed."""
    if page.symptoms:
        assert f'seen("{page.id}"' in SOURCES


def test_it_can_be_noticed(page: Page) -> None:
    """By a command."""
    assert "```sh\n" in page.section("How to notice it")


def test_it_is_in_the_index(page: Page) -> None:
    """By name, in the table of symptoms."""
    assert f"({page.path.name})" in INDEX


def test_the_index_names_each_id_once_in_the_tiers() -> None:
    """S1 entries have a page; S2 and S3 stand in tables with a source."""
    ids = re.findall(r"^\| ([A-Z]\d+) \|", INDEX, re.MULTILINE)
    assert len(ids) == len(set(ids))
    assert not set(ids) & {page.id for page in PAGES}


def test_what_the_code_cites_is_written_down() -> None:
    """Each `pitfalls X1` in the code leads somewhere."""
    known = set(re.findall(r"^\| ([A-Z]\d+) \|", INDEX, re.MULTILINE)) | {page.id for page in PAGES}
    for folder in ("app", "deploy", "nginx", "compose", "tests"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in {".py", ".j2", ".js", ".yml"} and file.parent.name != "pitfalls":
                for cited in re.findall(r"pitfalls ((?:[A-Z]\d+(?:, |-)?)+)", file.read_text()):
                    assert set(re.findall(r"[A-Z]\d+", cited)) <= known, f"{file.relative_to(ROOT)}: {cited}"
