"""Every page has its sections, its alert and its test, and every alert has a page."""

import re
from typing import Any

import pytest

from deploy.operations.runbooks import page as pages
from deploy.operations.runbooks.page import HEADINGS, INDEX, SECTIONS, Page
from tests.checkout import ROOT
from tests.deploy.text.prometheus.rendered import alerts
from tests.docs import operator

TESTS = ROOT / "tests"
MARK = re.compile(r'pytest\.mark\.runbook\("([\w-]+)", "(\w+)"\)')
ALERT = re.compile(r"^Alert: (.+(?:\n.+)*)", re.MULTILINE)
# What says `parley` and is no name on a host: the command, its file, the folder of `up`, metrics.
WORDS = re.compile(r"\./parley(?= |$)|\bparley\.toml\b|(?<=[-/ ])\.parley\b|\bparley_", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)$", re.MULTILINE)
PAGES = [pages.read(name) for name in pages.names()]


def named(page: Page) -> set[str]:
    """Return the alerts that a page says it is for."""
    found = ALERT.search(page.text)
    assert found, f"{page.name} has no line Alert:"
    return set(re.findall(r"\bParley\w+", found[1]))


def proven() -> set[tuple[str, str]]:
    """Return (page, stack) of every test that plays one; most are here."""
    return {found for path in TESTS.rglob("test_*.py") for found in MARK.findall(path.read_text())}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_whole(page: Page) -> None:
    """A title, its alert or why there is none, and the six sections, each with something in it."""
    assert page.title != page.name
    assert named(page) or "Alert: none" in page.text
    assert tuple(page.sections) == SECTIONS
    assert all(text.strip() for text in page.sections.values())
    written = [script for section in SECTIONS for script in page.blocks(section)]
    assert FENCE.findall(page.text).count("sh") == len(written), "a shell block that nothing runs"
    used = set(re.findall(r"\$\{?([A-Z][A-Z_]*)", "".join(block.script for block in written)))
    assert used - {"PARLEY_STACK", "PARLEY_DIR", "PARLEY_PROJECT"} == set(page.needs)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_its_tests(page: Page) -> None:
    """One for each stack that has commands of its own on it, and one at least."""
    stacks = {stack for name, stack in proven() if name == page.name}
    assert stacks
    assert page.stacks() <= stacks
    assert stacks <= set(HEADINGS.values())


def test_a_test_has_its_page() -> None:
    """None is of a page that is not there."""
    assert {name for name, _ in proven()} == set(pages.names())


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_has_its_page(alert: dict[str, Any]) -> None:
    """Whoever is woken by it reads which; and that page names the alert."""
    page = pages.read(alert["annotations"]["runbook"])
    assert alert["alert"] in named(page)


def test_a_page_names_alerts_that_there_are() -> None:
    """And no others."""
    assert {name for page in PAGES for name in named(page)} <= {one["alert"] for one in alerts()}


def test_the_index_has_every_page() -> None:
    """As a link."""
    text = (pages.FOLDER / f"{INDEX}.md").read_text()
    assert [name for name in pages.names() if f"]({name}.md)" not in text] == []


def test_the_operators_index_leads_to_every_page() -> None:
    """docs/operator.md is written from these pages, too: after a change `python -m tests.docs.operator`."""
    assert operator.PAGE.read_text() == operator.text(), "PYTHONPATH=app:. .venv/bin/python -m tests.docs.operator"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_of_the_default_site_is_left_in_a_named_ones_commands(page: Page) -> None:
    """Under systemd: no unit, user or path of `parley`, in what is run or in what it should print."""
    for section, blocks in page.of("systemd", "staging").items():
        for block in blocks:
            text = "\n".join((block.script, *block.says))
            assert [line for line in text.splitlines() if "parley" in WORDS.sub("", line)] == [], section


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_default_sites_commands_are_the_pages(page: Page) -> None:
    """Word for word, and what the other stacks run is never rewritten."""
    assert page.of("systemd", "parley") == page.of("systemd")
