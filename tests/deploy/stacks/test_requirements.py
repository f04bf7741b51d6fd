"""What a project asks pip for: chains of files, constraints, extras, folders, a pyproject.toml and its lock."""

import os
from pathlib import Path

import pytest

from deploy.errors import BadInputError
from deploy.model.config import load
from deploy.stacks import poetry, pythons, requirements
from deploy.stacks.requirements import OURS, Requirements
from tests.foreign import TOML


def read(folder: Path, said: str = "", **files: str) -> Requirements:
    """Write files into a project's folder ("__" is a folder, "_" a dot), and read its requirements."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "parley.toml").write_text(TOML + said)
    return requirements.read(load(project=folder))


def test_chains_constraints_and_lines_that_go_on(tmp_path: Path) -> None:
    """As pip reads them: a nested file lies beside the one that names it."""
    found = read(
        tmp_path,
        'requirements = ["requirements/base.txt"]',
        requirements__base_txt="-r more.txt\n-c limits.txt\n--extra-index-url https://x.test/a\n"
        "django[argon2] \\\n  >=5 # why\n",
        requirements__more_txt="channels==4.0.0 ; python_version > '3'\n"
        "git+https://x.test/y.git@v1#egg=y\n-r base-only.txt",
        **{"requirements__base-only_txt": "-e git+https://x.test/z.git#egg=z\n"},
        requirements__limits_txt="redis<5\nuvicorn<0.30\n",
    )
    assert found.lines == [
        "channels==4.0.0 ; python_version > '3'",
        "git+https://x.test/y.git@v1#egg=y",
        "-e git+https://x.test/z.git#egg=z",
        "--extra-index-url https://x.test/a",
        "django[argon2] >=5",
    ]
    assert found.constraints == ["redis<5"]


def test_parleys_own_packages_lose_their_versions_and_keep_their_extras(tmp_path: Path) -> None:
    """Theirs stand over the project's; what an extra brings is the project's all the same."""
    found = read(
        tmp_path,
        requirements_txt="uvicorn[standard]==0.22.0 ; python_version >= '3.8'\nwebsockets>=10,<11\nGunicorn\n"
        "typing_extensions==4.5.0\n",
    )
    assert found.lines == [
        "uvicorn[standard]; python_version >= '3.8'",
        "websockets",
        "Gunicorn",
        "typing_extensions==4.5.0",
    ]
    assert found.replaced == ["uvicorn[standard]==0.22.0 ; python_version >= '3.8'", "websockets>=10,<11", "Gunicorn"]


def test_a_lock_with_hashes_is_whole_without_them(tmp_path: Path) -> None:
    """pip takes nothing that it does not list, so that it is installed as it stands."""
    text = "uvicorn==0.22.0 \\\n    --hash=sha256:aa\ndjango==5.2.1 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    found = read(tmp_path, requirements_txt=text)
    assert [line.split()[0] for line in found.lines] == ["django==5.2.1"]
    assert found.is_hashed
    assert found.replaced == ["uvicorn==0.22.0"]


def test_folders_of_the_project_are_copied_for_pip(tmp_path: Path) -> None:
    """A build writes beside its source. What lies in them decides what is installed."""
    (tmp_path / "libs" / "own").mkdir(parents=True)
    (tmp_path / "libs" / "own" / "setup.py").write_text("1")
    found = read(tmp_path, requirements_txt="-e ./libs/own[dev]\n./libs/own\n")
    assert found.lines == ["{folder:0}[dev]", "{folder:1}"]
    assert found.folders == [tmp_path / "libs" / "own"] * 2
    before = found.digest()
    (tmp_path / "libs" / "own" / "setup.py").write_text("2")
    assert found.digest() != before


def test_a_pyproject_with_its_lock(tmp_path: Path) -> None:
    """The dependencies in the locked versions; a package from elsewhere, or in two versions, has none."""
    (tmp_path / "uv.lock").write_text(
        '[[package]]\nname = "django"\nversion = "5.1.2"\nsource = {registry = "https://index.example/simple"}\n'
        '[[package]]\nname = "me"\nversion = "1"\nsource = {virtual = "."}\n'
        '[[package]]\nname = "uvicorn"\nversion = "0.2"\nsource = {registry = "https://index.example/simple"}\n'
    )
    found = read(
        tmp_path,
        pyproject_toml='[project]\nname = "me"\nversion = "1"\nrequires-python = ">=3.11,<3.13"\n'
        'dependencies = ["django", "uvicorn[standard]>=0.2"]\n',
    )
    assert found.lines == ["django", "uvicorn[standard]"]
    assert found.constraints == ["django==5.1.2"]
    assert found.python == ">=3.11,<3.13"


def test_a_project_without_any_gets_what_the_tutorial_has(tmp_path: Path) -> None:
    """Neither a file nor a pyproject.toml."""
    assert read(tmp_path).lines == list(requirements.WITHOUT_ANY)
    assert read(tmp_path, "requirements = []").lines == list(requirements.WITHOUT_ANY)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"requirements_txt": "-r nowhere.txt"}, "/nowhere.txt is not there"),
        ({"requirements_txt": "-r requirements.txt"}, "names itself by -r or -c"),
        ({"pyproject_toml": "[project]\ndynamic = ['dependencies']"}, "its dependencies are dynamic"),
        ({"pyproject_toml": "[project"}, "pyproject.toml: Expected"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, files: dict[str, str], said: str) -> None:
    """With the file's name."""
    with pytest.raises(BadInputError) as error:
        read(tmp_path, **files)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("channels\ndjango\n".encode("utf-16"), ["channels", "django"]),  # PowerShell's `pip freeze > …`
        (b"\xfe\xff" + "channels\n".encode("utf-16-be"), ["channels"]),
        ("channels\n".encode("utf-32"), ["channels"]),
        ("channels\n".encode("utf-8-sig"), ["channels"]),
        ("# coding: latin-1\nchannels # größe\n".encode("latin-1"), ["channels"]),
        (b"channels \\\r\n  >=4\r\n# no \\\r\ndjango\r\nredis \\", ["channels >=4", "django", "redis"]),
    ],
)
def test_a_file_is_decoded_as_pip_does(tmp_path: Path, data: bytes, lines: list[str]) -> None:
    """By its mark, by what it says of itself, or as UTF-8; a comment that ends with a backslash goes no further."""
    (tmp_path / "requirements.txt").write_bytes(data)
    assert read(tmp_path).lines == lines


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("# größe".encode("latin-1"), "requirements.txt is not UTF-8"),
        (b"\xff\xfea", "requirements.txt is not UTF-16"),
        (b"# coding: nonsense\n", "requirements.txt says that it is nonsense, which Python does not know"),
    ],
)
def test_a_file_that_is_no_text(tmp_path: Path, data: bytes, said: str) -> None:
    """The line says which encoding it is not."""
    (tmp_path / "requirements.txt").write_bytes(data)
    with pytest.raises(BadInputError) as error:
        read(tmp_path)
    assert str(error.value) == f"{tmp_path}/{said}"


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    """Neither where a file of packages should be, nor in a folder that pip would build in."""
    (tmp_path / "libs" / "own").mkdir(parents=True)
    (tmp_path / "libs" / "own" / "setup.py").write_text("1")
    os.mkfifo(tmp_path / "libs" / "own" / "queue")
    assert len(read(tmp_path, requirements_txt="./libs/own").digest()) == 64
    (tmp_path / "requirements.txt").unlink()
    os.mkfifo(tmp_path / "requirements.txt")
    with pytest.raises(BadInputError, match=r"requirements\.txt is not there"):
        read(tmp_path)


