"""A whole school behind one address that is not this machine's: its own network, through nginx, with the defaults."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from accounts import limits
from tests.attack.namespace import Namespace, namespace
from tests.attack.neighbours import CLASS
from tests.attack.school import PUPILS, SCHOOL
from tests.checkout import ROOT
from tests.running import RunningStack, running_stack

pytestmark = [pytest.mark.stack, pytest.mark.netns, pytest.mark.release, pytest.mark.timeout(1500)]

SECONDS = 1200  # bound for 400 passwords, a third of a second each, on a machine of two processors that is busy


@pytest.fixture(scope="module")
def network() -> Iterator[Namespace]:
    """The network of the school."""
    with namespace() as made:
        yield made


@pytest.fixture(scope="module")
def school(network: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack as it is without a parley.toml of one's own, which listens for others than this machine."""
    with running_stack(tmp_path_factory.mktemp("school"), "--host", "school.example") as running:
        asyncio.run(running.manage("shell", "-c", PUPILS))
        yield running


@pytest.mark.parametrize("line", ["v4", "v6"])
async def test_a_school_in_a_network_of_its_own(school: RunningStack, network: Namespace, line: str) -> None:
    """All log in, chat and come back at once; a class logs in again; one of them guesses passwords, one floods."""
    told = {
        "url": school.url,
        "host": network.ours[line],
        "port": urlsplit(school.url).port,
        "line": line,
        "nginx": school.state["nginx_pid"],
        "seconds": SECONDS,
    }
    process = await asyncio.create_subprocess_exec(
        *(*network.entered, sys.executable, "-m", "tests.attack.neighbours", json.dumps(told)),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'app'}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()[-4000:]
    counts = json.loads(printed)
    assert counts["logged in"] == [SCHOOL, CLASS]
    assert counts["came back"] == SCHOOL
    # And the attackers were held: their own address is no exempt one.
    assert counts["locked"] == [False] * limits.TRIES_PER_PERSON + [True]
    assert set(counts["guests"]) == {"302", "429"}
    assert counts["guests"]["302"] <= limits.PEOPLE_PER_ADDRESS
    assert set(counts["pages"]) <= {"200", "429"}
    assert counts["pages"]["200"] > 0
    assert set(counts["frames"]) == {"4429", "429"}
