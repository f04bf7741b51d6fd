"""Which release `./parley rollback` returns to."""

import pytest

from deploy.errors import BadInputError, StackError
from deploy.operations.rollout.history import NAME, History
from deploy.operations.rollout.steps import rollback, rollout
from tests.deploy.operations.rollout.fake import NEW, OLD, FakeStack

THIRD = "1.2.0-cccccccc"


def quiet(line: str) -> None:
    """Say nothing."""


def test_back_step_by_step(fake: FakeStack) -> None:
    """Each rollback goes one good release further back, and not to what was gone back from."""
    rollout(fake, NEW, quiet, patience=0)
    rollout(fake, THIRD, quiet, patience=0)
    assert rollback(fake, quiet) == NEW
    assert rollback(fake, quiet) == OLD
    with pytest.raises(BadInputError, match="nothing to go back to"):
        rollback(fake, quiet)
    assert fake.releases == [OLD, OLD]


def test_each_of_them_is_written_down_once(fake: FakeStack) -> None:
    """What a rollout brought is not found again by the next one; what was gone back to is the one that serves."""
    rollout(fake, NEW, quiet, patience=0)
    rollout(fake, THIRD, quiet, patience=0)
    rollback(fake, quiet)
    history = History(fake.folder)
    assert [(record.what, record.release) for record in history.records()] == [
        ("found", OLD),
        ("rollout", NEW),
        ("rollout", THIRD),
        ("rollback", NEW),
    ]
    assert history.good() == [OLD, NEW]
    assert (fake.folder / NAME).stat().st_mode & 0o777 == 0o644, "anybody on the host may look what serves"


def test_an_older_release_that_is_rolled_out_again_is_no_rollback(fake: FakeStack) -> None:
    """The one that it replaced is good still, and what one goes back to."""
    rollout(fake, NEW, quiet, patience=0)
    rollout(fake, OLD, quiet, patience=0)
    assert History(fake.folder).good() == [NEW, OLD]
    assert rollback(fake, quiet) == NEW


def test_a_failed_release_is_no_good_one(fake: FakeStack) -> None:
    """What failed is never returned to."""
    rollout(fake, NEW, quiet, patience=0)
    fake.broken = {("probe", THIRD)}
    with pytest.raises(StackError):
        rollout(fake, THIRD, quiet, patience=0)
    assert rollback(fake, quiet) == OLD


def test_only_what_is_still_here(fake: FakeStack) -> None:
    """A release that was cleared away is passed over."""
    rollout(fake, NEW, quiet, patience=0)
    rollout(fake, THIRD, quiet, patience=0)
    fake.kept.discard(NEW)
    assert rollback(fake, quiet) == OLD


def test_an_instance_that_is_down_is_brought_back(fake: FakeStack) -> None:
    """After a rollout that was killed between stopping and starting, all of them serve the last good release."""
    rollout(fake, NEW, quiet, patience=0)
    down, other = fake.serving
    fake.serving = [type(down)(down.name, THIRD, running=False), other]
    assert rollback(fake, quiet) == NEW
    assert fake.releases == [NEW, NEW]


def test_an_installation_counts(fake: FakeStack) -> None:
    """A release that `install` brought, and no rollout, is a good one once it serves."""
    rollout(fake, NEW, quiet, patience=0)
    fake.serving = [type(one)(one.name, THIRD) for one in fake.serving]
    fake.kept.add(THIRD)
    assert rollback(fake, quiet) == NEW
    assert [record.release for record in History(fake.folder).records() if record.what == "found"] == [OLD, THIRD]


def test_a_torn_record_is_one_line(fake: FakeStack) -> None:
    """Somebody edited the file: the line names it."""
    fake.folder.mkdir()
    (fake.folder / NAME).write_text("{")
    with pytest.raises(BadInputError, match=rf"{NAME}: "):
        rollback(fake, quiet)
