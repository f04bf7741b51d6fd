"""Clients with an address that is not this machine's, as nginx names it to an instance."""

from dataclasses import dataclass

from deploy.effects.client.address import Address
from tests.running import RunningStack


@dataclass(frozen=True)
class Elsewhere(Address):
    """One instance, past nginx, from an address of the test's choice."""

    client: str = ""

    @property
    def forwarded(self) -> dict[str, str]:
        """What nginx would have written for this client."""
        return super().forwarded | {"X-Forwarded-For": self.client}


def elsewhere(stack: RunningStack, number: int, client: str) -> Elsewhere:
    """Dial an instance as a client with this address."""
    pinned = stack.pinned(number % len(stack.instances))
    return Elsewhere(pinned.origin, path=pinned.path, client=client)
