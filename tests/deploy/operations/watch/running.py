"""`./parley watch` beside a running `up`."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from tests.running import RunningStack
from tests.waiting import PATIENCE


@dataclass(frozen=True)
class Watch:
    """The process, and where it serves its metrics."""

    process: subprocess.Popen[str]
    metrics: str

    def measured(self) -> dict[str, float]:
        """Return what its /metrics says now, by name."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}

    def until(self, name: str, least: float) -> dict[str, float]:
        """Wait until a number is so large, and return them all."""
        end = time.monotonic() + PATIENCE
        while (found := self.measured())[name] < least:
            assert time.monotonic() < end, found
            time.sleep(0.05)
        return found


@contextlib.contextmanager
def watching(stack: RunningStack, every: float, *options: str) -> Iterator[Watch]:
    """Run it until the block ends, as Ctrl-C and systemd end it: it says nothing bad and leaves nothing."""
    note = stack.directory / "run" / "watch.json"
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "deploy", "watch", "--dir", str(stack.directory), "--every", str(every), *options],
        cwd=stack.root,
        env=os.environ | {"PYTHONPATH": str(stack.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        end = time.monotonic() + PATIENCE
        while not note.exists():
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise AssertionError(process.communicate()[0])
            time.sleep(0.05)
        yield Watch(process, json.loads(note.read_text())["metrics"])
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, note.exists()) == (0, False), said
