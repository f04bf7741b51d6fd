"""docs/limits.md has every limit, with the number of the code."""

import re

import pytest

from parley_serving import metrics
from tests.docs.limits import PACKAGES, PAGE, ROWS, Row, constants, named, text
from tests.docs.operator import lines


def test_the_page_is_written_from_the_limits() -> None:
    """After a new number: `PYTHONPATH=app:. python -m tests.docs.limits`."""
    assert PAGE.read_text() == text(), "PYTHONPATH=app:. .venv/bin/python -m tests.docs.limits"


def test_every_constant_has_its_reason_and_one_home() -> None:
    """A name that two packages have means the same number in both."""
    found: dict[str, object] = {}
    for package in PACKAGES:
        for name, (value, why) in constants(package).items():
            assert why, name
            assert found.setdefault(name, value) == value, name


def test_whatever_bounds_a_flood_is_in_the_table() -> None:
    """By what such a constant is called."""
    bounds = re.compile(
        r"_WAITING|_PER_(ADDRESS|PERSON|USERNAME|SOCKET)|_A_DAY|_BURST|^FRAGMENTS|_FRAMES$|^ROWS|^CLAIMS"
    )
    meant = {name for package in PACKAGES for name in constants(package) if bounds.search(name)}
    assert meant - named() == {"REPEATED_FRAMES"}, "which frees, and refuses nothing"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.what}, {row.per}")
def test_a_refusal_has_what_it_says(row: Row) -> None:
    """A metric that is counted, and a line that is logged."""
    known = {
        one.name
        for family in (*metrics.EVENTS.values(), metrics.REFUSED, metrics.TURNED_AWAY)
        for one in family.collect()
    }
    if row.metric:
        assert row.metric.strip("`").partition("{")[0].removesuffix("_total") in known
    assert not row.line or row.line in lines()
    assert row.metric or row.answer in {"429, by nginx", "the try counts for the address"}
