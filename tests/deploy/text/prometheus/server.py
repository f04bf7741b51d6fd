"""A real Prometheus over the running stack, configured by `./parley render prometheus`."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.programs import needed
from tests.running import RunningStack, free_port
from tests.waiting import PATIENCE

SCRAPE_SECONDS = 1


@dataclass(frozen=True)
class Prometheus:
    """Its address."""

    url: str

    def ask(self, path: str, **fields: str) -> Any:
        """Return an answer's data."""
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(fields)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def firing(self) -> set[tuple[str, str]]:
        """Return (alert, instance) of what fires now."""
        alerts = self.ask("alerts")["alerts"]
        return {(one["labels"]["alertname"], one["labels"]["instance"]) for one in alerts if one["state"] == "firing"}

    def until(self, *wanted: tuple[str, str], quiet: bool = False) -> None:
        """Wait until these fire; with `quiet`, until nothing does."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self.firing()
            if (not found) if quiet else set(wanted) <= found:
                return
            time.sleep(0.2)
        raise AssertionError(f"wanted {wanted or 'nothing'}, fires: {self.firing()}")

    def up(self) -> int:
        """Return how many instances answer."""
        return sum(int(one["value"][1]) for one in self.ask("query", query='up{job="parley"}')["result"])


@contextlib.contextmanager
def prometheus(stack: RunningStack, folder: Path) -> Iterator[Prometheus]:
    """Render for the stack, and run it until the block ends. Skips where there is none."""
    program = needed("prometheus", "prometheus")
    render = [sys.executable, "-P", "-m", "deploy", "render", "prometheus", "--every", str(SCRAPE_SECONDS)]
    environment = os.environ | {"PYTHONPATH": str(stack.root)}
    subprocess.run(
        [*render, "--dir", str(stack.directory), "--out", str(folder)], cwd=stack.root, env=environment, check=True
    )
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    found = Prometheus(f"http://{address}")
    try:
        end = time.monotonic() + PATIENCE
        while not _serves(found, len(stack.instances)):
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError((folder / "log").read_text())
            time.sleep(0.2)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def _serves(found: Prometheus, instances: int) -> bool:
    with contextlib.suppress(OSError, urllib.error.URLError):
        return found.up() == instances
    return False
