"""`./parley rollout`, `./parley rollback`: with a clock in front of every line, and signals that do not tear."""

import signal
import time
from typing import Never

from deploy import progress
from deploy.rollout import roll
from deploy.stacks.installed import Name, installed


def rollout(name: Name, env: str | None, source: str | None, *, why: str, again: bool, patience: float) -> None:
    """Roll the release of a source out, saying each step."""
    orderly()
    began = time.monotonic()
    release = roll.rollout(installed(name, env), source, say, why=why, again=again, patience=patience)
    say(f"{release} serves, after {time.monotonic() - began:.0f} s")


def rollback(name: Name, env: str | None, *, why: str) -> None:
    """Go back, saying each step."""
    orderly()
    began = time.monotonic()
    release = roll.rollback(installed(name, env), say, why=why)
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
