"""Whether the unit tests notice a mutant: one process that has read what never changes, and a fork of it for each."""

import collections
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import django
import pytest

from tests.mutants.notes import Notes
from tests.mutants.which import JUDGES, SLOW

SOUND_SECONDS = 90  # for one test without a mutant: the slowest takes 5 s on a busy machine
SLOWER = 4  # a test that takes so many times what it took without a mutant hangs
LEAST_SECONDS = 5  # and no test hangs before: a busy machine may stop any of them for a second or two
START_SECONDS = 30  # for pytest to start and end there; a mutant may spin where no alarm gets through
TRIES = 3  # to see tests pass without a mutant: beside others a stall may fail one
READ = (  # what takes long to import, and is never mutated
    "channels.layers", "channels_redis.pubsub", "gunicorn.workers.base", "hypothesis.extra.django",
    "hypothesis.stateful", "pytest_asyncio.plugin", "pytest_django.plugin", "pytest_timeout", "redis.asyncio",
    "uvicorn.main", "websockets", "tests.installed", "tests.kit", "tests.deploy.operations.runbooks.book",
    "tests.running",    "chat.services", "accounts.sessions",
)  # fmt: skip
OPTIONS = (
    "-x", "-q", "-p", "no:cacheprovider", "--no-migrations",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",  # of what is read already
    "-m", "not stack and not docker and not systemd",
)  # fmt: skip


def warm() -> None:
    """Read what each run needs, so that its forks have it; nothing of what is mutated."""
    sys.path[:0] = [".", "app"]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    django.setup()
    for name in READ:
        importlib.import_module(name)
    mutated = [path.removesuffix(".py").removeprefix("app/").replace("/", ".") for path in JUDGES]
    if stale := [name for name in mutated if name in sys.modules]:
        raise RuntimeError(f"read before it is mutated: {', '.join(stale)}")
    gc.collect()
    gc.freeze()  # each pytest collects garbage as it ends


class Judge:
    """Runs tests in forks of this process, and knows how long each takes and which of them killed."""

    def __init__(self, folder: Path) -> None:
        self._output = folder / "output.txt"
        self._notes = folder / "notes.json"
        self._seconds: dict[str, dict[str, float]] = {}  # of each test, by the file or test that was asked for
        self._kills: collections.Counter[str] = collections.Counter()

    def learn(self, tests: list[str]) -> None:
        """Run those without a mutant that did not run yet."""
        for test in tests:
            if test in self._seconds:
                continue
            if not any(self._run([test], SOUND_SECONDS, SOUND_SECONDS * 4) == "survived" for _ in range(TRIES)):
                sys.exit(f"{test} fails without a mutant:\n{self._output.read_text()}")
            self._seconds[test] = self._noted()["seconds"]

    def verdict(self, path: str, tests: list[str]) -> str:
        """Run the tests of a file that is mutated and say `killed`, `timed out` or `survived`."""
        Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)
        took = [seconds for test in tests for seconds in self._seconds[test].values()]
        limit = max(LEAST_SECONDS, SLOWER * max(took))
        verdict = self._run(tests, limit, START_SECONDS + SLOWER * sum(took))
        if verdict == "killed" and (failed := self._noted().get("failed")):
            self._kills[failed] += 1
        return verdict

    def failed(self) -> str:
        """Say which test the last mutant failed, if pytest lived to say so."""
        return str(self._noted().get("failed") or "")

    def _noted(self) -> dict[str, Any]:
        return dict(json.loads(self._notes.read_text())) if self._notes.exists() else {}

    def _run(self, tests: list[str], limit: float, whole: float) -> str:
        self._output.write_text("")
        self._notes.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            known = {test: seconds for each in self._seconds.values() for test, seconds in each.items()}
            _child(tests, self._output, Notes(self._notes, self._kills, known), seconds=limit)
        deadline = time.monotonic() + whole
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                break
            if time.monotonic() > deadline:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return "timed out"
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):  # what it started and left
            os.killpg(pid, signal.SIGKILL)
        if status == 0:
            return "survived"
        text = self._output.read_text(errors="replace")
        return "timed out" if "Timeout (>" in text or "Failed: Timeout" in text else "killed"


def _deselected(tests: list[str]) -> list[str]:
    """Leave what a later round plays out of the first."""
    return [*tests, *(f"--deselect={test}" for test in SLOW if test not in tests)]


def _child(tests: list[str], output: Path, notes: Notes, *, seconds: float) -> None:
    """Be a pytest of one's own; never returns."""
    os.setsid()
    out = os.open(output, os.O_WRONLY | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, file in ((0, null), (1, out), (2, out)):
        os.dup2(file, number)
    os.environ["CI"] = "true"  # the same examples each time, and nothing skipped
    code = 1
    try:
        code = int(pytest.main([*OPTIONS, f"--timeout={seconds:.1f}", *_deselected(tests)], plugins=[notes]))
    except BaseException:  # noqa: BLE001 (whatever a mutant makes of pytest, it is noticed)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
