"""docs/doctor.md is what the checks and their rows say."""

from deploy.model.overlay import STACKS
from deploy.operations.doctor.checks import CHECKS
from tests.checkout import ROOT
from tests.deploy.operations.doctor.breaks import BREAKS
from tests.deploy.operations.doctor.page import PAGE, text


def test_the_page_is_written_from_the_checks() -> None:
    """After a change: `python -m tests.deploy.operations.doctor.page`."""
    assert PAGE.read_text() == text()


def test_every_check_has_its_row_and_its_page() -> None:
    """In the registry's order; a check that nothing proves is none."""
    assert list(BREAKS) == [check.id for check in CHECKS]
    assert all((ROOT / check.page).exists() for check in CHECKS)


def test_every_check_applies_somewhere() -> None:
    """One that no stack has anything for is none; what it says of itself each healthy stack's own test holds it to."""
    for check in CHECKS:
        assert check.stacks, check.id
        assert set(check.stacks) <= set(STACKS), check.id


def test_every_need_is_looked_at_before() -> None:
    """Else it would never stand in the way."""
    seen: set[str] = set()
    for check in CHECKS:
        assert seen.issuperset(check.needs), check.id
        seen.add(check.id)
