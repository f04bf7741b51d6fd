"""`./parley rollout`, `./parley rollback`: with a clock in front of every line, and signals that do not tear."""

import signal
import time
from pathlib import Path
from typing import Never

from deploy.effects import progress
from deploy.operations.rollout import steps
from deploy.stacks.installed import Name, installed


def rollout(
    name: Name,
    env: str | None,
    source: str | None,
    project: Path | None = None,
    *,
    why: str,
    again: bool,
    patience: float,
    outage: bool,
) -> None:
    """Roll the release of a source out, saying each step."""
    orderly()
    began = time.monotonic()
    stack = installed(name, env, project)
    release = steps.rollout(stack, source, say, why=why, again=again, patience=patience, outage=outage)
    say(f"{release} serves, after {time.monotonic() - began:.0f} s")


def rollback(name: Name, env: str | None, project: Path | None = None, *, why: str) -> None:
    """Go back, saying each step."""
    orderly()
    began = time.monotonic()
    release = steps.rollback(installed(name, env, project), say, why=why)
    say(f"{release} serves again, after {time.monotonic() - began:.0f} s")


def say(line: str) -> None:
    """Write a line at once; long work is watched."""
    progress.say(f"{time.strftime('%H:%M:%S')} {line}")


def orderly() -> None:
    """End on SIGTERM, and on a terminal that went away, as on Ctrl-C: the instance at hand is put back first."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _end)


def _end(number: int, _frame: object) -> Never:
    raise KeyboardInterrupt(signal.Signals(number).name)
