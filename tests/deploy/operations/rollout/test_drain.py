"""`./parley drain` of an installed stack: the process is asked to end, and waited for."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.errors import BadInputError, StackError
from deploy.model.config import Config
from deploy.operations.instance import drain as drains
from deploy.operations.instance.drain import drain
from tests.deploy.operations.rollout.fake import FakeStack

# Says when its handlers are set, as an instance is ready when it is asked for.
ENDS = "import signal, sys; print(flush=True); signal.pause()"
STAYS = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"


def process(script: str) -> subprocess.Popen[bytes]:
    """Start it."""
    started = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert started.stdout is not None
    assert started.stdout.readline() == b"\n"
    return started


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    """What `--stack compose` opens."""
    fake = FakeStack(tmp_path, config=Config.model_validate({"stop": {"graceful_seconds": 1}}))
    monkeypatch.setattr(drains, "installed", lambda *_: fake)
    return fake


def test_it_is_asked_and_waited_for(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM and no more: it has ended when the command returns."""
    with process(ENDS) as instance:
        monkeypatch.setattr(stack, "pid", {"web-1": instance.pid}.get)
        drain("compose", None, None, "web-1")
        assert instance.wait(0.1) == -signal.SIGTERM


def test_one_that_stays_is_told(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the whole stop chain it is one line; who supervises it kills it."""
    with process(STAYS) as instance:
        monkeypatch.setattr(stack, "pid", {"web-1": instance.pid}.get)
        with pytest.raises(StackError, match="web-1 has not ended after 6 s"):
            drain("compose", None, None, "web-1")
        instance.kill()


def test_one_that_is_not_there(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is none, one that is starting, one that has just ended: one line each."""
    with pytest.raises(BadInputError, match=r"'web-9' is not an instance of compose: there are web-1, web-2"):
        drain("compose", None, None, "web-9")
    with pytest.raises(BadInputError, match="web-1 is starting"):
        drain("compose", None, None, "web-1")
    with process(ENDS) as gone:
        gone.kill()
    monkeypatch.setattr(stack, "pid", {"web-1": gone.pid}.get)
    with pytest.raises(BadInputError, match="web-1 has just ended"):
        drain("compose", None, None, "web-1")
