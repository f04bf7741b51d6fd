"""`./parley metrics NAME`: what an instance counts, on every stack; text/prometheus.py says where Prometheus asks."""

import http.client
from contextlib import closing
from pathlib import Path

from deploy.errors import BadInputError, StackError
from deploy.model.config import Config
from deploy.operations.instance.pid import known
from deploy.stacks.compose.docker import docker
from deploy.stacks.installed import AnyName, installed, require_own
from deploy.stacks.local import state
from deploy.stacks.local.opened import opened
from deploy.text.compose import site as compose
from deploy.text.systemd import site as systemd

SECONDS = 5.0
# http.client knows of no proxy, and HTTP_PROXY may be in any environment: urllib would ask it for our own loopback.
ASK = f"""
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], timeout={SECONDS})
connection.request("GET", "/metrics")
answer = connection.getresponse()
print(answer.read().decode(), end="")
sys.exit(answer.status != 200)
"""


def metrics(stack: AnyName, directory: Path | None, env: str | None, name: str, project: Path | None = None) -> str:
    """Give an instance's /metrics as it is; raises BadInputError for one that is not there or serves none."""
    require_own(stack, directory, env)
    if stack == "local":
        addresses = {one["name"]: one["metrics"] for one in state.read(opened(project, directory)[1])["instances"]}
        known(name, list(addresses))
        return _read(name, addresses[name])
    one = installed(stack, env, project)
    names = [instance.name for instance in one.instances()]
    known(name, names)
    if stack == "compose":
        # What serves them listens on networks of containers alone, so a container is asked from inside.
        return docker("exec", name, "python", "-c", ASK, f"127.0.0.1:{compose.metrics(one.config)}")
    return _read(name, _port(one.config, names.index(name) + 1))


def _port(config: Config, number: int) -> str:
    if address := systemd.metrics(config, number):
        return address
    raise BadInputError("app.metrics_port is 0: the instances serve no metrics")


def _read(name: str, address: str) -> str:
    try:
        connection = http.client.HTTPConnection(address, timeout=SECONDS)
        with closing(connection):
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            text = answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise StackError(f"{name} gives no metrics at {address}: {error}") from None
    if answer.status != 200:
        raise StackError(f"{name} gives no metrics at {address}: it answers {answer.status}")
    return text.rstrip("\n")
