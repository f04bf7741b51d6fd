"""What the project's code and files can do to root, while a release is made."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.errors import BadInputError, StackError
from deploy.model.config import load
from deploy.stacks import packages, static
from deploy.stacks.copies import Copies
from deploy.stacks.local.application import Facts
from deploy.stacks.packages import Needs
from deploy.stacks.systemd import foreign, staging
from deploy.text.systemd import places
from deploy.text.systemd.places import Places
from tests.checkout import ROOT
from tests.foreign import TOML, copied
from tests.programs import needs_root

USER = "games"  # an account of Debian's, with a group of the same name, for which nothing runs


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that other users may enter, as they may /var/lib and /opt; what is root's alone is in `secret`."""
    needs_root("to be root among files of another user")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    monkeypatch.setattr(places, "VAR", folder / "var")
    at = Places(USER)
    for path, mode in ((at.state, 0o750), (at.kept, 0o770), (at.media, 0o770)):
        path.mkdir(parents=True)
        shutil.chown(path, "root", USER)
        path.chmod(mode)
    (folder / "var").chmod(0o755)
    (folder / "secret").mkdir(mode=0o700)
    (folder / "secret" / "key").write_text("root's own")
    (folder / "project").mkdir()
    yield folder
    shutil.rmtree(folder)


def given(path: Path) -> Path:
    """Give a folder to the site's user, as the project's code has it."""
    account = pwd.getpwnam(USER)
    for one in (path, *path.rglob("*")):
        os.lchown(one, account.pw_uid, account.pw_gid)
    return path


def test_what_a_link_among_uploads_leads_to_is_not_copied(host: Path) -> None:
    """Files are; and a folder that has files already is left as it is."""
    at, media = Places(USER), host / "project" / "media"
    (media / "books").mkdir(parents=True)
    (media / "books" / "one").write_text("a book")
    (media / "x").symlink_to(host / "secret" / "key")
    given(host / "project")
    foreign.keep_media(media, at)
    assert media.readlink() == at.media
    assert [str(path.relative_to(at.media)) for path in at.media.rglob("*") if path.is_file()] == ["books/one"]
    assert (at.media / "books" / "one").owner() == USER
    media.unlink()
    media.mkdir()
    (media / "late").write_text("of a later release")
    given(host / "project")
    foreign.keep_media(media, at)
    assert not (at.media / "late").exists()


def test_a_link_above_the_uploads_takes_root_nowhere(host: Path) -> None:
    """The settings may name any folder inside the project, and its code may have put a link there."""
    (host / "secret" / "media").mkdir()
    (host / "project" / "x").symlink_to(host / "secret")
    given(host / "project")
    with pytest.raises(StackError, match="cannot become a link"):
        foreign.keep_media(host / "project" / "x" / "media", Places(USER))
    assert not (host / "secret" / "media").is_symlink()


def test_a_file_is_not_written_through_a_link(host: Path) -> None:
    """One that leads to what is not there yet is not what is not there."""
    at = Places(USER)
    (at.media / "evil").symlink_to(host / "secret" / "cron")
    media = host / "project" / "media"
    media.mkdir()
    (media / "evil").write_text("* * * * * root id")
    given(host / "project")
    foreign.keep_media(media, at)
    assert not (host / "secret" / "cron").exists()


@pytest.mark.parametrize("name", ["uploads", "var/uploads"])
def test_a_link_in_the_place_of_a_folder_is_refused(host: Path, name: str) -> None:
    """What it leads to keeps its owner and mode."""
    at = Places(USER)
    (at.kept / Path(name).parts[0]).symlink_to(host / "secret")
    with pytest.raises(StackError, match=rf"{at.kept}/{Path(name).parts[0]} is to be a folder, and no link"):
        foreign.keep(host / "project" / name, at.kept / name, at)
    found = (host / "secret").stat()
    assert (found.st_gid, found.st_mode & 0o777) == (0, 0o700)


