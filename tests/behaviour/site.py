"""The ways to run one stack, as the behaviour suite sees them: through the edge, and as a drill does."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.drill.address import Address
from deploy.drill.stack import InstalledStack, LocalStack, Stack
from tests.compose.stack import RunningCompose
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


def local(running: RunningStack) -> Site:
    """See what `./parley up` runs."""
    stack = LocalStack(running.directory)
    return Site("local", stack, lambda: {instance.name for instance in running.instances})


def compose(running: RunningCompose) -> Site:
    """See what docker-compose.prod.yml runs."""
    return Site("compose", InstalledStack(running.stack), running.instances)
