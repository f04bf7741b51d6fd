"""What a project's units and files say: nothing secret where everybody reads, and what cannot be is one line."""

from pathlib import Path

import pytest

from deploy.errors import BadInputError
from deploy.model.config import Config, load
from deploy.stacks.systemd import data
from deploy.stacks.systemd.foreign import Source
from deploy.text.systemd import places, site
from deploy.text.systemd.foreign import Given, Place
from deploy.text.systemd.places import Places
from tests.deploy.text.golden import PROJECT, RELEASE
from tests.foreign import TOML, copied, parley

GIVEN = Given("a-key", "redis://:a-password@127.0.0.1:6380/0")
DATABASE = 'HOST = "{database_host}"\nPORT = "{database_port}"\nURL = "{database_url}"\n'


def loaded(folder: Path, toml: str) -> Config:
    """Return the model of a project on systemd."""
    (folder / "parley.toml").write_text(toml)
    return load(env="systemd", project=folder)


def test_a_value_is_in_no_unit(tmp_path: Path) -> None:
    """Nor in a file that nginx reads: they are in files of their own, one for what differs between processes."""
    config = loaded(tmp_path, PROJECT)
    size = site.fitting(config)
    secret = site.secret_files(config, size, RELEASE, Place(), GIVEN)
    shown = [*site.units(config, size, site.Programs()).values()]
    shown += site.release_files(config, size, site.Programs(), RELEASE, Place()).values()
    assert 'REDIS_URL="redis://:a-password@127.0.0.1:6380/0"\n' in secret["app.env"]
    assert secret["worker-2.env"] == f'WHO="worker-2 of {RELEASE}"\n'
    assert not [text for text in shown if "a-password" in text or "REDIS_URL" in text]


def test_the_database_of_the_host_is_reached_by_its_folder(tmp_path: Path) -> None:
    """With a URL that has it in its host, and with the parts that psycopg takes."""
    toml = PROJECT.replace('database = "sqlite"', 'database = "postgres"').replace(
        "REDIS_URL =", f"{DATABASE}REDIS_URL ="
    )
    config = loaded(tmp_path, toml)
    found = site.secret_files(config, site.fitting(config), RELEASE, Place(), GIVEN)["app.env"].splitlines()
    assert 'HOST="/var/run/postgresql"' in found
    assert 'PORT="5432"' in found
    assert 'URL="postgres://mysite@%2Fvar%2Frun%2Fpostgresql/mysite"' in found


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ('database = "sqlite"', 'database = "postgres"', "database"),
        ("[app]", '[redis]\nurl = "redis://redis.example.com:6379/0"\n\n[app]', "Redis of the layer"),
    ],
)
def test_another_address_is_no_rollout(
    before: str, after: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What serves goes on with the old one, which may hold a password; so it is not shown."""
    monkeypatch.setattr(places, "ETC", tmp_path / "etc")
    installed = loaded(tmp_path, PROJECT)
    for path, text in site.secrets(installed).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    at = Places("mysite")
    data.require(installed, at)
    with pytest.raises(BadInputError, match=f"^another {what} cannot be rolled to, for both would be used meanwhile:"):
        data.require(loaded(tmp_path, PROJECT.replace(before, after)), at)


def test_a_job_at_work_ends_with_the_site(tmp_path: Path) -> None:
    """Whoever stops the target stops what has the database open."""
    config = loaded(tmp_path, PROJECT)
    units = site.units(config, site.fitting(config), site.Programs())
    for name in ("mysite-schedule-nightly.service", "mysite-cleanup.service"):
        assert "\nPartOf=mysite.target\n" in units[name]


def test_the_redis_that_keeps_is_the_host_s_beside_a_layer_elsewhere(tmp_path: Path) -> None:
    """The program of its unit is named, and the layer has no unit."""
    config = loaded(tmp_path, f'{PROJECT}[redis]\nurl = "redis://redis.example.com:6379/0"\n')
    units = site.units(config, site.fitting(config), site.Programs())
    assert "\nExecStart=/usr/bin/redis-server /etc/mysite/secrets/store.conf " in units["mysite-store.service"]
    assert "mysite-redis.service" not in units


@pytest.mark.parametrize("name", ["/srv/notes", "../notes", "a/../../b", "."])
def test_a_folder_outside_is_refused(tmp_path: Path, name: str) -> None:
    """A release has a link in its place, which nobody has there."""
    folder = copied("tutorial", tmp_path / "tutorial", f"{TOML}[project.sandbox]\nwrite = [{name!r}]\n")
    with pytest.raises(BadInputError, match=r"parley\.toml: project\.sandbox\.write: .*: name a folder inside"):
        Source.of(load(env="systemd", project=folder), lambda _: None)


@pytest.mark.parametrize(
    ("write", "why"),
    [
        ('"a", "a/b"', "'a' and 'a/b' are one inside the other"),
        ('"a/b", "a"', "'a/b' and 'a' are one inside the other"),
        ('"a", "./a"', "'a' and './a' are one inside the other"),
        ('"uploads/a"', "'uploads/a' and the uploaded files .* are one inside the other"),
        ('"mysite"', r"'mysite' has code \(mysite/__init__.py\)"),
        ('"manage.py"', "'manage.py' is a file"),
    ],
)
def test_a_folder_that_is_not_its_own_is_refused(tmp_path: Path, write: str, why: str) -> None:
    """A link in its place would lose what is in it, or keep the code of the first release."""
    toml = f'{TOML}media = "uploads"\n[project.sandbox]\nwrite = [{write}]\n'
    folder = copied("tutorial", tmp_path / "tutorial", toml)
    with pytest.raises(BadInputError, match=rf"parley\.toml: project\.sandbox\.write: {why}"):
        Source.of(load(env="systemd", project=folder), lambda _: None)


def test_check_says_what_would_be_installed(tmp_path: Path) -> None:
    """And `render` writes it, under the site's name."""
    folder = copied("tutorial", tmp_path / "tutorial")
    done = parley("check", "--env", "systemd", "--project", str(folder))
    assert done.returncode == 0, done.stderr
    release = next(line.split()[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith("release "))
    rendered = parley("render", "systemd", "--project", str(folder), "--out", str(tmp_path / "out"))
    assert rendered.returncode == 0, rendered.stderr
    assert (tmp_path / "out" / "tutorial-web@.service").is_file()
    assert f'PARLEY_RELEASE="{release}"' in (tmp_path / "out" / "etc" / "app.env").read_text()


def test_another_toml_is_another_release(tmp_path: Path) -> None:
    """It says how the release is deployed."""
    folder = copied("tutorial", tmp_path / "tutorial")
    config = load(env="systemd", project=folder)
    first = Source.of(config, lambda _: None).release
    assert Source.of(config, lambda _: None).release == first
    (folder / "parley.toml").write_text(f"{TOML}health = '/health/'\n")
    assert Source.of(load(env="systemd", project=folder), lambda _: None).release != first
