"""A site of a host under systemd is one project's: another one of its name gets neither its database nor removes it."""

from pathlib import Path

import pytest

from deploy.errors import BadInputError
from deploy.model.capacity import declared
from deploy.model.config import ROOT, Config, load
from deploy.stacks.systemd import host, identity, names, plan
from deploy.stacks.systemd.foreign import Source
from deploy.stacks.systemd.steps import File, StageProject
from deploy.stacks.systemd.uninstall import uninstall
from deploy.text.systemd import places
from deploy.text.systemd.places import Places
from deploy.text.systemd.site import Programs
from tests.foreign import TOML, copied

OTHER = "blog.asgi:application blog.settings"


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A host on which a site of the project's name is another project's."""
    for name in ("ALL_SITES", "ETC", "VAR", "RUN", "UNITS"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(places, name, tmp_path / name)
    monkeypatch.delenv(places.VARIABLE, raising=False)
    found = Places("tutorial")
    found.etc.mkdir()
    for path, text in ((found.env, "systemd\n"), (found.toml, ""), (found.owner, f"{OTHER}\n")):
        path.write_text(text)
    return found


def project(tmp_path: Path) -> Config:
    """Give the model of a project."""
    return load(env="systemd", project=copied("tutorial", tmp_path / "tutorial", TOML))


def test_another_project_of_the_name_is_refused(at: Places, tmp_path: Path) -> None:
    """With both, and what to write where it is the same one with its modules renamed."""
    config = project(tmp_path)
    here = identity.of(config)
    with pytest.raises(BadInputError) as refused:
        identity.require(at, config)
    assert str(refused.value) == (
        f"the site tutorial of this host is {OTHER}, and this is {here}: give this one another site.name"
        f" (if it is the same project, write `{here}` into {at.owner})"
    )
    at.owner.write_text(f"{here}\n")
    identity.require(at, config)
    at.owner.unlink()
    identity.require(at, config)
    at.opt.mkdir()
    at.current.symlink_to("releases/0.1.0-0123abcd")  # of before it was written down, and without a project
    with pytest.raises(BadInputError, match="is the reference chat, and this is"):
        identity.require(at, config)


def test_another_project_of_the_name_removes_nothing(
    at: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it is asked."""
    monkeypatch.setattr(host, "require_root", lambda _: None)
    folder = project(tmp_path).folder
    at.opt.mkdir()
    for purge in (False, True):
        with pytest.raises(BadInputError, match="the site tutorial of this host is"):
            uninstall(lambda _: None, folder, purge=purge, dry_run=False)
    assert names.ours(at)
    assert at.opt.is_dir()


def test_what_a_project_breaks_is_installed_already(tmp_path: Path) -> None:
    """So it can be removed, or be gone on with: its code runs after what says whose the site is."""
    config = project(tmp_path)
    wanted = plan.Wanted(
        config=config,
        size=declared(config),
        programs=Programs(),
        env="systemd",
        release="1",
        source=ROOT,
        wheels=None,
        toml="",
        project=Source.of(config, lambda _: None),
    )
    first = plan.first(wanted)
    assert {one.path for one in first[:-1] if isinstance(one, File)} == {wanted.at.toml, wanted.at.env, wanted.at.owner}
    assert isinstance(first[-1], StageProject)
    units = [one.path.name for one in plan.instance_steps(wanted) if isinstance(one, File)]
    assert units == ["tutorial-web@.service", "tutorial-migrate@.service"]
