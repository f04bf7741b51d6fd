"""Migrations that break the serving release: refused before anything changes, or run while nothing serves."""

import json

import pytest

from deploy.errors import BadInputError, StackError
from deploy.operations.rollout.history import History
from deploy.operations.rollout.steps import rollback, rollout
from tests.deploy.operations.rollout.fake import NEW, OLD, FakeStack

THIRD = "1.2.0-cccccccc"
REMOVE = "Remove field text from line"


def quiet(line: str) -> None:
    """Say nothing."""


def test_one_is_refused_before_anything_is_changed(fake: FakeStack) -> None:
    """In one line: the migration, the operation, why, the way in two steps, and the other way."""
    fake.breaking = (REMOVE,)
    with pytest.raises(BadInputError) as refused:
        rollout(fake, None, quiet, patience=0)
    said = f"chat.0002_next: {REMOVE}: it is used; take two steps; or give --outage, which stops all instances"
    assert str(refused.value) == f"{said}, migrates and starts them"
    assert fake.did == [f"{verb} {NEW}" for verb in ("stage", "check", "plan")]
    assert fake.releases == [OLD, OLD]


def test_more_are_counted(fake: FakeStack) -> None:
    """The first is named; whoever removes it reads the next one."""
    fake.breaking = (REMOVE, "Delete model line", "Raw SQL operation")
    with pytest.raises(BadInputError, match=r"starts them \(2 more\)$"):
        rollout(fake, None, quiet, patience=0)


def test_with_an_outage_nothing_serves_meanwhile(fake: FakeStack) -> None:
    """All stop, the database is migrated, all start as the new release; the record has what nobody goes back over."""
    fake.breaking = (REMOVE,)
    assert rollout(fake, None, quiet, patience=0, outage=True) == NEW
    at = fake.did.index(f"migrate {NEW}")
    assert fake.did[at - 2 : at] == ["stop web-1", "stop web-2"]
    assert not [did for did in fake.did[:at] if did.startswith("replace")]
    assert fake.releases == [NEW, NEW]
    assert History(fake.folder).records()[-1].breaks == [f"chat.0002_next: {REMOVE}: it is used"]


def test_without_a_reason_there_is_no_outage(fake: FakeStack) -> None:
    """The option allows it, and does not ask for it."""
    rollout(fake, None, quiet, patience=0, outage=True)
    assert not [did for did in fake.did if did.startswith("stop")]


def test_what_the_database_refuses_brings_the_old_release_back(fake: FakeStack) -> None:
    """It has changed nothing: who served before serves again."""
    fake.breaking, fake.broken = (REMOVE,), {("migrate", NEW)}
    with pytest.raises(StackError, match=f"migrate of {NEW} fails"):
        rollout(fake, None, quiet, patience=0, outage=True)
    assert fake.did[-2:] == ["start web-1", "start web-2"]
    assert fake.releases == [OLD, OLD]
    assert History(fake.folder).records()[-1].breaks == []


def test_the_project_s_processes_stop_too(fake: FakeStack) -> None:
    """They have the same schema; `finish` brings the new ones."""
    fake.breaking, fake.beside = (REMOVE,), ("celery-1", "celery-2")
    said: list[str] = []
    rollout(fake, None, said.append, patience=0, outage=True)
    at = fake.did.index(f"migrate {NEW}")
    assert fake.did[at - 3 : at] == ["stop web-1", "stop web-2", "stop_processes celery-1 celery-2"]
    assert not [did for did in fake.did if did.startswith("start")]
    assert any(line.startswith("stopping all instances, and the project's processes: ") for line in said)