def test_pip_s_words_name_the_project_s_own_lines(tmp_path: Path) -> None:
    """pip reads one file that is made of all of them."""
    found = read(
        tmp_path,
        requirements_txt="# why\ndjango\n-r requirements/more.txt\n-c limits.txt\n",
        requirements__more_txt="\n\nchannels=4\n",
        limits_txt="redis=5\n",
    )
    told = found.told("Invalid requirement: 'channels=4' (from line 2 of /a b/r.txt)", "/a b/r.txt", "c.txt")
    assert told == "Invalid requirement: 'channels=4' (from requirements/more.txt:3)"
    told = found.told("Cannot install -r r.txt (line 1) and x, -c c.txt (line 1) constrains it", "r.txt", "c.txt")
    assert told == "Cannot install requirements.txt:2 and x, limits.txt:1 constrains it"
    told = found.told("No matching distribution found for Django==99", "r.txt", "c.txt")
    assert told == "No matching distribution found for Django==99 (requirements.txt:2)"
    assert found.told("Could not find git", "r.txt", "c.txt") == "Could not find git"


def test_every_package_of_parleys_own_has_a_version() -> None:
    """The lock has each of them, and only what the project may not replace is taken from it."""
    assert {requirements.named(line) for line in requirements.serving()} == OURS
    assert all("==" in line for line in requirements.serving())


def test_poetrys_versions() -> None:
    """Written as pip has them."""
    table = {
        "python": "^3.11",
        "django": "^5.1",
        "zero": "^0.3.2",
        "tilde": "~1.4",
        "any": "*",
        "exact": "2.0",
        "many": ">=1,<3",
        "extra": {"version": "^2", "extras": ["a", "b"], "python": ">=3.12"},
        "git": {"git": "https://x.test/y.git", "tag": "v1"},
        "left": {"version": "1", "optional": True},
    }
    assert poetry.read(table) == (
        ">=3.11,<4",
        [
            "django>=5.1,<6",
            "zero>=0.3.2,<0.4",
            "tilde>=1.4,<1.5",
            "any",
            "exact==2.0",
            "many>=1,<3",
            'extra[a,b]>=2,<3 ; python_version >= "3.12"',
            "git @ git+https://x.test/y.git@v1",
        ],
    )
    with pytest.raises(BadInputError, match="name a requirements file"):
        poetry.read({"either": "^1 || ^2"})


@pytest.mark.parametrize(
    ("text", "version", "allowed"),
    [
        ("", "3.11.7", True),
        (">=3.11", "3.11.0", True),
        (">=3.12", "3.11.7", False),
        (">=3.9,<3.12", "3.11.7", True),
        (">=3.9,<3.12", "3.12.1", False),
        ("==3.11.*", "3.11.7", True),
        ("==3.11.*", "3.12.1", False),
        ("!=3.11.*", "3.11.7", False),
        ("~=3.11", "3.13.0", True),
        ("~=3.11.2", "3.12.1", False),
    ],
)
def test_which_python_a_project_allows(text: str, version: str, allowed: bool) -> None:
    """By its requires-python."""
    assert pythons.allows(text, version) is allowed


def test_a_python_that_is_not_there_is_one_line() -> None:
    """With those that are."""
    with pytest.raises(BadInputError, match=r"^the project needs Python >=3.99; on PATH there is: .*3\.\d+"):
        pythons.found("", ">=3.99")
