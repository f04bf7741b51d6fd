"""What the launcher takes from PATH, and when it makes .venv again; a fake Python stands for the slow parts."""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.programs import needed
from tests.waiting import PATIENCE

TOOLS = (
    "dirname",
    "readlink",
    "stat",
    "id",
    "sha256sum",
    "cat",
    "rm",
    "mv",
    "mkdir",
    "cp",
    "flock",
    "getent",
    "cut",
    "sh",
)
Launch = Callable[..., subprocess.CompletedProcess[str]]

# Stands for an interpreter: it knows the few questions that the launcher asks, and writes down what it was told to do.
PYTHON = """\
#!/bin/sh
echo "$0 $*" >>"$JOURNAL"
case "$*" in
    *version_info*) exit {too_old} ;;
    *"import ensurepip"*) exit {no_ensurepip} ;;
    *"print(sys.version)"*) echo "{version}" ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    "-m pip install "*) [ ! -e "$FAIL" ] || {{ echo "no such wheel"; exit 1; }} ;;
    "-P -m deploy"*)
        echo "deploy ran with: $*"; echo "from $PWD"; echo "utf8=$PYTHONUTF8,$PYTHONIOENCODING"; echo "as $(id -u)" ;;
esac
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH of the tools alone, to which a test adds its Pythons."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(f"/usr/bin/{tool}")
    return folder


@pytest.fixture
def python(path: Path) -> Callable[..., None]:
    """Puts a fake Python on PATH."""

    def put(name: str, version: str = "3.13.1", *, too_old: int = 0, no_ensurepip: int = 0) -> None:
        file = path / name
        file.write_text(PYTHON.format(version=version, too_old=too_old, no_ensurepip=no_ensurepip))
        file.chmod(0o755)

    return put


@pytest.fixture
def launch(checkout: Path, path: Path, tmp_path: Path) -> Launch:
    """Runs the launcher."""

    def run(
        *arguments: str, program: Path | None = None, cwd: Path = tmp_path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(path), "JOURNAL": str(tmp_path / "journal"), "FAIL": str(tmp_path / "fail")} | variables
        command = [str(program or checkout / "parley"), *arguments]
        return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False)

    return run


@pytest.fixture
def done(tmp_path: Path) -> Callable[[str], int]:
    """Counts what the Pythons were told to do."""
    journal = tmp_path / "journal"
    return lambda words: journal.read_text().count(words) if journal.exists() else 0


def test_no_python_is_one_line(launch: Launch) -> None:
    """And names the package."""
    said = launch("up")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "parley: no Python 3.11 or newer on PATH: install the package python3\n"


def test_a_python_too_old_is_none(launch: Launch, python: Callable[..., None]) -> None:
    """3.10 on PATH does not help."""
    python("python3", too_old=1)
    assert launch("up").returncode == 2


def test_what_does_not_run_is_passed_over(launch: Launch, python: Callable[..., None], path: Path) -> None:
    """A pyenv shim of a version that is not selected exits with an error."""
    shim = path / "python3"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    python("python3.12")
    said = launch("up", "--port", "1")
    assert said.returncode == 0, said.stderr
    assert "deploy ran with: -P -m deploy up --port 1" in said.stdout
    assert "pyenv" not in said.stderr


def test_a_shim_that_fails_hides_no_python_behind_it(launch: Launch, python: Callable[..., None], path: Path) -> None:
    """The same name, further down PATH."""
    python("python3")
    shims = path.parent / "shims"
    shims.mkdir()
    (shims / "python3").write_text("#!/bin/sh\nexit 127\n")
    (shims / "python3").chmod(0o755)
    assert launch("check", PATH=f"{shims}:{path}").returncode == 0


def test_one_that_can_make_environments_is_preferred(
    launch: Launch, python: Callable[..., None], done: Callable[[str], int]
) -> None:
    """Debian's bare python3 beside a whole one."""
    python("python3", no_ensurepip=1)
    python("python3.12")
    assert launch("check").returncode == 0
    assert done("python3.12 -m venv") == 1


