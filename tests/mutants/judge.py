"""Whether the unit tests notice a mutant: one process that has read what never changes, and a fork of it for each."""

import contextlib
import gc
import importlib
import importlib.util
import os
import signal
import sys
import time
import traceback
from pathlib import Path

import django
import pytest

from tests.mutants.which import JUDGES, SLOW

SECONDS = 10  # for one test: the slowest of the first round takes two of them
MORE_SECONDS = 90  # for one of a later round
WHOLE_SECONDS = 120  # for all of them: a mutant may spin where pytest-timeout's alarm does not get through
READ = (  # what takes long to import, and is never mutated
    "channels.layers", "channels_redis.pubsub", "gunicorn.workers.base", "hypothesis.extra.django",
    "hypothesis.stateful", "pytest_asyncio.plugin", "pytest_django.plugin", "pytest_timeout", "redis.asyncio",
    "uvicorn.main", "websockets", "tests.installed", "tests.kit", "tests.runbooks.book", "tests.running",
    "chat.services", "accounts.sessions",
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


def judged(path: str, tests: list[str], output: Path, *, seconds: int = SECONDS) -> str:
    """Run tests of a file and say `killed`, `timed out` or `survived`; what they print goes to `output`."""
    output.write_text("")
    Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)
    return _run(tests, output, seconds=seconds)


def _run(tests: list[str], output: Path, *, seconds: int) -> str:
    pid = os.fork()
    if pid == 0:
        _child(tests, output, seconds=seconds)
    deadline = time.monotonic() + WHOLE_SECONDS
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
    text = output.read_text(errors="replace")
    return "timed out" if "Timeout (>" in text or "Failed: Timeout" in text else "killed"


def _deselected(tests: list[str]) -> list[str]:
    """Leave what a later round plays out of the first."""
    return [*tests, *(f"--deselect={test}" for test in SLOW if test not in tests)]


def _child(tests: list[str], output: Path, *, seconds: int) -> None:
    """Be a pytest of one's own; never returns."""
    os.setsid()
    out = os.open(output, os.O_WRONLY | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, file in ((0, null), (1, out), (2, out)):
        os.dup2(file, number)
    os.environ["CI"] = "true"  # the same examples each time, and nothing skipped
    code = 1
    try:
        code = int(pytest.main([*OPTIONS, f"--timeout={seconds}", *_deselected(tests)]))
    except BaseException:  # noqa: BLE001 (whatever a mutant makes of pytest, it is noticed)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
