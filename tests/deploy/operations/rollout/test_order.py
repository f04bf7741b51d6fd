"""What a rollout does, in which order, and where it stops."""

import os
import re
import signal
from collections import Counter

import pytest

from deploy.effects import signals
from deploy.errors import BadInputError, StackError
from deploy.operations.rollout import command
from deploy.operations.rollout.history import History
from deploy.operations.rollout.steps import rollback, rollout
from tests.deploy.operations.rollout.fake import NEW, OLD, FakeStack


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
    before = [f"{verb} {NEW}" for verb in ("stage", "check", "plan", "migrate", "publish", "manage")]
    assert fake.did == [*before, *one, *two, f"finish {NEW}", "settle again=False"]
    assert fake.releases == [NEW, NEW]
    assert [(record.what, record.release, record.failed) for record in History(fake.folder).records()] == [
        ("found", OLD, ""),
        ("rollout", NEW, ""),
    ]


@pytest.mark.parametrize("verb", ["stage", "check", "plan", "migrate", "publish", "manage"])
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


@pytest.mark.parametrize("verb", ["check", "publish", "manage"])
def test_a_rollback_that_fails_early_touches_no_instance(fake: FakeStack, verb: str) -> None:
    """What was good once may not import any more, with the settings of today."""
    rollout(fake, None, quiet, patience=0)
    fake.broken, fake.did = {(verb, OLD)}, []
    with pytest.raises(StackError, match=f"{verb} of {OLD} fails"):
        rollback(fake, quiet)
    assert fake.releases == [NEW, NEW]
    assert not [did for did in fake.did if did.startswith(("replace", "retire", "finish"))]


@pytest.mark.parametrize("said", ["", "a warning", "[]", '"a ticket"'])
def test_a_release_whose_app_gives_no_ticket_touches_no_instance(
    fake: FakeStack, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """It could not be probed: nobody would know whether a message comes through."""
    monkeypatch.setattr(fake, "manage", lambda *_: said)
    with pytest.raises(StackError, match=f"of {NEW} gave no ticket"):
        rollout(fake, None, quiet, patience=0)
    assert fake.releases == [OLD, OLD]
    assert not [did for did in fake.did if did.startswith(("replace", "retire", "finish"))]


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
    heard = [signal.getsignal(number) for number in signals.ENDING]
    with pytest.raises(KeyboardInterrupt):
        rollout(fake, None, quiet, patience=0)
    assert fake.releases == [OLD, OLD]
    assert History(fake.folder).records()[-1].failed == "KeyboardInterrupt"
    assert [signal.getsignal(number) for number in signals.ENDING] == heard, "the next Ctrl-C is heard again"


def test_the_command_says_each_step_and_ends_orderly(
    fake: FakeStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a clock in front; `kill` puts back as Ctrl-C does, and under `nohup` a hang-up is nothing."""
    heard = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(command, "installed", lambda *_: fake)

    def signalled(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with monkeypatch.context() as during:
            during.setattr(fake, "probe", signalled)
            with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
                command.rollout("compose", None, None, why="", again=False, patience=0, outage=False)
        assert fake.releases == [OLD, OLD]
        command.rollout("compose", None, None, why="", again=False, patience=0, outage=False)
        command.rollback("compose", None, why="")
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
    lines = capsys.readouterr().out.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    said = [line.partition(" ")[2] for line in lines]
    assert any(line.startswith(f"{NEW} serves, after ") for line in said)
    assert f"checking {OLD}" in said
    assert said[-1].startswith(f"{OLD} serves again, after ")


def test_each_step_is_said(fake: FakeStack) -> None:
    """Whoever watches knows what goes on, and what to do when it ends there."""
    said: list[str] = []

    def replaced(before: str, after: str) -> list[str]:
        olds = [instance.name for instance in fake.serving]
        return [
            line
            for old in olds
            for line in (
                f"{old}: replacing {before}",
                f"{old}{'+' if fake.surge else ''}: serves {after}; a message came through",
            )
        ]

    expected = replaced(OLD, NEW)
    rollout(fake, None, said.append, patience=0)
    migrating = "migrating the database; the old release keeps serving"
    assert said == ["staging the release", f"checking {NEW}", migrating, *expected]
    said.clear()
    expected = replaced(NEW, OLD)
    rollback(fake, said.append)
    assert said == [f"checking {OLD}", *expected]


def test_the_first_line_of_a_failure_is_said_at_once(fake: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Putting back takes a while; all of the reason follows at the end."""

    def fails(*_: object) -> None:
        raise StackError("the check says no\nfor this reason")

    said: list[str] = []
    monkeypatch.setattr(fake, "probe", fails)
    with pytest.raises(StackError, match=r"the check says no\nfor this reason\nweb-1 serves"):
        rollout(fake, None, said.append, patience=0)
    assert said[-1] == f"web-1: the check says no; putting {OLD} back"


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


@pytest.mark.parametrize("number", [1, 2, 4])
def test_again_brings_the_number_that_there_is_to_be(fake: FakeStack, number: int) -> None:
    """Those that are missing are probed before anybody comes to them; the others are not replaced first."""
    rollout(fake, None, quiet, patience=0)
    fake.number, fake.did = number, []
    rollout(fake, None, quiet, again=True, patience=0)
    assert fake.releases == [NEW] * number
    counts = Counter(did.partition(" ")[0] for did in fake.did)
    replaced = min(number, 2)
    assert (counts["replace"], counts["add"], counts["remove"]) == (replaced, number - replaced, 2 - replaced)
    assert counts["probe"] == number
    assert fake.did[-1] == "settle again=True"


def test_without_again_the_number_stays(fake: FakeStack) -> None:
    """What somebody started by hand for a rush is not taken away by a release."""
    fake.number = 1
    rollout(fake, None, quiet, patience=0)
    assert fake.releases == [NEW, NEW]


def test_one_more_that_fails_is_discarded(fake: FakeStack) -> None:
    """Nobody came to it, and those before it serve."""
    rollout(fake, None, quiet, patience=0)
    fake.number, fake.broken = 3, {("probe web-3", NEW)}
    with pytest.raises(StackError, match=f"probe of {NEW} fails"):
        rollout(fake, None, quiet, again=True, patience=0)
    assert fake.releases == [NEW, NEW]
    assert (fake.added, fake.did[-1]) == ([], "discard")
