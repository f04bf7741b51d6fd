"""A project's processes in a rollout: before the instances, and put back where anything fails."""

from collections.abc import Callable

import pytest

from deploy.errors import StackError
from deploy.operations.rollout.history import History
from deploy.operations.rollout.steps import rollback, rollout
from tests.deploy.operations.rollout.fake import NEW, OLD, FakeStack

RENEWED = f"renew_processes {NEW}"
PUT_BACK = f"put_back_processes {OLD}"


@pytest.fixture
def busy(fake: FakeStack) -> FakeStack:
    """A stack with processes beside its instances."""
    fake.beside = ("celery-1",)
    return fake


def quiet(line: str) -> None:
    """Say nothing."""


def test_they_are_replaced_before_any_instance(busy: FakeStack) -> None:
    """Of the new release, and in a rollback of the old one; where there are none, nothing is asked."""
    rollout(busy, None, quiet, patience=0)
    first = next(did for did in busy.did if did.startswith("replace"))
    assert busy.did.index("publish " + NEW) < busy.did.index(RENEWED) < busy.did.index(first)
    busy.did = []
    rollback(busy, quiet)
    assert f"renew_processes {OLD}" in busy.did
    assert PUT_BACK not in busy.did


def test_none_are_asked_for_where_there_are_none(fake: FakeStack) -> None:
    """As of the reference chat."""
    rollout(fake, None, quiet, patience=0)
    assert not [did for did in fake.did if "processes" in did]


@pytest.mark.parametrize("act", [rollout, rollback])
def test_one_that_dies_at_once_leaves_the_old_release_serving(busy: FakeStack, act: Callable[..., str]) -> None:
    """In one line, and no socket has been moved."""
    target = NEW
    if act is rollback:
        rollout(busy, None, quiet, patience=0)
        target = OLD
    before, busy.did, busy.broken = busy.releases, [], {("renew_processes", target)}
    arguments = (busy, None, quiet) if act is rollout else (busy, quiet)
    with pytest.raises(StackError) as failed:
        act(*arguments)
    said = f"renew_processes of {target} fails; the processes of before run, and no instance was replaced"
    assert str(failed.value) == said
    assert busy.releases == before
    assert not [did for did in busy.did if did.startswith(("replace", "stop", "finish"))]
    assert busy.did[-1] == PUT_BACK
    assert History(busy.folder).records()[-1].failed == said


def test_an_instance_that_fails_brings_those_of_before_back(busy: FakeStack) -> None:
    """They are of the release that serves."""
    busy.broken = {("probe", NEW)}
    said: list[str] = []
    with pytest.raises(StackError, match="web-1 serves"):
        rollout(busy, None, said.append, patience=0)
    assert busy.did[-1] == PUT_BACK
    assert busy.releases == [OLD, OLD]
    assert "starting the processes of before again" in said


def test_both_reasons_are_told_where_those_of_before_do_not_come_back(busy: FakeStack) -> None:
    """And not that they run."""
    busy.broken = {("renew_processes", NEW), ("put_back_processes", OLD)}
    with pytest.raises(StackError) as failed:
        rollout(busy, None, quiet, patience=0)
    why = f"and the processes of before did not come back: put_back_processes of {OLD} fails"
    assert str(failed.value) == f"renew_processes of {NEW} fails\n{why}"
