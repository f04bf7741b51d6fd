"""A backup of the Compose stack's own PostgreSQL, by the programs in its container."""

import pytest

from deploy.effects.client.address import Address
from tests.deploy.operations.backup.roundtrip import there_and_back
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose, command

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

WIPE = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


@pytest.mark.runbook("restore", "compose")
async def test_create_wipe_restore(compose: RunningCompose, book: Book) -> None:
    """While people chat, from a wiped database, and not into a stack that runs; a client that resumes is told."""

    def create() -> str:
        compose.road("./parley backup create --stack compose")
        assert ": whole: postgresql of " in compose.road("./parley backup verify --stack compose")
        return compose.road("./parley backup list --stack compose").partition(":")[0]

    def restore(name: str) -> Address:
        refused = compose.parley("backup", "restore", name, "--stack", "compose")
        assert refused.returncode == 2
        assert "run: stop them before a restore" in refused.stderr
        assert refused.stderr.count("\n") == 1
        psql = ("psql", "--quiet", "--username=parley", f"--command={WIPE}", "parley")
        command("docker", "exec", compose.containers("postgres")[0]["Id"], *psql)
        book.run(compose, BACKUP=name)
        return compose.address

    await there_and_back(compose.address, create, restore)