@pytest.mark.parametrize("tool", ["uv", "virtualenv"])
def test_without_ensurepip_another_maker_is_used(
    launch: Launch, python: Callable[..., None], path: Path, tool: str
) -> None:
    """uv or virtualenv, with the Python that was found."""
    python("python3", no_ensurepip=1)
    maker = path / tool
    maker.write_text('#!/bin/sh\nfor last; do :; done\nmkdir -p "$last/bin"\ncp "${0%/*}/python3" "$last/bin/python"\n')
    maker.chmod(0o755)
    assert launch("check").returncode == 0


def test_the_environment_is_made_once(launch: Launch, python: Callable[..., None], done: Callable[[str], int]) -> None:
    """And quietly used from then on, also by the directory's other commands."""
    python("python3")
    assert launch("check").returncode == 0
    again = launch("check")
    assert (again.returncode, again.stderr) == (0, "")
    assert (done("-m venv"), done("-m pip install")) == (1, 1)


def test_another_lock_makes_it_again(
    launch: Launch, python: Callable[..., None], done: Callable[[str], int], checkout: Path
) -> None:
    """Whatever changed in it."""
    python("python3")
    launch("check")
    with (checkout / "requirements" / "run.txt").open("a") as lock:
        lock.write("# changed\n")
    launch("check")
    assert (done("-m venv"), done("-m pip install")) == (2, 2)


def test_another_python_under_it_makes_it_again(
    launch: Launch, python: Callable[..., None], done: Callable[[str], int], checkout: Path
) -> None:
    """The distribution was upgraded, and the environment's Python is gone or another."""
    python("python3")
    launch("check")
    (checkout / ".venv" / "bin" / "python").unlink()
    assert launch("check").returncode == 0
    assert done("-m venv") == 2


def test_the_tests_lock_goes_on_top(launch: Launch, python: Callable[..., None], done: Callable[[str], int]) -> None:
    """test.txt holds run.txt: one environment serves both."""
    python("python3")
    launch("check")
    launch("test")
    launch("check")
    assert done("-m venv") == 1
    assert done("requirements/run.txt") == 1
    assert done("requirements/test.txt") == 1


def test_a_failed_installation_says_pips_words_and_is_made_again(
    launch: Launch, python: Callable[..., None], done: Callable[[str], int], tmp_path: Path
) -> None:
    """The stamp is written last, so that half an environment is never used."""
    python("python3")
    (tmp_path / "fail").write_text("")
    said = launch("check")
    assert (said.returncode, said.stdout) == (2, "")
    assert "parley: pip could not install requirements/run.txt:\nno such wheel" in said.stderr
    (tmp_path / "fail").unlink()
    assert launch("check").returncode == 0
    assert done("-m venv") == 2


def test_paths_are_utf_8_whatever_the_locale(launch: Launch, python: Callable[..., None]) -> None:
    """And whatever a shell says of Python's own encodings."""
    python("python3")
    said = launch("check", LC_ALL="POSIX", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="ascii")
    assert "utf8=1,\n" in said.stdout


def test_two_launches_at_once_make_one_environment(
    launch: Launch, python: Callable[..., None], done: Callable[[str], int]
) -> None:
    """The others wait for the first."""
    python("python3")
    with ThreadPoolExecutor(4) as pool:
        all_said = list(pool.map(lambda _: launch("check"), range(4)))
    assert [said.returncode for said in all_said] == [0, 0, 0, 0]
    assert (done("-m venv"), done("-m pip install")) == (1, 1)


def test_it_works_from_elsewhere_and_through_a_symlink(
    launch: Launch, python: Callable[..., None], tmp_path: Path, checkout: Path
) -> None:
    """What is typed relative is relative to where it was typed."""
    python("python3")
    link = tmp_path / "link"
    link.symlink_to(checkout / "parley")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    said = launch("check", program=link, cwd=elsewhere)
    assert f"from {elsewhere}" in said.stdout, said.stderr
    assert (checkout / ".venv").is_dir()


PERSON = 4321
guest_only = pytest.mark.skipif(os.geteuid() != 0, reason="to be root in somebody else's checkout needs root")


@pytest.fixture
def theirs(checkout: Path, path: Path, tmp_path: Path) -> Path:
    """The checkout of somebody else, who can write beside it."""
    (path / "setpriv").symlink_to("/usr/bin/setpriv")
    for folder in [*reversed(checkout.parents)][1:]:
        if folder.is_relative_to(tmp_path.parents[2]) and folder != Path("/tmp"):
            folder.chmod(0o755)
    (tmp_path / "journal").touch()
    (tmp_path / "journal").chmod(0o666)
    for file in [checkout, *checkout.rglob("*")]:
        os.chown(file, PERSON, PERSON)
    return checkout


