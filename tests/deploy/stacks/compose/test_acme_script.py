"""What the service `acme` puts into the folder of the certificate, and what it leaves there (compose/acme.sh)."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from deploy.model.config import load
from deploy.text.compose import places
from deploy.text.compose.file import compose_file
from tests.checkout import ROOT
from tests.waiting import PATIENCE

SCRIPT = ROOT / "compose/acme.sh"
# certbot's lineage as it is: each certificate has a file of its own, and `live` leads to the newest.
CERTBOT = """#!/bin/sh
set -eu
echo "$@" >>"$HERE/asked"
n=$(wc -l <"$HERE/asked")
mkdir -p "$HERE/certbot/archive/parley" "$HERE/certbot/live/parley"
for kind in fullchain privkey; do
  echo "$kind of an authority $n" >"$HERE/certbot/archive/parley/$kind$n.pem"
  ln -sfn "../../archive/parley/$kind$n.pem" "$HERE/certbot/live/parley/$kind.pem"
done
[ ! -e "$HERE/meanwhile" ] || sh "$HERE/meanwhile"
"""
SLEEP = """#!/bin/sh
echo "$1" >>"$HERE/slept"
kill "$PPID"
"""
PAIR = ("certificate.pem", "key.pem")


@dataclass(frozen=True)
class Acme:
    """The script's folders, and one round of it."""

    here: Path

    def __post_init__(self) -> None:
        """Lay what it calls where it finds it."""
        for name in ("tls", "certbot", "webroot", "work", "bin"):
            (self.here / name).mkdir()
        for name, text in (("certbot", CERTBOT), ("sleep", SLEEP)):
            (self.here / "bin" / name).write_text(text)
            (self.here / "bin" / name).chmod(0o755)

    def round(self, folder: str = "") -> str:
        """Run it until it sleeps, and give what it said."""
        env = {"HERE": str(self.here), "PATH": f"{self.here}/bin:{os.environ['PATH']}"}
        env |= {"HOSTS": "chat.example.com", "EMAIL": "", "SERVER": "https://acme.test/", "FOLDER": folder}
        folders = [str(self.here / name) for name in ("tls", "certbot", "webroot", "work")]
        done = subprocess.run(
            ["sh", str(SCRIPT), *folders], env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        return done.stderr

    @property
    def well(self) -> bool:
        """Whether it says that there is a certificate of an authority."""
        return (self.here / "work/done").exists()

    @property
    def slept(self) -> str:
        """For how long the last round did."""
        return (self.here / "slept").read_text().splitlines()[-1]

    @property
    def asked(self) -> bool:
        """Whether certbot was."""
        return (self.here / "asked").exists()

    def lay(self, certificate: str | None, key: str | None, folder: str = "tls") -> None:
        """Put a pair there, or a part of it."""
        (self.here / folder).mkdir(exist_ok=True)
        for name, text in zip(PAIR, (certificate, key), strict=True):
            if text is not None:
                (self.here / folder / name).write_text(text)

    def there(self) -> dict[str, str]:
        """Give what lies in the folder."""
        return {path.name: path.read_text() for path in (self.here / "tls").iterdir()}


@pytest.fixture
def acme(tmp_path: Path) -> Acme:
    """Empty folders."""
    return Acme(tmp_path)


def of_authority(number: int) -> dict[str, str]:
    """Give the pair that certbot gets the so manieth time."""
    kinds = ("fullchain", "privkey")
    return {name: f"{kind} of an authority {number}\n" for name, kind in zip(PAIR, kinds, strict=True)}


@pytest.mark.parametrize("ours", [True, False], ids=["setup's is there", "nothing is there"])
def test_it_fills_the_folder_and_renews_what_it_put_there(acme: Acme, ours: bool) -> None:
    """What setup made, and its own, also where certbot has a newer one that is not placed yet."""
    if ours:
        acme.lay("self-signed", "its key")
        acme.lay("self-signed", "its key", "certbot/ours")
    assert acme.round() == ""
    assert acme.there() == of_authority(1)
    assert (acme.well, acme.slept) == (True, "43200")
    acme.round()
    assert acme.there() == of_authority(2)


def test_a_kill_between_the_two_files_is_mended(acme: Acme) -> None:
    """The key is the new one's, the certificate the old one's: both are certbot's."""
    acme.round()
    before = of_authority(1)["certificate.pem"]
    acme.round()
    acme.lay(before, None)
    acme.round()
    assert acme.there() == of_authority(3)


@pytest.mark.parametrize(
    ("certificate", "key", "named"),
    [
        ("mine", "its key", "certificate.pem"),
        (None, "my key", "key.pem"),
        ("mine", None, "certificate.pem"),
        ("self-signed", "my key", "key.pem"),
    ],
)
def test_a_pair_of_the_operators_stays(acme: Acme, certificate: str | None, key: str | None, named: str) -> None:
    """Whole or half, however acme was started; one line, no question to the authority, and an hour until the next."""
    acme.lay("self-signed", "its key", "certbot/ours")
    acme.lay(certificate, key)
    (acme.here / "work/done").touch()
    before = acme.there()
    line = "is somebody else's and stays: remove certificate.pem and key.pem there, or do not start acme\n"
    assert acme.round("/etc/parley/tls") == f"acme: {named} in /etc/parley/tls {line}"
    assert acme.round() == f"acme: {named} in the volume tls {line}"
    assert acme.there() == before
    assert (acme.well, acme.slept, acme.asked) == (False, "3600", False)


def test_a_link_that_leads_out_of_the_folder_stays(acme: Acme) -> None:
    """The container cannot follow it."""
    link = acme.here / "tls/certificate.pem"
    link.symlink_to("../../archive/it.pem")
    assert "is somebody else's" in acme.round()
    assert link.is_symlink()


def test_a_pair_that_came_while_certbot_ran_stays(acme: Acme) -> None:
    """It may ask for minutes."""
    (acme.here / "meanwhile").write_text('echo mine >"$HERE/tls/certificate.pem"\necho mine >"$HERE/tls/key.pem"\n')
    assert "is somebody else's" in acme.round()
    assert acme.there() == dict.fromkeys(PAIR, "mine\n")
    assert not acme.well


def test_compose_runs_the_script_on_its_own_folders() -> None:
    """As it is, with the check's file where the healthcheck looks."""
    acme = yaml.safe_load(compose_file(load(env="compose")))["services"]["acme"]
    script, *words = acme["command"]
    assert (acme["entrypoint"], script.replace("$$", "$")) == (["sh", "-c"], SCRIPT.read_text())
    folders = [places.TLS, places.CERTBOT, places.ACME]
    assert words == ["acme", *map(str, folders), "/tmp"]
    assert acme["healthcheck"]["test"][-1] == "/tmp/done"
    assert {volume.rpartition(":")[2] for volume in acme["volumes"]} == set(map(str, folders))


def test_shellcheck_finds_nothing() -> None:
    """Where it is."""
    if shutil.which("shellcheck") is None:
        pytest.skip("no shellcheck")
    done = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
