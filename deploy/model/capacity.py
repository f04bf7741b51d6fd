"""How many sockets and connections fit into the open-files limit: pure arithmetic over Config and one number."""

from dataclasses import dataclass

from deploy.errors import BadInputError
from deploy.model.config import Config

SPARE_FILES = 256  # of an instance, beside its sockets: database, Redis, static files, logs (pitfalls G19)
SPARE_CONNECTIONS = 512  # of an nginx worker, beside its sockets: pages, static files, kept connections
FEWEST_SOCKETS = 16


@dataclass(frozen=True)
class Capacity:
    """What one instance and one nginx worker may hold."""

    open_files: int
    sockets: int
    worker_connections: int


def capacity(config: Config, open_files: int) -> Capacity:
    """Fit app.sockets into what this machine allows, and into limits.open_files where that is less."""
    instances, workers = config.app.instances, config.nginx.workers
    open_files = min(open_files, config.limits.open_files or open_files)
    most_connections = open_files // 2  # a proxied socket takes two descriptors (pitfalls N5)
    fits = (most_connections * workers - 1) // (2 * instances)
    room = min(open_files - SPARE_FILES, fits)
    if room < FEWEST_SOCKETS:
        raise BadInputError(
            f"the open-files limit of {open_files} is too low for {instances} instances: raise ulimit -n"
        )
    return _with(config, open_files, min(config.app.sockets, room))


def declared(config: Config) -> Capacity:
    """Take app.sockets and limits.open_files as they stand, for Compose and systemd; the rules say whether it fits."""
    return _with(config, config.limits.open_files, config.app.sockets)


def _with(config: Config, open_files: int, sockets: int) -> Capacity:
    """Give nginx connections so that one worker could carry all, if they fit."""
    wanted = 2 * sockets * config.app.instances + SPARE_CONNECTIONS
    return Capacity(open_files, sockets, min(open_files // 2, wanted))
