"""The three ways to run one stack, as the behaviour suite sees them: through the edge, and as a drill does."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from deploy.operations.drill.stack import InstalledStack, LocalStack, Stack
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import Installed
from tests.running import RunningStack


@dataclass(frozen=True)
class Site:
    """A stack that is up: where it answers, what can be done to it, and who greets people there."""

    name: str
    stack: Stack
    greeters: Callable[[], set[str]]  # the instances, as `welcome.instance` names them

    @property
    def address(self) -> Address:
        """The way through the edge."""
        return self.stack.address


@dataclass(frozen=True)
class HostStack:
    """An installed host, seen from the machine that it runs on."""

    installed: Installed
    database = None
    redis_socket = None

    @property
    def address(self) -> Address:
        """The site, through nginx and the way into the host's network."""
        return self.installed.address

    async def names(self) -> tuple[str, ...]:
        """Name the instances, in their order."""
        return tuple(self.installed.host.instances())

    async def pid(self, name: str) -> int | None:
        """Give the process of a name, as this machine numbers it."""
        return self.installed.host.pid(name)

    async def ready(self, name: str) -> bool:
        """Tell whether this instance answers /readyz with 200, past nginx."""
        try:
            return (await HttpClient(self.installed.host.instance(name), timeout=3.0).get("/readyz")).status == 200
        except OSError:
            return False


def local(running: RunningStack) -> Site:
    """See what `./parley up` runs."""
    stack = LocalStack(running.directory)
    return Site("local", stack, lambda: {instance.name for instance in running.instances})


def compose(running: RunningCompose) -> Site:
    """See what docker-compose.prod.yml runs."""
    return Site("compose", InstalledStack(running.stack), running.instances)


def systemd(running: Installed) -> Site:
    """See what `./parley install` left on a host."""
    return Site("systemd", HostStack(running), lambda: set(running.host.instances()))
