"""The doctor on a host that `./parley install` made: nothing on a healthy one, and what only systemd shows."""

import json

import pytest

from deploy.text.systemd.places import Places
from tests.deploy.operations.doctor.applies import EVERYTHING, left_out
from tests.deploy.operations.doctor.breaks import BREAKS, DROP_IN
from tests.deploy.stacks.systemd.host import Installed

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]


def examined(systemd: Installed, *options: str) -> dict[str, list[str]]:
    """Give {verdict: ids} as root on the host reads them; nothing but the verdicts was written."""
    done = systemd.host.parley("doctor", "--stack", "systemd", "--json", *options, check=False)
    assert done.stderr == "", done.stderr
    found: dict[str, list[str]] = {}
    for one in json.loads(done.stdout):
        found.setdefault(one["verdict"], []).append(one["id"])
    assert done.returncode == (1 if "broken" in found else 0)
    return found


def test_a_healthy_host_has_nothing(systemd: Installed) -> None:
    """Every check that says so of itself has something to look at, with everything that can be asked for."""
    found = examined(systemd, *EVERYTHING)
    assert "broken" not in found, found
    assert found.get("not applicable", []) == left_out("systemd"), found


@pytest.mark.parametrize("name", [name for name, row in BREAKS.items() if row.host])
def test_what_is_broken_is_named_and_nothing_else(name: str, systemd: Installed) -> None:
    """A row of the matrix that `up` has not."""
    try:
        systemd.host.run(*BREAKS[name].host)
        systemd.host.run("systemctl", "daemon-reload")
        assert examined(systemd)["broken"] == [name]
    finally:
        systemd.host.run("rm", "-rf", DROP_IN)
        systemd.host.run("systemctl", "start", Places("parley").cleanup, Places("parley").backup)
        systemd.host.run("systemctl", "daemon-reload")
