"""PostgreSQL by its URL and Redis by its sentinels, outside of the stack: that road of docs/deploying.md."""

import asyncio
import json
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.effects.client.http_client import guest
from deploy.effects.client.websocket_client import connect
from deploy.model.config import load
from deploy.text.compose import file as compose
from tests.checkout import ROOT
from tests.deploy.stacks.compose.owned import naming, new_name
from tests.deploy.stacks.compose.stack import FILE, RunningCompose, command
from tests.running import free_port

pytestmark = [pytest.mark.docker, pytest.mark.own_stack, pytest.mark.timeout(300)]

WELL = "channel layer is well"
WELL_SECONDS = 60
DATABASE_PASSWORD = "of-the-database"
REDIS_PASSWORD = "of-the-redis"
SENTINEL_PASSWORD = "of-the-sentinel"
OUTSIDE = f"""
[env.compose.database]
url = "postgres://parley:{DATABASE_PASSWORD}@postgres.outside:5432/parley"

[env.compose.redis]
sentinels = ["127.0.0.1:26379", "sentinel.outside:26379"]
sentinel_name = "chat"
password = "{REDIS_PASSWORD}"
sentinel_password = "{SENTINEL_PASSWORD}"
"""
SENTINEL = f"""port 26379
requirepass {SENTINEL_PASSWORD}
sentinel resolve-hostnames yes
sentinel monitor chat redis.outside 6379 1
sentinel auth-pass chat {REDIS_PASSWORD}
"""


@pytest.fixture
def network(engine: None) -> Iterator[str]:
    """A network with a PostgreSQL, a Redis and its sentinel, until the test ends."""
    name = new_name()
    asked = f"printf '%s' '{SENTINEL}' >/tmp/sentinel.conf && exec redis-server /tmp/sentinel.conf --sentinel"
    servers = {
        "postgres": [f"--env=POSTGRES_PASSWORD={DATABASE_PASSWORD}", "--env=POSTGRES_USER=parley", "postgres:17"],
        "redis": ["redis:8", "redis-server", "--requirepass", REDIS_PASSWORD, "--masterauth", REDIS_PASSWORD],
        "sentinel": ["--entrypoint=sh", "redis:8", "-c", asked],
    }
    command("docker", "network", "create", name)
    try:
        for server, words in servers.items():
            place = [f"--network={name}", f"--network-alias={server}.outside", f"--name={name}-{server}"]
            command("docker", "run", "--detach", "--rm", *place, *words)
        yield name
    finally:
        for server in servers:
            command("docker", "rm", "--force", "--volumes", f"{name}-{server}")
        command("docker", "network", "rm", name)


@pytest.fixture
def checkout(tmp_path: Path, network: str) -> Path:
    """What stands beside each other on such a host: parley.toml, what is rendered from it, and our network for it."""
    shutil.copy(ROOT / "parley.toml", tmp_path)
    with (tmp_path / "parley.toml").open("a") as file:
        file.write(OUTSIDE)
    config = load(path=tmp_path / "parley.toml", env="compose")
    (tmp_path / FILE).write_text(compose.compose_file(config, "compose"))
    override = {"networks": {"data": {"name": network, "external": True}}}
    (tmp_path / "override.yml").write_text(json.dumps(override))
    return tmp_path


def test_a_file_that_setup_may_not_read_is_named_with_who_needs_it(compose: RunningCompose, checkout: Path) -> None:
    """As a umask of 077 leaves it; what the line says to do is enough."""
    file = checkout / "parley.toml"
    file.chmod(0o600)
    env = {**compose.variables, **naming()}
    files = [f"--project-directory={checkout}", f"--file={checkout / FILE}", f"--file={checkout / 'override.yml'}"]
    setup = ["docker", "compose", *files, "run", "--rm", "--no-deps", "--no-TTY", "setup"]
    try:
        done = subprocess.run(setup, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
        said, _, mend = done.stderr.splitlines()[-1].rpartition(": ")
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        assert said.endswith(f"parley.toml, next to {FILE}: user 10001 needs to read the URLs in it, and may not")
        for line in mend.split(" && "):
            command(*line.removeprefix("sudo ").split(), root=checkout)
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert "sockets each for" in command(*setup, env=env)
    finally:
        command("docker", "compose", *files, "down", "--volumes", "--timeout=5", env=env)


async def test_a_stack_on_servers_outside(compose: RunningCompose, checkout: Path) -> None:
    """It brings neither of its own, people chat across its replicas, and no password is where Docker shows it."""
    text = (checkout / FILE).read_text()
    env = {
        **compose.variables,
        **naming(),
        "PARLEY_PORT": str(free_port()),
        "PARLEY_HTTP_PORT": str(free_port()),
        "PARLEY_REPLICAS": "2",
    }
    files = [f"--project-directory={checkout}", f"--file={checkout / FILE}", f"--file={checkout / 'override.yml'}"]
    running = RunningCompose(env, 0)
    try:
        command("docker", "compose", *files, "up", "--detach", "--wait", "--no-build", env=env)
        shown = json.dumps(running.containers(stopped=True)) + text
        assert [word for word in (DATABASE_PASSWORD, REDIS_PASSWORD, SENTINEL_PASSWORD) if word in shown] == []
        services = {one["Config"]["Labels"]["com.docker.compose.service"] for one in running.containers()}
        assert services == {"edge", "web", "cleanup"}
        async with AsyncExitStack() as stay:
            sockets = []
            for number in range(4):
                cookie = await guest(running.address, f"person {number}")
                sockets.append(await stay.enter_async_context(connect(running.address, cookie)))
            assert {(await socket.welcome())["instance"] for socket in sockets} == running.instances()
            for socket in sockets:
                await socket.join("lobby")
            sent = await sockets[0].send_text("lobby", "across")
            for socket in sockets:
                assert (await socket.entry("lobby", sent["seq"]))["text"] == "across"
        logs = ("docker", "compose", *files, "logs", "--no-log-prefix", "web")
        async with asyncio.timeout(WELL_SECONDS):
            while command(*logs, env=env).count(WELL) < len(running.instances()):  # noqa: ASYNC110 (nothing to await)
                await asyncio.sleep(1)
    finally:
        command("docker", "compose", *files, "down", "--volumes", "--timeout=5", env=env)
