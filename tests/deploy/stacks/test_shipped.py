"""Which files of a project are in its image."""

import subprocess
from pathlib import Path

import pytest

from deploy.stacks import requirements, shipped
from tests.programs import needed

NAMES = ("manage.py", "mysite/settings.py", ".env", ".env.local", "db.sqlite3", "media/cat.png", "ui/node_modules/x.js")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder that has all kinds of files."""
    for name in (*NAMES, "env/pyvenv.cfg", "env/lib/x.py", "mysite/__pycache__/settings.cpython-311.pyc"):
        path = tmp_path / "mein Projekt ä" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "mein Projekt ä"


def git(project: Path, *words: str) -> None:
    """Run git in the project."""
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    subprocess.run([needed("git", "git"), *who, *words], cwd=project, check=True, capture_output=True)


def names(project: Path) -> tuple[list[str], list[str]]:
    """Return the names of what ships, and what is said."""
    paths, lines = shipped.found(project)
    return [str(path.relative_to(project)) for path in paths], lines


def test_without_git_all_but_a_list_that_is_said(project: Path) -> None:
    """Nothing secret, nothing large, nothing that the image makes itself."""
    found, [line, private] = names(project)
    assert sorted(found) == ["manage.py", "mysite/settings.py"]
    assert line == f"{project}: git tracks nothing here: all files but {shipped.LEFT_OUT}"
    assert private == f"{project}: private, so not in the image: .env, .env.local"


PEM = "-----BEGIN {} KEY-----\naa\n"
PRIVATE = {
    "tls/server.key": "",
    "tls/server.pem": PEM.format("EC PRIVATE"),
    "tls/both.crt": PEM.format("ENCRYPTED PRIVATE"),
    "account.json": '{"private_key": "-----BEGIN PRIVATE KEY-----\\naa"}',
    "deploy/id_rsa": "",
    "deploy/id_ed25519_old": "",
    "store.P12": "",
    "production.env": "",
    ".netrc": "",
    "deploy/exported.asc": "-----BEGIN PGP PRIVATE KEY BLOCK-----\naa\n",
    "deploy/signing": PEM.format("OPENSSH PRIVATE"),
    "deploy/signing.txt": PEM.format("RSA PRIVATE"),
    ".npmrc": "//registry.example/:_authToken=x",
}
PUBLIC = {
    "tls/authority.pem": "-----BEGIN CERTIFICATE-----\naa\n",
    "jwt.pem": PEM.format("PUBLIC"),
    "deploy/id_rsa.pub": "",
    "keys.py": "KEY = '-----BEGIN PRIVATE KEY-----'",
    "package.json": "{}",
    "deploy/exported.pub.asc": "-----BEGIN PGP PUBLIC KEY BLOCK-----\naa\n",
    "deploy/start": "db_password=$1",
    ".env.example": "",
    "ui/.npmrc": "save-exact=true",
}


def test_private_keys_stay_here_and_are_named(project: Path) -> None:
    """By their names or by what is in them; certificates and public keys ship, and so does code."""
    for name, text in {**PRIVATE, **PUBLIC, ".ssh/config": "", ".envs/production": "PASSWORD=x"}.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    found, lines = names(project)
    assert sorted(found) == sorted(["manage.py", "mysite/settings.py", *PUBLIC])
    said = lines[1].removeprefix(f"{project}: private, so not in the image: ")
    assert sorted(said.split(", ")) == sorted([".env", ".env.local", *PRIVATE])
    folder = [str(path.relative_to(project)) for path in requirements.copied(project)]
    assert not {*PRIVATE, ".env", "db.sqlite3", "env/lib/x.py"} & {*folder}
    assert {*PUBLIC} <= {*folder}


def test_a_private_key_that_git_tracks_is_named(project: Path) -> None:
    """It ships as everything that git tracks, and not without a word."""
    git(project, "init", "--quiet")
    (project / ".envs").mkdir()
    (project / ".envs" / "production").write_text("PASSWORD=x")
    git(project, "add", "manage.py", "mysite", ".env", ".envs")
    git(project, "commit", "--quiet", "--message=first")
    assert names(project)[1] == [f"{project}: private, and in the image, because git tracks it: .env, .envs/production"]


def test_what_pip_builds_a_folder_of_the_project_from(project: Path) -> None:
    """What git tracks of it, whatever its name, and new files; what stays here is named."""
    folder = project / "libs" / "geo"
    folder.mkdir(parents=True)
    for name in ("setup.py", "places.sqlite3", "test.key", "new.py", "local.sqlite3", "local.key"):
        (folder / name).write_text(name)
    asked = requirements.Requirements(folders=[folder, folder])
    assert [path.name for path in requirements.copied(folder)] == ["new.py", "setup.py"]
    [line] = requirements.said(asked)
    assert line.endswith(": local.key, local.sqlite3, places.sqlite3, test.key")
    git(project, "init", "--quiet")
    git(project, "add", "libs/geo/setup.py", "libs/geo/places.sqlite3", "libs/geo/test.key")
    assert {path.name for path in requirements.copied(folder)} == {"setup.py", "places.sqlite3", "test.key", "new.py"}
    assert list(requirements.said(asked)) == [
        f"{folder}: private or a database, so pip builds it without: local.key, local.sqlite3",
        f"{folder}: private, and pip builds it with this, because git tracks it: test.key",
    ]


def test_without_git_no_uploads(project: Path) -> None:
    """Those of this machine are no part of a release."""
    (project / "uploads").mkdir()
    (project / "uploads" / "cat.png").write_text("")
    paths, [line, *_] = shipped.found(project, project / "uploads")
    assert project / "uploads" / "cat.png" not in paths
    assert line.endswith(f"{shipped.LEFT_OUT}, uploads")


def test_with_git_what_it_tracks(project: Path) -> None:
    """A file that is tracked ships, whatever its name; one that is not does not."""
    git(project, "init", "--quiet")
    git(project, "add", "manage.py", "mysite/settings.py", "media/cat.png")
    git(project, "commit", "--quiet", "--message=first")
    index = (project / ".git" / "index").read_bytes()
    tracked = ["manage.py", "media/cat.png", "mysite/settings.py"]
    assert names(project) == (tracked, [])
    (project / "parley.toml").write_text("")
    for number in range(12):
        (project / f"new{number:02d}.py").write_text("")
    named = ", ".join(f"new{number:02d}.py" for number in range(10))
    line = f"{project}: not in the image, because git does not track it (`git add` changes that): {named} and 2 more"
    assert names(project) == (tracked, [line])
    (project / ".gitignore").write_text("new*.py\n.gitignore\n")
    assert names(project) == (tracked, [])
    (project / "manage.py").write_text("changed")
    assert names(project)[1] == [f"{project}: as they are, not as committed: manage.py"]
    assert (project / ".git" / "index").read_bytes() == index


def test_a_tracked_file_that_was_removed_does_not_ship(project: Path) -> None:
    """It is named."""
    git(project, "init", "--quiet")
    git(project, "add", "manage.py", "mysite/settings.py")
    git(project, "commit", "--quiet", "--message=first")
    (project / "manage.py").unlink()
    assert names(project) == (["mysite/settings.py"], [f"{project}: as they are, not as committed: manage.py"])
