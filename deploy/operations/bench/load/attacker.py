"""`python -m deploy.operations.bench.load.attacker PLAN NUMBER`: one client of a flood, from SIGUSR1 on."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import msgspec

from deploy.operations.bench.load.floods import FLOODS, REFUSALS, Client, Flood
from deploy.operations.bench.load.plan import Plan
from deploy.stacks.local.limits import raise_open_files


class Pace:
    """Keeps a process at a share of a processor; 0 is no limit."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._started = time.monotonic()
        self._burnt = time.process_time()

    def keep(self) -> None:
        """Wait until the process has burnt no more than its share."""
        if self._share:
            due = self._started + (time.process_time() - self._burnt) / self._share
            time.sleep(max(0.0, due - time.monotonic()))


def attack(flood: Flood, client: Client, pace: Pace) -> None:
    """Flood on over one connection after the other, whatever the server says."""
    while True:
        try:
            flood.attack(client)
        except REFUSALS:
            pace.keep()


def died(unexpected: threading.ExceptHookArgs) -> None:
    """End the process: an attacker with fewer connections than it should have is no measure."""
    threading.__excepthook__(unexpected)
    os._exit(1)


def main() -> None:
    """Get ready, wait for the signal, and attack over all connections at once."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    assert plan.attack is not None  # noqa: S101 (the workload)
    raise_open_files()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    client = Client(plan, plan.attack, int(sys.argv[2]))
    flood = FLOODS[plan.attack.flood]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGUSR1})
    threading.excepthook = died
    pace = Pace(plan.attack.share)
    # One thread burns a share as evenly as it can be; many would all wake up at the same moment.
    for _ in range(1 if plan.attack.share else flood.connections):
        threading.Thread(target=attack, args=(flood, client, pace), daemon=True).start()
    signal.pause()


if __name__ == "__main__":
    main()
