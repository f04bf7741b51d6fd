"""The installed stacks, one of each for all tests that leave it as they found it."""

from collections.abc import Iterator

import pytest

from tests.compose.stack import RunningCompose, running_compose


@pytest.fixture(scope="session")
def compose(engine: None) -> Iterator[RunningCompose]:
    """Docker Compose, with three replicas."""
    with running_compose(3) as running:
        yield running