def test_a_folder_begins_once_below_one_that_is_roots(host: Path) -> None:
    """A file that was removed there does not come back with the next release."""
    at, path = Places(USER), host / "project" / "var" / "notes"
    for _ in ("first", "next"):
        path.unlink(missing_ok=True)
        path.mkdir(parents=True)
        (path / "a").write_text("a note")
        foreign.keep(path, at.kept / "var" / "notes", at)
        assert path.readlink() == at.kept / "var" / "notes"
        begun = [one.name for one in path.iterdir()]
        (path / "a").unlink(missing_ok=True)
    assert begun == []
    owned = {
        one: ((at.kept / one).owner(), (at.kept / one).group(), (at.kept / one).stat().st_mode & 0o777)
        for one in (".", "var", "var/notes")
    }
    assert owned == {".": ("root", USER, 0o750), "var": ("root", "root", 0o755), "var/notes": ("root", USER, 0o770)}


def test_nothing_is_compiled_through_a_link(host: Path) -> None:
    """`__pycache__` may be one."""
    (host / "env" / "bin").mkdir(parents=True)
    (host / "env" / "bin" / "python").symlink_to("/usr/bin/python3")
    (host / "project" / "a.py").write_text("")
    (host / "project" / "b").mkdir()
    (host / "project" / "b" / "c.py").write_text("")
    (host / "project" / "__pycache__").symlink_to(host / "secret")
    given(host / "project")
    foreign.compile_project(host, USER)
    assert [path.name for path in (host / "secret").iterdir()] == ["key"]
    assert list((host / "project" / "b" / "__pycache__").iterdir())


@pytest.mark.parametrize("name", ["key", "more/key", "folder"])
def test_a_link_among_static_files_is_not_published(host: Path, name: str) -> None:
    """Neither one to a file nor one to a folder."""
    link = host / "static" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(host / "secret" / ("" if name == "folder" else "key"))
    (host / "volume").mkdir()
    with pytest.raises(BadInputError, match=f"left a symbolic link, {name}: "):
        static.add(host / "static", host / "volume", "a")
    assert list((host / "volume").iterdir()) == []


def test_a_password_of_parley_toml_is_read_by_nobody(host: Path) -> None:
    """It lies in no place that another user reads, as the project's other files do."""
    project = copied("tutorial", host / "source", f'{TOML}[project.env]\nTOKEN = "a-password"\n')
    (host / "release").mkdir()
    foreign.put(Copies.of(load(env="systemd", project=project), lambda _: None), host / "release")
    shutil.rmtree(project)
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
    found = subprocess.run(
        [*nobody, "grep", "-rlE", "a-password|DJANGO_SETTINGS_MODULE", str(host / "release")],
        capture_output=True,
        encoding="utf-8",
        timeout=20,
        check=False,
    )
    shown = [str(Path(line).relative_to(host / "release")) for line in found.stdout.splitlines()]
    assert "project/manage.py" in shown
    assert not [name for name in shown if name.endswith("parley.toml")]
    assert "a-password" in (host / "release" / "toml" / "parley.toml").read_text()


@pytest.mark.parametrize("root", ["notes", "notes/a", "var"])
def test_uploads_and_written_files_are_apart(host: Path, root: str) -> None:
    """Only the settings say where the uploads are: one link would stand in the other's place."""
    toml = f'{TOML}media = "uploads"\n[project.sandbox]\nwrite = ["notes", "var/cache"]\n'
    copies = Copies.of(load(env="systemd", project=copied("tutorial", host / "source", toml)), lambda _: None)
    foreign.put(copies, host)
    (host / places.WORK).symlink_to(host / "project")
    at = Places(USER)
    assert foreign.media_root(copies, at, host, Facts(media_root="uploads")) == host / "project" / "uploads"
    with pytest.raises(
        BadInputError, match=rf"project\.sandbox\.write: .*: MEDIA_ROOT \({root}\) and it are one inside"
    ):
        foreign.media_root(copies, at, host, Facts(media_root=root))


@pytest.mark.parametrize("name", ["pip.py", "venv.py"])
def test_a_module_of_the_project_is_not_run_by_root(host: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Neither where its packages are installed nor where Parley's are, from whichever folder."""
    project, wheels = copied("tutorial", host / "source"), host / "wheels"
    (project / name).write_text(f"open({str(host / 'ran')!r}, 'w').close()\n")
    wheels.mkdir()
    monkeypatch.chdir(project)
    with pytest.raises(BadInputError, match="cannot be installed"):
        packages.made(load(env="systemd", project=project), host / "environments", print, Needs(wheels=wheels))
    assert not (host / "ran").exists()
    with pytest.raises(StackError, match="pip could not install"):
        staging.install(ROOT, host / "venv", wheels)
    assert not (host / "ran").exists()
