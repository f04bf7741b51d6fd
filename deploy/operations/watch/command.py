"""`./parley watch`."""

import asyncio
import signal
import sys
from contextlib import ExitStack, suppress

from deploy.errors import BadInputError
from deploy.model.hosts import in_url
from deploy.operations.watch import metrics_address
from deploy.operations.watch.figures import Figures
from deploy.operations.watch.probes import Tries
from deploy.operations.watch.site import Site


def watch(site: Site, every: float) -> None:
    """Try until a signal ends it; the first try comes before anything is served."""
    with suppress(asyncio.CancelledError):
        asyncio.run(_watch(site, every))


async def _watch(site: Site, every: float) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 (asyncio.run made one)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    figures, (host, port) = Figures(), site.bind
    tries = Tries(site, figures, _say)
    await tries.once()
    with ExitStack() as stay:
        try:
            bound = stay.enter_context(figures.served(host, port))
        except OSError as error:
            raise BadInputError(f"watch: {in_url(host)}:{port}: {error.strerror}") from None
        address = f"{in_url(host)}:{bound}"
        _say(f"metrics: http://{address}/metrics")
        if site.layout:
            stay.callback(metrics_address.remove, site.layout)
            metrics_address.write(site.layout, metrics_address.Note(address, every))
        await tries.for_ever(every)


def _say(line: str) -> None:
    sys.stdout.write(f"watch: {line}\n")
    sys.stdout.flush()
