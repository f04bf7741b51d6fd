"""A backup of the Compose stack's own PostgreSQL, by the programs in its container."""

from pathlib import Path

import pytest

from deploy.drill.address import Address
from tests.backup.road import there_and_back
from tests.compose.stack import RunningCompose, command

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

WIPE = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


async def test_create_wipe_restore(compose: RunningCompose, tmp_path: Path) -> None:
    """While people chat, from a wiped database, and not into a stack that runs; a client that resumes is told."""
    where = ("--stack", "compose", "--folder", str(tmp_path / "backups"))

    def backup(*words: str, status: int = 0) -> str:
        done = compose.parley("backup", *words, *where)
        assert done.returncode == status, done
        return done.stderr if status else done.stdout

    def create() -> str:
        backup("create")
        assert ": whole: postgresql of " in backup("verify")
        return backup("list").partition(":")[0]

    def restore(name: str) -> Address:
        refused = backup("restore", name, status=2)
        assert "run: stop them before a restore" in refused
        assert refused.count("\n") == 1
        compose.compose("stop", "edge", "web", "cleanup")
        psql = ("psql", "--quiet", "--username=parley", f"--command={WIPE}", "parley")
        command("docker", "exec", compose.containers("postgres")[0]["Id"], *psql)
        backup("restore", name)
        compose.compose("up", "--detach", "--wait")
        return compose.address

    await there_and_back(compose.address, create, restore)
