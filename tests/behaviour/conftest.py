"""The same tests for every stack that this machine can run."""

import pytest

from tests.behaviour import site as sites
from tests.behaviour.site import Site

LOCAL = pytest.param("local", marks=[pytest.mark.stack, pytest.mark.short])
INSTALLED = (pytest.param("systemd", marks=pytest.mark.systemd), pytest.param("compose", marks=pytest.mark.docker))


def opened(request: pytest.FixtureRequest, name: str) -> Site:
    """Bring a stack up, or find it up: there is one of each for all tests that leave it as they found it."""
    if name == "local":
        return sites.local(request.getfixturevalue("stack"))
    if name == "compose":
        return sites.compose(request.getfixturevalue(name))
    return sites.systemd(request.getfixturevalue(name))


@pytest.fixture(scope="session", params=[LOCAL, *INSTALLED])
def site(request: pytest.FixtureRequest) -> Site:
    """One of the stacks."""
    return opened(request, request.param)
