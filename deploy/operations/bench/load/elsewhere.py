"""Clients with addresses of their own, as a balancer on this machine names them to nginx."""

import secrets
from dataclasses import dataclass

from deploy.effects.client.address import Address
from deploy.operations.bench.load.plan import Plan


@dataclass(frozen=True)
class Elsewhere(Address):
    """The site, as a client with this address sees it."""

    client: str = ""

    @property
    def forwarded(self) -> dict[str, str]:
        """What the balancer adds."""
        return {"X-Forwarded-For": self.client}


def elsewhere(plan: Plan, port: int) -> Elsewhere:
    """Give the way to a port of loopback for somebody whom no limit has counted yet: a new /64 (RFC 4193)."""
    site = secrets.token_hex(5)
    return Elsewhere(plan.origin, via=("127.0.0.1", port), client=f"fd{site[:2]}:{site[2:6]}:{site[6:]}::1")
