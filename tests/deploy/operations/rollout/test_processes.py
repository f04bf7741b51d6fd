"""A project's processes in a rollout: before the instances, and put back where anything fails."""

from collections.abc import Callable

import pytest

from deploy.errors import StackError
from deploy.model.project import Process
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
def test_the_release_says_what_there_is_to_be(fake: FakeStack, act: Callable[..., str]) -> None:
    """And not the folder that was named: it may come from another one, or from an archive."""
    if act is rollback:
        rollout(fake, None, quiet, patience=0)
    target = OLD if act is rollback else NEW
    project = fake.config.project.model_copy(update={"processes": {"first": Process(run="first")}})
    fake.configs = {target: fake.config.model_copy(update={"project": project})}
    rollback(fake, quiet) if act is rollback else rollout(fake, None, quiet, patience=0)
    assert f"renew_processes {target}" in fake.did


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
    said = f"renew_processes of {target} fails; celery-1 of before run again, and no instance was replaced"
    assert busy.beside == ("celery-1",)
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


def test_nothing_is_said_to_run_that_did_not(busy: FakeStack) -> None:
    """The operator had stopped them, or an outage."""
    busy.beside, busy.halted = (), ("celery-1",)
    busy.broken = {("renew_processes", NEW)}
    with pytest.raises(StackError, match=r"fails; of those of before none ran, and no instance was replaced$"):
        rollout(busy, None, quiet, patience=0)
    assert busy.beside == ()


@pytest.mark.parametrize("again", [False, True])
def test_after_an_outage_one_that_dies_does_not_keep_the_site_down(busy: FakeStack, *, again: bool) -> None:
    """The instances come first, also in the rollout after one that left nothing that serves."""
    busy.breaking, busy.broken = ("Remove field a",), {("probe", NEW)}
    if again:
        with pytest.raises(StackError, match="web-1 stays stopped"):
            rollout(busy, None, quiet, patience=0, outage=True)
        assert (busy.releases, busy.beside, busy.halted) == ([None, None], (), ("celery-1",))
    busy.broken = {("renew_processes", NEW)}
    with pytest.raises(StackError) as failed:
        rollout(busy, None, quiet, patience=0, outage=not again)
    way = f"the instances serve {NEW}, and this process is started again and again"
    assert str(failed.value) == f"renew_processes of {NEW} fails; {way}"
    assert (busy.releases, busy.finished) == ([NEW, NEW], NEW)
    assert PUT_BACK not in busy.did, "they cannot live with the database as it is now"
