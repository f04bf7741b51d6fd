"""What a container may do, and what somebody may read who can ask Docker."""

import json
from typing import Any

import pytest

from deploy.model.config import load
from tests.deploy.stacks.compose.stack import RunningCompose, command

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def all_of_them(compose: RunningCompose) -> list[dict[str, Any]]:
    """Every container, the one-shots too."""
    found = compose.containers(stopped=True)
    assert len(found) == 9
    return found


def test_read_only_and_without_privileges(all_of_them: list[dict[str, Any]]) -> None:
    """No root file system is written to, no capability is left, none can be got."""
    for one in all_of_them:
        host = one["HostConfig"]
        assert host["ReadonlyRootfs"], one["Name"]
        assert host["CapDrop"] == ["ALL"], one["Name"]
        assert not host["CapAdd"], one["Name"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"], one["Name"]
        assert not host["Privileged"], one["Name"]
        assert not any("docker.sock" in mount["Source"] for mount in one["Mounts"]), one["Name"]


def test_no_process_is_roots(compose: RunningCompose) -> None:
    """As the kernel sees them, not as the image says."""
    for one in compose.containers():
        users = [line.split()[1] for line in command("docker", "top", one["Id"], "-eo", "pid,uid").splitlines()[1:]]
        assert users, one["Name"]
        assert "0" not in users, (one["Name"], users)
        status = command("docker", "exec", one["Id"], "cat", "/proc/1/status")
        assert "CapEff:\t0000000000000000" in status, one["Name"]
        assert "NoNewPrivs:\t1" in status, one["Name"]


def test_nothing_can_be_written_but_what_is_meant(compose: RunningCompose) -> None:
    """Neither the code nor nginx's files nor the secrets."""
    web, edge = compose.containers("web")[0]["Id"], compose.containers("edge")[0]["Id"]
    for container, path in (
        (web, "/opt/parley/app/x"),
        (web, "/srv/parley/secrets/app/x"),
        (edge, "/srv/parley/nginx/x"),
        (edge, "/srv/parley/tls-given/x"),
        (edge, "/etc/x"),
    ):
        with pytest.raises(AssertionError, match="Read-only file system"):
            command("docker", "exec", container, "touch", path)


def test_limits(all_of_them: list[dict[str, Any]]) -> None:
    """Of whatever stays: memory, processes, and what its log may take of the disk."""
    for one in all_of_them:
        host = one["HostConfig"]
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}, one["Name"]
        if host["RestartPolicy"]["Name"] != "no":
            assert host["Memory"] > 0, one["Name"]
            assert 0 < host["PidsLimit"] <= 1000, one["Name"]


def test_who_stops_has_the_time_that_the_model_gives(compose: RunningCompose) -> None:
    """Then Docker kills it: gunicorn is through before, and nginx's old workers are."""
    config = load(env="compose")
    grace = {"web": config.stop.kill_seconds, "edge": config.nginx.worker_shutdown_seconds + 5}
    for service, seconds in grace.items():
        assert {one["Config"]["StopTimeout"] for one in compose.containers(service)} == {seconds}
    assert compose.containers("edge")[0]["Config"]["StopSignal"] == "SIGQUIT"


def test_redis_writes_nothing_and_evicts_nothing(compose: RunningCompose) -> None:
    """And PostgreSQL's files are in a volume that outlives its container."""
    ask = "redis-cli --no-auth-warning -a $(cat /srv/parley/secrets/redis/password) CONFIG GET"
    for key, value in (("save", ""), ("appendonly", "no"), ("maxmemory-policy", "noeviction")):
        said = command("docker", "exec", compose.containers("redis")[0]["Id"], "sh", "-c", f"{ask} {key}")
        assert said.splitlines() == [key, value]
    volumes = {mount["Destination"]: mount.get("Name") for mount in compose.containers("postgres")[0]["Mounts"]}
    assert volumes["/var/lib/postgresql/data"] == f"{compose.name}_postgres"


def test_the_data_tier_has_no_way_out(compose: RunningCompose) -> None:
    """Only the edge has a port of this machine, and only its network leads anywhere."""
    for service in ("web", "redis", "postgres", "cleanup"):
        for one in compose.containers(service):
            assert not one["HostConfig"]["PortBindings"], service
            for name in one["NetworkSettings"]["Networks"]:
                assert json.loads(command("docker", "network", "inspect", name))[0]["Internal"], (service, name)
    edge = set(compose.containers("edge")[0]["NetworkSettings"]["Networks"])
    assert edge == {f"{compose.name}_public", f"{compose.name}_front"}


def test_no_secret_in_inspect_nor_in_logs(compose: RunningCompose, all_of_them: list[dict[str, Any]]) -> None:
    """They are in files of volumes; each service has its own alone."""
    web = compose.containers("web")[0]["Id"]
    folder = "/srv/parley/secrets/app"
    key, database, layer = (
        command("docker", "exec", web, "cat", f"{folder}/{name}").strip()
        for name in ("secret_key", "database_url", "layer_url")
    )
    passwords = [
        database.partition("parley:")[2].partition("@")[0],
        layer.partition(":")[2].partition("@")[0].strip("/:"),
    ]
    assert all(len(secret) >= 30 for secret in (key, *passwords))
    told = json.dumps(all_of_them) + compose.compose("logs") + compose.compose("config")
    for image in {one["Image"] for one in all_of_them}:
        told += command("docker", "history", "--no-trunc", image)
    for secret in (key, *passwords):
        assert secret not in told
    mounted = {
        one["Config"]["Labels"]["com.docker.compose.service"]: {
            mount["Destination"] for mount in one["Mounts"] if "/secrets/" in mount["Destination"]
        }
        for one in compose.containers()
    }
    assert mounted == {
        "edge": set(),
        "web": {"/srv/parley/secrets/app"},
        "cleanup": {"/srv/parley/secrets/app"},
        "redis": {"/srv/parley/secrets/redis"},
        "postgres": {"/srv/parley/secrets/postgres"},
    }


def test_redis_and_postgres_ask_for_their_passwords(compose: RunningCompose) -> None:
    """Also of whoever is inside the network."""
    assert "NOAUTH" in command("docker", "exec", compose.containers("redis")[0]["Id"], "redis-cli", "ping")
    web = compose.containers("web")[0]["Id"]
    connect = "import psycopg; psycopg.connect('host=postgres user=parley dbname=parley password=wrong')"
    with pytest.raises(AssertionError, match="password authentication failed"):
        command("docker", "exec", web, "python", "-c", connect)


def test_the_image_holds_no_compiler_and_no_index(compose: RunningCompose) -> None:
    """It was built from wheels, checked by their hashes."""
    web = compose.containers("web")[0]["Id"]
    for tool in ("gcc", "cc", "ld", "make", "curl"):
        with pytest.raises(AssertionError):
            command("docker", "exec", web, "which", tool)
    with pytest.raises(AssertionError, match="No module named pip"):
        command("docker", "exec", web, "python", "-m", "pip", "--version")
    labels = json.loads(command("docker", "image", "inspect", compose.variables["PARLEY_IMAGE"]))[0]["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "Parley"
