"""A backup of an installed host, by the unit that its timer starts."""

import pytest

from deploy.effects.client.address import Address
from tests.deploy.operations.backup.roundtrip import there_and_back
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.systemd.host import Installed

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(300)]

AS_PARLEY = ("runuser", "-u", "parley", "--")
WIPE = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


@pytest.mark.runbook("restore", "systemd")
async def test_create_wipe_restore(systemd: Installed, book: Book) -> None:
    """While people chat, from a wiped database, and not into a stack that runs; a client that resumes is told."""
    host = systemd.host

    def create() -> str:
        host.run("systemctl", "start", "parley-backup.service")
        assert ": whole: postgresql of " in host.parley("backup", "verify", "--stack", "systemd").stdout
        listed = host.parley("backup", "list", "--stack", "systemd").stdout
        return listed.splitlines()[-1].partition(":")[0]

    def restore(name: str) -> Address:
        refused = host.parley("backup", "restore", name, "--stack", "systemd", check=False)
        assert refused.returncode == 2, refused
        assert refused.stderr == "parley: web-1, web-2 of systemd run: stop them before a restore\n"
        host.run(*AS_PARLEY, "psql", "-Xqc", WIPE)
        book.run(systemd, BACKUP=name)
        host.until_ready()
        return systemd.address

    await there_and_back(systemd.address, create, restore)
