"""What `./parley render` says of a project whose folder or name is not as it should be, before it writes anything."""

import json
import shutil
import stat
from pathlib import Path

import pytest

from deploy.errors import BadInputError
from deploy.model.config import load
from deploy.operations import render
from deploy.stacks.local import application
from deploy.stacks.local.application import Facts
from deploy.stacks.local.layout import Layout
from deploy.stacks.owner import claim
from tests.foreign import TOML, copied


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have `.parley` in a folder of the test's own, and give that of the project `tutorial`."""
    monkeypatch.setattr("deploy.stacks.local.layout.DEFAULT", tmp_path / ".parley")
    monkeypatch.setattr("deploy.stacks.compose.project.ROOT", tmp_path)
    return tmp_path / ".parley" / "tutorial"


@pytest.mark.parametrize("out", [None, "out"])
def test_compose_files_of_one_name_are_one_project_s(state: Path, tmp_path: Path, out: str | None) -> None:
    """The second project is refused with the first one's folder, and nothing of the first one's is changed."""
    first, second = copied("tutorial", tmp_path / "first"), copied("tutorial", tmp_path / "second")
    folder = tmp_path / out if out else None
    render.write_compose("compose", folder, first)
    render.write_compose("compose", folder, first)
    file = (folder or state / "compose") / "docker-compose.prod.yml"
    written = file.read_text()
    with pytest.raises(BadInputError, match=rf"has what was made for {first}: give {second} another \[site\] name"):
        render.write_compose("compose", folder, second)
    assert file.read_text() == written
    shutil.move(first, tmp_path / "moved")
    render.write_compose("compose", folder, tmp_path / "moved")


def test_the_state_of_up_is_one_project_s_too(state: Path, tmp_path: Path) -> None:
    """`up` made it for another project."""
    first, second = copied("tutorial", tmp_path / "first"), copied("tutorial", tmp_path / "second")
    state.mkdir(parents=True)
    claim(load(project=first), Layout(state).owner)
    with pytest.raises(BadInputError, match=r"another \[site\] name"):
        render.write_compose("compose", None, second)
    assert [path.name for path in state.iterdir()] == ["project"]


def test_a_project_s_variables_are_in_a_private_folder(state: Path, tmp_path: Path) -> None:
    """A container's user reads the file, and nobody else of this host; what is not asked for any more is removed."""
    project = copied("tutorial", tmp_path / "project", f'{TOML}[project.env]\nSTRIPE = "sk_live_1"\n')
    render.write_compose("compose", None, project)
    folder = state / "compose"
    assert json.loads((folder / "parley-env" / "env.json").read_text()) == {"STRIPE": "sk_live_1"}
    assert stat.S_IMODE((folder / "parley-env").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "parley-env" / "env.json").stat().st_mode) == 0o644
    assert "sk_live_1" not in (folder / "docker-compose.prod.yml").read_text()
    (project / "parley.toml").write_text(TOML)
    render.write_compose("compose", None, project)
    assert not list((folder / "parley-env").iterdir())


@pytest.mark.parametrize("has_facts", [False, True])
def test_nginx_before_anybody_has_looked(tmp_path: Path, capsys: pytest.CaptureFixture[str], has_facts: bool) -> None:
    """Where the project has its files is not known: one line says what was taken instead."""
    project = copied("tutorial", tmp_path / "project", f'{TOML}media = "media"\n')
    layout = Layout(tmp_path / "state")
    layout.dir.mkdir()
    if has_facts:
        application.remember(layout, Facts(media_url="/media/"))
    render.write_nginx("local", layout.dir, tmp_path / "out", project)
    said = capsys.readouterr().out
    line = "STATIC_URL and MEDIA_URL are not known: /static/ is taken, and uploaded files have no place\n"
    assert said.endswith(line) is not has_facts
    assert "location" in (tmp_path / "out" / "locations.conf").read_text()


def test_uploaded_files_that_nginx_does_not_serve(tmp_path: Path) -> None:
    """MEDIA_URL is another host's, or nothing."""
    config = load(project=copied("tutorial", tmp_path / "project", f'{TOML}media = "media"\n'))
    assert list(application.unserved(config, Facts(media_url="https://cdn.example/"))) == [
        "uploaded files: nginx serves them to nobody by their address, for MEDIA_URL is 'https://cdn.example/'"
    ]
    assert list(application.unserved(config, Facts(media_url="/media/"))) == []