@guest_only
@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (False, "{checkout} cannot be written: .venv belongs there"),
        (
            True,
            (
                "{checkout}/.venv/bin/python cannot be run by this user:"
                " take a checkout of your own, or have .venv made with another Python"
            ),
        ),
    ],
)
def test_a_checkout_of_somebody_else_says_what_is_wrong(
    python: Callable[..., None], launch: Launch, theirs: Path, path: Path, tmp_path: Path, *, broken: bool, said: str
) -> None:
    """Its Python may lie in its owner's home (pyenv, uv), which nobody else may enter: no folder has to be written."""
    python("python3")
    if broken:
        assert launch("check").returncode == 0
        homes = theirs / "private"
        homes.mkdir(mode=0o700)
        (theirs / ".venv" / "bin" / "python").replace(homes / "python")
        (theirs / ".venv" / "bin" / "python").symlink_to(homes / "python")
        os.chown(homes, PERSON, PERSON)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", str(theirs / "parley"), "check"],
        env={"PATH": str(path), "JOURNAL": str(tmp_path / "journal"), "FAIL": str(tmp_path / "fail")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"parley: {said.format(checkout=theirs)}\n"


@guest_only
@pytest.mark.parametrize(
    ("command", "stack", "user"),
    [
        ("check", "", PERSON),
        ("backup create", "local", PERSON),
        ("manage shell", "", PERSON),
        ("install --dry-run", "", 0),
        ("uninstall", "", 0),
        ("rollout --stack systemd", "", 0),
        ("backup create --stack=systemd", "", 0),
        ("backup create", "systemd", 0),
        ("up", "systemd", PERSON),
        ("test", "compose", PERSON),
    ],
)
def test_root_in_somebodys_checkout_leaves_nothing_of_its_own(
    launch: Launch, python: Callable[..., None], theirs: Path, *, command: str, stack: str, user: int
) -> None:
    """As under sudo: goes on as the owner, but for what changes the host; the environment is the owner's either way."""
    python("python3")
    said = launch(*command.split(), PARLEY_STACK=stack)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[-1] == f"as {user}"
    assert said.stdout.count("deploy ran with") == 1
    assert {file.lstat().st_uid for file in [theirs, *theirs.rglob("*")]} == {PERSON}


@guest_only
def test_what_the_owner_cannot_make_stops_root_too(
    launch: Launch, python: Callable[..., None], theirs: Path, tmp_path: Path
) -> None:
    """Root does not go on without an environment, nor makes one that the owner could not change."""
    python("python3")
    (tmp_path / "fail").touch()
    said = launch("install")
    assert (said.returncode, "deploy ran" in said.stdout) == (2, False)
    assert "pip could not install requirements/run.txt:\nno such wheel\n" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        (("install", "--wheels", "/some where"), "/some where"),
        (("install", "--wheels=/some where"), "/some where"),
        (("check",), "{checkout}/wheels"),
    ],
)
def test_wheels_stand_for_the_network(
    launch: Launch, python: Callable[..., None], checkout: Path, arguments: tuple[str, ...], folder: str
) -> None:
    """Those that are named, or a folder of that name in the checkout."""
    python("python3")
    (checkout / "wheels").mkdir()
    journal = checkout.parent / "wheels asked for"
    assert launch(*arguments, JOURNAL=str(journal)).returncode == 0
    assert f"--no-index --find-links {folder.format(checkout=checkout)} -r" in journal.read_text()


def test_without_wheels_the_network_is_asked(launch: Launch, python: Callable[..., None], tmp_path: Path) -> None:
    """The default index, or what pip was told."""
    python("python3")
    launch("check")
    assert "--no-index" not in (tmp_path / "journal").read_text()


def test_shellcheck_has_nothing_to_say(checkout: Path) -> None:
    """The launcher is the one shell script that everybody runs."""
    shellcheck = needed("shellcheck", "shellcheck")
    said = subprocess.run([shellcheck, checkout / "parley"], capture_output=True, text=True, check=False)
    assert said.stdout == ""
