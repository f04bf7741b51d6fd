"""`./parley metrics NAME`: what an instance counts, on every stack; where Prometheus finds it is monitoring.py's."""

import urllib.request
from pathlib import Path

from deploy.config import Config
from deploy.errors import BadInputError, StackError
from deploy.stacks.compose import site as compose
from deploy.stacks.compose.docker import docker
from deploy.stacks.installed import AnyName, installed, require_own
from deploy.stacks.local import state
from deploy.stacks.local.layout import Layout
from deploy.stacks.pid import known
from deploy.stacks.systemd import site as systemd

SECONDS = 5.0
ASK = f"import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout={SECONDS}).read().decode(), end='')"


def metrics(stack: AnyName, directory: Path | None, env: str | None, name: str) -> str:
    """Give an instance's /metrics as it is; raises BadInputError for one that is not there or serves none."""
    require_own(stack, directory, env)
    if stack == "local":
        addresses = {one["name"]: one["metrics"] for one in state.read(Layout.at(directory))["instances"]}
        known(name, list(addresses))
        return _read(name, addresses[name])
    one = installed(stack, env)
    names = [instance.name for instance in one.instances()]
    known(name, names)
    if stack == "compose":
        # What serves them listens on networks of containers alone, so a container is asked from inside.
        url = f"http://127.0.0.1:{compose.metrics(one.config)}/metrics"
        return docker("exec", name, "python", "-c", ASK, url)
    return _read(name, _port(one.config, names.index(name) + 1))


def _port(config: Config, number: int) -> str:
    if address := systemd.metrics(config, number):
        return address
    raise BadInputError("app.metrics_port is 0: the instances serve no metrics")


def _read(name: str, address: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=SECONDS) as answer:
            text: str = answer.read().decode()
    except OSError as error:
        raise StackError(f"{name} gives no metrics at {address}: {error}") from None
    return text.rstrip("\n")
