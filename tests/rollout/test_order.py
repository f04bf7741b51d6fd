"""What a rollout does, in which order, and where it stops."""

import os
import signal

import pytest

from deploy.errors import BadInputError, StackError
from deploy.rollout.history import History
from deploy.rollout.roll import rollback, rollout
from tests.rollout.fake import NEW, OLD, FakeStack


def quiet(line: str) -> None:
    """Say nothing."""


def test_the_whole_of_it(fake: FakeStack) -> None:
    """Check, migrate, publish, then each instance to its end before the next one is touched, then the stack's own."""
    assert rollout(fake, None, quiet, patience=0) == NEW
    new = [f"web-{number}{'+' if fake.surge else ''}" for number in (1, 2)]
    one, two = (
        [f"replace {old}", f"ready {now}", f"probe {now}", f"retire {old}"]
        for old, now in zip(["web-1", "web-2"], new, strict=True)
    )
    before = [f"{verb} {NEW}" for verb in ("stage", "check", "migrate", "publish", "manage")]
    assert fake.did == [*before, *one, *two, f"finish {NEW}"]
    assert fake.releases == [NEW, NEW]
    assert [(record.what, record.release, record.failed) for record in History(fake.folder).records()] == [
        ("found", OLD, ""),
        ("rollout", NEW, ""),
    ]


@pytest.mark.parametrize("verb", ["stage", "check", "migrate", "publish", "manage"])
def test_a_release_that_fails_early_touches_no_instance(fake: FakeStack, verb: str) -> None:
    """A release that does not import, or breaks nginx's config, or the schema, is refused before anything stops."""
    fake.broken = {(verb, NEW)}
    with pytest.raises(StackError, match=f"{verb} of {NEW} fails"):
        rollout(fake, None, quiet, patience=0)
    assert fake.releases == [OLD, OLD]
    assert not [did for did in fake.did if did.startswith(("replace", "retire", "finish"))]


@pytest.mark.parametrize("verb", ["replace", "ready", "never ready", "probe"])
def test_a_broken_release_leaves_the_old_one_serving(fake: FakeStack, verb: str) -> None:
    """The first instance that fails is put back, the second is never touched, and the record says why."""
    fake.broken = {(verb, NEW)}
    with pytest.raises(StackError, match=r"web-1: .*\n?.*web-1 serves 1\.0\.0-aaaaaaaa again"):
        rollout(fake, None, quiet, patience=0)
    assert fake.releases == [OLD, OLD]
    assert "put_back web-1" in fake.did
    assert not [did for did in fake.did if "web-2" in did or did.startswith("finish")]
    assert fake.finished == OLD
    last = History(fake.folder).records()[-1]
    assert (last.what, last.release) == ("rollout", NEW)
    assert "web-1" in last.failed


def test_a_later_failure_stops_there_and_rollback_takes_all_back(fake: FakeStack) -> None:
    """The second instance is put back; the first serves on, as it was probed; `rollback` makes them one again."""
    second = "web-2+" if fake.surge else "web-2"
    fake.broken = {(f"probe {second}", NEW)}
    with pytest.raises(StackError, match=r"web-1 serve .*`./parley rollback`"):
        rollout(fake, None, quiet, patience=0)
    assert sorted(release or "" for release in fake.releases) == [OLD, NEW]
    fake.broken, fake.did = set(), []
    assert rollback(fake, quiet) == OLD
    assert fake.releases == [OLD, OLD]
    assert sum(did.startswith("replace") for did in fake.did) == 1, "what served the old release was left alone"
    assert not [did for did in fake.did if did.startswith("migrate")]


def test_both_reasons_are_told_when_the_old_one_does_not_come_back(fake: FakeStack) -> None:
    """Nothing is worse than a failure that hides the first one."""
    fake.broken = {("probe", NEW), ("put_back", OLD)}
    with pytest.raises(
        StackError, match=rf"(?s)probe of {NEW} fails.*{OLD} did not come back: put_back of {OLD} fails"
    ):
        rollout(fake, None, quiet, patience=0)


def test_an_interrupted_rollout_puts_back(fake: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between stopping and ready leaves no instance half-way, and a second one does not tear that."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    real = fake.put_back

    def signalled(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fake, "probe", interrupted)
    monkeypatch.setattr(fake, "put_back", signalled)
    with pytest.raises(KeyboardInterrupt):
        rollout(fake, None, quiet, patience=0)
    assert fake.releases == [OLD, OLD]
    assert History(fake.folder).records()[-1].failed == "KeyboardInterrupt"


def test_after_a_killed_rollout_the_next_one_goes_on(fake: FakeStack) -> None:
    """An instance that serves the release already is left alone; one that is down is started."""
    rollout(fake, None, quiet, patience=0)
    web, other = fake.serving
    fake.serving = [web, type(other)(other.name, OLD, running=False)]
    fake.did = []
    assert rollout(fake, None, quiet, patience=0) == NEW
    assert fake.releases == [NEW, NEW]
    assert sum(did.startswith("replace") for did in fake.did) == 1


def test_nothing_to_do_is_refused_unless_asked_for(fake: FakeStack) -> None:
    """The release that serves is not rolled by mistake; `again` replaces every instance."""
    rollout(fake, None, quiet, patience=0)
    with pytest.raises(BadInputError, match="is running already"):
        rollout(fake, None, quiet, patience=0)
    fake.did = []
    rollout(fake, None, quiet, again=True)
    assert sum(did.startswith("replace") for did in fake.did) == 2
