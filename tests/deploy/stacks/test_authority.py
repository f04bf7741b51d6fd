"""redis.ca_file: what no client could use is refused in one line, before anything starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.errors import BadInputError
from deploy.model.capacity import declared
from deploy.model.config import Config
from deploy.stacks import authority
from deploy.stacks.systemd import plan
from deploy.stacks.systemd.steps import File, Gone
from deploy.text.systemd import site
from deploy.text.systemd.places import Places
from tests import authorities
from tests.running import changed_checkout
from tests.waiting import PATIENCE


def named(path: Path) -> Config:
    """Give a model with this file."""
    return Config.model_validate({"redis": {"url": "rediss://redis.lan", "ca_file": str(path)}})


def test_an_authority_is_taken(tmp_path: Path) -> None:
    """As it is; and there may be none."""
    ca_file = authorities.made(tmp_path).ca_file
    assert authority.look(named(ca_file)) == ca_file.read_text()
    assert authority.look(Config()) == ""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "No such file or directory"),
        (b"", "has no certificate"),
        (b"\xff\xfe", "has no certificate"),
        (b"not a certificate\n", "has no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "has no certificate"),
    ],
)
def test_what_is_none_is_refused(data: bytes | None, said: str, tmp_path: Path) -> None:
    """With its path."""
    path = tmp_path / "ca.pem"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadInputError) as refused:
        authority.look(named(path))
    assert str(refused.value) == f"redis.ca_file: {path}: {said}"


def test_a_key_and_a_folder_are_none(tmp_path: Path) -> None:
    """The two that are next to it."""
    for path, said in ((authorities.made(tmp_path).key, "has no certificate"), (tmp_path, "Is a directory")):
        with pytest.raises(BadInputError, match=said):
            authority.look(named(path))


@pytest.mark.parametrize("command", ["up", "check"])
def test_the_commands_refuse_it(command: str, tmp_path: Path) -> None:
    """Exit 2, with nothing started."""
    root = changed_checkout(
        tmp_path / "checkout",
        ("parley.toml", 'url = ""                         # redis://', 'url = "rediss://redis.lan" # redis://'),
        ("parley.toml", 'ca_file = ""', f'ca_file = "{tmp_path}/ca.pem"'),
    )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "deploy", command, "--dir", str(tmp_path / "stack")],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"redis.ca_file: {tmp_path}/ca.pem: No such file or directory")
    assert not (tmp_path / "stack").exists()


def test_an_installed_host_has_a_copy_that_its_user_reads(tmp_path: Path) -> None:
    """The processes may not look into /home or /root; without the key the copy is removed."""
    at = Places("parley")
    config = named(authorities.made(tmp_path).ca_file)
    assert site.secrets(config)[at.layer_url] == f"rediss://redis.lan?ssl_ca_certs={at.redis_ca}"
    assert File(at.redis_ca, authority.look(config), 0o640, "parley") in plan.steps(wanted(config))
    assert Gone(at.redis_ca) in plan.steps(wanted(Config()))


def wanted(config: Config) -> plan.Wanted:
    """Give what `install` would find."""
    return plan.Wanted(
        config=config,
        size=declared(config),
        programs=site.Programs(),
        env="systemd",
        release="1",
        source=Path("/source"),
        wheels=None,
        toml="",
        authority=authority.look(config),
    )
