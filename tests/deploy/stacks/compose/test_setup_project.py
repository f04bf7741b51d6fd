"""What the one-shot `setup` makes for a project."""

import contextlib
import json
import stat
import subprocess
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from deploy.model.config import load
from deploy.text.compose import places
from tests.deploy.stacks.compose.volumes import contents, made, run
from tests.foreign import TOML
from tests.programs import redis_server
from tests.running import free_port
from tests.waiting import until


@pytest.fixture
def srv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The volumes and the image's own files, in a folder."""
    return made(tmp_path, monkeypatch)


def project(toml: str, tmp_path: Path, **facts: str) -> dict[str, str]:
    """Have the image be a project's, and give what its Compose file says."""
    (tmp_path / "image/facts.json").write_text(json.dumps(facts))
    (tmp_path / "project").mkdir()
    (tmp_path / "project/parley.toml").write_text(f"{TOML}{toml}")
    return {"PARLEY_MODEL": load(env="compose", project=tmp_path / "project").model_dump_json()}


def test_a_redis_that_keeps_is_made_where_a_variable_names_it(srv: Path) -> None:
    """With a password of its own, made once; the variable has it in a file of the app's."""
    run()
    assert contents(places.STORE) == {}
    env = project('[project.env]\nCACHE = "{redis_url}"\n', srv)
    run(**env)
    first = contents(places.STORE)
    run(**env)
    assert contents(places.STORE) == first
    assert first["password"] != contents(places.REDIS)["password"]
    assert (places.APP / "env-CACHE").read_text() == f"redis://:{first['password']}@store:6379/0"
    for path in places.STORE.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o440, path


def test_it_outlives_a_kill(srv: Path) -> None:
    """Redis itself, with its file: what it has answered it has again, once it is on disk."""
    run(**project('[project.env]\nCACHE = "{redis_url}"\n', srv))
    settings = dict(line.split(" ", 1) for line in (places.STORE / "redis.conf").read_text().splitlines())
    assert (settings["appendonly"], settings["maxmemory-policy"]) == ("yes", "noeviction")
    assert settings["dir"] == str(places.KEPT)
    port, file = free_port(), str(places.STORE / "redis.conf")
    for found in (None, b"kept"):
        options = (file, "--port", str(port), "--bind", "127.0.0.1", "--appendfsync", "always")
        with subprocess.Popen([str(redis_server()), *options], stdout=subprocess.DEVNULL) as process:
            try:
                with Redis(port=port, password=settings["requirepass"]) as client:
                    until(lambda: answers(client), "Redis answers")
                    assert client.get("job") == found
                    client.set("job", "kept")
            finally:
                process.kill()


def answers(client: Redis) -> bool:
    """Tell whether it has started, and has read what it kept."""
    with contextlib.suppress(RedisError):
        return bool(client.ping())
    return False


def test_variables_alone_for_a_rollout(srv: Path) -> None:
    """A release may be the first that has one; nginx's files stay those of the release that serves."""
    env = project('[project.env]\nGREETING = "hello"\n', srv)
    run("env", **env)
    assert (places.APP / "env-GREETING").read_text() == "hello"
    assert not places.CURRENT.exists()
    assert not places.CERTIFICATE.exists()


@pytest.mark.parametrize("keeps", ['media = "uploads"\n', '[project.env]\nUPLOADS = "{media_root}"\n'])
def test_nginx_serves_uploaded_files_where_the_project_says(srv: Path, keeps: str) -> None:
    """From the volume, and only where it keeps any."""
    facts = {"media_url": "/files/", "media_root": "/opt/project/uploads"}
    run(**project(keeps, srv, **facts))
    text = (places.CURRENT / "static.conf").read_text()
    assert "location /files/ {" in text
    assert f'alias "{places.MEDIA}/";' in text
    (srv / "project/parley.toml").write_text(TOML)
    run(PARLEY_MODEL=load(env="compose", project=srv / "project").model_dump_json())
    assert "location /files/" not in (places.CURRENT / "static.conf").read_text()
