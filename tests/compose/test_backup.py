"""A backup of the Compose stack's own PostgreSQL, by the programs in its container."""

import pytest

from deploy.drill.address import Address
from tests.backup.road import there_and_back
from tests.compose.stack import RunningCompose, command

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

WIPE = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


async def test_create_wipe_restore(compose: RunningCompose) -> None:
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
        compose.road("docker compose -f docker-compose.prod.yml stop edge web cleanup")
        psql = ("psql", "--quiet", "--username=parley", f"--command={WIPE}", "parley")
        command("docker", "exec", compose.containers("postgres")[0]["Id"], *psql)
        compose.road("./parley backup restore 20261123T033000.123Z --stack compose", backup=name)
        compose.road("docker compose -f docker-compose.prod.yml up -d --wait")
        return compose.address

    await there_and_back(compose.address, create, restore)
