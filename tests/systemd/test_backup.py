"""A backup of an installed host, by the unit that its timer starts."""

import pytest

from deploy.drill.address import Address
from tests.backup.road import there_and_back
from tests.systemd.host import Installed

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(300)]

AS_PARLEY = ("runuser", "-u", "parley", "--")
WIPE = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


async def test_create_wipe_restore(systemd: Installed) -> None:
    """While people chat, from a wiped database, and not into a stack that runs; a client that resumes is told."""
    host = systemd.host

    def create() -> str:
        host.run("systemctl", "start", "parley-backup.service")
        assert ": whole: postgresql of " in host.parley("backup", "verify", "--stack", "systemd").stdout
        listed = host.parley("backup", "list", "--stack", "systemd").stdout
        return listed.splitlines()[-1].partition(":")[0]

    def restore(name: str) -> Address:
        again = ("backup", "restore", name, "--stack", "systemd")
        refused = host.parley(*again, check=False)
        assert refused.returncode == 2, refused
        assert refused.stderr == "parley: web-1, web-2 of systemd run: stop them before a restore\n"
        host.run("systemctl", "stop", "parley-nginx", "parley-web@*")
        host.run(*AS_PARLEY, "psql", "-Xqc", WIPE)
        host.parley(*again)
        host.run("systemctl", "start", "parley.target")
        host.until_ready()
        return systemd.address

    await there_and_back(systemd.address, create, restore)