@pytest.mark.parametrize("broken", [("migrate", NEW), ("stop_processes", OLD)])
def test_they_come_back_with_the_old_release(fake: FakeStack, broken: tuple[str, str]) -> None:
    """Where the database refuses, and where one of them does not end."""
    fake.breaking, fake.beside, fake.broken = (REMOVE,), ("celery-1", "celery-2"), {broken}
    with pytest.raises(StackError, match=f"{broken[0]} of {broken[1]} fails"):
        rollout(fake, None, quiet, patience=0, outage=True)
    assert fake.did[-3:] == ["start web-1", "start web-2", "start_processes celery-1 celery-2"]
    assert (fake.releases, fake.beside) == ([OLD, OLD], ("celery-1", "celery-2"))


def test_after_it_the_old_release_is_not_started_again(fake: FakeStack) -> None:
    """A new one that fails leaves its place empty, and says so; a better one is rolled out without an outage."""
    fake.breaking, fake.broken = (REMOVE,), {("probe", NEW)}
    with pytest.raises(StackError, match="web-1 stays stopped"):
        rollout(fake, None, quiet, patience=0, outage=True)
    assert fake.releases == [None, None]
    with pytest.raises(
        BadInputError, match=f"{OLD} cannot live with the database as it is now: chat.0002_next: {REMOVE}"
    ):
        rollback(fake, quiet)
    fake.did = []
    assert rollout(fake, THIRD, quiet, patience=0) == THIRD
    assert fake.releases == [THIRD, THIRD]


def test_nobody_goes_back_over_one(fake: FakeStack) -> None:
    """In one line, with nothing touched; what came after it can be gone back over."""
    fake.breaking = (REMOVE,)
    rollout(fake, None, quiet, patience=0, outage=True)
    fake.did = []
    with pytest.raises(BadInputError, match=f"{OLD} cannot live with .* {REMOVE}.*; restore a backup instead"):
        rollback(fake, quiet)
    assert (fake.did, fake.releases) == ([], [NEW, NEW])
    rollout(fake, THIRD, quiet, patience=0)
    assert rollback(fake, quiet) == NEW


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            "docker ended with 1:\n\nmigration shop.0002_a refused: canceling statement due to lock timeout",
            "migration shop.0002_a refused: canceling statement due to lock timeout",
        ),
        ("docker ended with 1:\nno such image", "docker ended with 1:\nno such image"),
    ],
)
def test_a_database_s_words_are_the_line(
    fake: FakeStack, monkeypatch: pytest.MonkeyPatch, said: str, line: str
) -> None:
    """Without what stood around them."""

    def migrate(_: str) -> None:
        raise StackError(said)

    monkeypatch.setattr(fake, "migrate", migrate)
    with pytest.raises(StackError) as failed:
        rollout(fake, None, quiet, patience=0)
    assert str(failed.value) == line


@pytest.mark.parametrize("said", ["", "a warning", "[]", '{"pending": []}'])
def test_a_release_that_gives_no_plan_touches_nothing(
    fake: FakeStack, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """Nobody would know what it does to the database."""
    monkeypatch.setattr(fake, "plan", lambda _: said)
    with pytest.raises(StackError, match=f"{NEW} gave no plan"):
        rollout(fake, None, quiet, patience=0)
    assert f"migrate {NEW}" not in fake.did


def test_half_of_an_outage_is_recorded(fake: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken away before the next migration failed: the releases before cannot live with it."""
    fake.breaking = ("Remove field a", "Raw SQL")
    plans = iter([fake.plan(NEW), json.dumps({"pending": ["chat.0003_next"], "breaking": []})])
    monkeypatch.setattr(fake, "plan", lambda _: next(plans))
    fake.broken = {("migrate", NEW)}
    with pytest.raises(StackError):
        rollout(fake, None, quiet, patience=0, outage=True)
    assert History(fake.folder).records()[-1].breaks == ["chat.0002_next: Remove field a: it is used"]


def test_nor_by_a_rollout_of_the_release_before(fake: FakeStack) -> None:
    """It has nothing to migrate, and cannot live with what is there."""
    fake.breaking = ("Remove field a",)
    rollout(fake, None, quiet, patience=0, outage=True)
    with pytest.raises(BadInputError, match="cannot live"):
        rollout(fake, OLD, quiet, patience=0)
