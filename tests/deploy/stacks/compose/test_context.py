"""What a project's image is built from, and what cannot be in it."""

import json
import os
from pathlib import Path

import pytest
import yaml

from deploy.errors import BadInputError
from deploy.model.config import Config, load
from deploy.stacks.compose.context import Context
from deploy.text import prometheus
from deploy.text.compose import places
from deploy.text.compose.file import compose_file
from tests.foreign import TOML, copied, digest, parley


def context(project: Path, more: str = "") -> Context:
    """Look at a project with some lines more in its parley.toml."""
    (project / "parley.toml").write_text(TOML + more)
    return Context.of(load(env="compose", project=project), lambda _: None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tutorial's project."""
    return copied("tutorial", tmp_path / "mein Projekt ä")


def test_it_has_the_project_and_what_serves_it_alone(project: Path, tmp_path: Path) -> None:
    """Of the checkout's own apps there is none; the project's folder is only read."""
    before = digest(project)
    context(project).write(tmp_path / "context")
    context(project).write(tmp_path / "context")  # again: what was there is replaced
    written = tmp_path / "context"
    assert (written / "project" / "manage.py").read_bytes() == (project / "manage.py").read_bytes()
    assert [path.name for path in (written / "parley" / "app").iterdir()] == ["parley_serving"]
    assert (written / "asked" / "requirements.txt").read_text() == "channels\nchannels-redis\ndaphne\n"
    assert "gunicorn==" in (written / "asked" / "serving.txt").read_text()
    assert digest(project) == before


def test_a_release_is_a_digest_of_all_of_it(project: Path) -> None:
    """The same for the same files, whenever they were written."""
    first = context(project).release
    os.utime(project / "manage.py", (0, 0))
    assert context(project).release == first
    others = {first, context(project, 'python = "3.12"').release, context(project, 'build = ["true"]').release}
    (project / "chat" / "views.py").write_text("x = 1\n")
    others.add(context(project).release)
    assert len(others) == 4


def test_the_image_s_python(project: Path) -> None:
    """The project's own, ours, or the newest that it allows."""
    assert context(project).python == "3.13"
    assert context(project, 'python = "3.12"').python == "3.12"
    (project / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = "<3.12"\ndependencies = []\n')
    assert context(project, 'requirements = ["pyproject.toml"]').python == "3.11"


def test_the_project_s_variables_are_not_in_the_compose_file(project: Path, tmp_path: Path) -> None:
    """A value may hold a password, so each is a file; one of this host is mounted."""
    more = '[project.env]\nDATABASE = "{database_url}"\nSTRIPE = "file:/etc/mysite/stripe"\nPLAIN = "a, b"\n'
    found = context(project, more)
    text = compose_file(found.config, "compose", tmp_path)
    folder = "/srv/parley/secrets/app"
    files = f"DATABASE={folder}/env-DATABASE,STRIPE=/etc/mysite/stripe,PLAIN={folder}/env-PLAIN"
    assert f'PARLEY_FILES: "{files}"' in text
    assert 'source: "/etc/mysite/stripe"' in text
    assert "a, b" not in text
    assert "./parley-env/env.json" in text
    found.write(tmp_path / "context")
    env = json.loads((tmp_path / "context" / "build.json").read_text())["env"]
    assert (env["STRIPE"], env["PLAIN"]) == ("unused", "a, b")
    assert env["DATABASE"].startswith("postgres://")
    dockerfile = (tmp_path / "context" / "Dockerfile").read_text()
    assert f"RUN --mount=type=bind,source=build.json,target={places.BUILD} " in dockerfile
    assert "COPY build.json" not in dockerfile, "a layer would keep the values"


def test_a_database_that_is_a_file(project: Path, tmp_path: Path) -> None:
    """It is on a volume that every process of the project has, and there is no server."""
    found = context(project, 'database = "sqlite"')
    services = yaml.safe_load(compose_file(found.config, "compose", tmp_path))["services"]
    assert "postgres" not in services
    for name in ("migrate", "web", "cleanup"):
        assert "data:/srv/parley/data" in services[name]["volumes"]
    found.write(tmp_path / "context")
    env = json.loads((tmp_path / "context" / "build.json").read_text())["env"]
    assert env["PARLEY_DATABASE_URL"] == "sqlite:////srv/parley/data/db.sqlite3"
    assert not (tmp_path / "context" / "asked" / "database.txt").exists()


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ('[database]\nurl = "postgres://a@b/c"', "database.url"),
        ('[redis]\nurl = "redis://a"', "redis.url or redis.sentinels"),
    ],
)
def test_what_there_is_not_yet(project: Path, more: str, what: str) -> None:
    """One line, before anything is made."""
    (project / "parley.toml").write_text(TOML + more)
    with pytest.raises(BadInputError, match="not yet for a project on Compose") as refused:
        compose_file(load(env="compose", project=project), "compose", project)
    assert str(refused.value).startswith(f"{project}/parley.toml: {what}: ")


def test_check_says_what_the_image_would_be(project: Path) -> None:
    """With the numbers of Compose; what cannot be in an image is one line."""
    (project / "parley.toml").write_text(TOML)
    checked = parley("check", "--env", "compose", "--project", str(project))
    assert checked.returncode == 0, checked.stderr
    assert "ok      open-files-known: " in checked.stdout
    assert f"release {context(project).release}: " in checked.stdout
    assert "not imported: the build of its image imports mysite.asgi:application with mysite.settings" in checked.stdout
    (project / "parley.toml").write_text(f'{TOML}[database]\nurl = "postgres://a@b/c"\n')
    refused = parley("check", "--env", "compose", "--project", str(project))
    assert refused.returncode == 2
    assert refused.stderr == f"parley: {project}/parley.toml: database.url: not yet for a project on Compose\n"


def test_the_probe_of_a_project_needs_no_account(project: Path) -> None:
    """It asks for the page that the project names, and for a handshake under each prefix; Prometheus asks the probe."""
    (project / "parley.toml").write_text(f'{TOML}health = "/ok"\nsockets = ["/ws/", "/socket/"]\n')
    config = load(env="compose", project=project)
    probe = yaml.safe_load(compose_file(config, "compose", project))["services"]["probe"]
    assert probe["command"][:8] == [
        *("/opt/parley-venv/bin/python", "-E", "-m", "deploy", "watch"),
        *("--page=/ok", "--handshake=/ws/", "--handshake=/socket/"),
    ]
    # Without [project], as the Compose file has the reference chat's configuration.
    for one in (config, Config()):
        assert prometheus.of_compose(one).probe == "probe:9100"
