"""The server of protocol.md that answers what a test wants."""

from tests.deploy.operations.drill.conftest import fake, witness

__all__ = ["fake", "witness"]
