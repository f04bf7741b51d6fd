"""However a command line ends, it ends as others do: one line, the usual exit status, and no traceback."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.cli.invocation import run
from deploy.cli.main import app
from deploy.stacks.local import lock
from deploy.stacks.local.layout import Layout
from tests.checkout import ROOT

NOT_TEXT = b"/tmp/\xff"
TALKERS = [["--help"], ["check"], ["doctor", "--dir", "nowhere", "--json"], ["runbook", "show", "redis-down"]]
WITH_A_FOLDER = [
    ["up", "--dir"],
    ["doctor", "--dir"],
    ["drain", "web-1", "--dir"],
    ["metrics", "web-1", "--dir"],
    ["pid", "up", "--dir"],
    ["watch", "--dir"],
    ["manage", "--dir"],
    ["drill", "run", "roll", "--dir"],
    ["runbook", "run", "redis-down", "--dir"],
    ["render", "nginx", "--out"],
    ["render", "nginx", "--out", "x", "--dir"],
    ["render", "compose", "--out"],
    ["render", "systemd", "--out"],
    ["render", "prometheus", "--out"],
    ["render", "prometheus", "--out", "x", "--dir"],
    ["check", "--site"],
    ["install", "--dry-run", "--wheels"],
    *([["backup", command, *name, option] for command, name in (
        ("create", []), ("list", []), ("prune", ["--keep", "1"]), ("verify", []), ("restore", ["x"]),
    ) for option in ("--dir", "--folder")]),
]  # fmt: skip


@dataclass
class Done:
    """How it ended."""

    returncode: int
    stdout: str
    stderr: str


Parley = Callable[..., Done]


@pytest.fixture
def parley(capsys: pytest.CaptureFixture[str]) -> Parley:
    """Runs a command line in this process, which takes a hundredth of the time."""

    def run_here(arguments: Sequence[str | bytes]) -> Done:
        status = run(app, [os.fsdecode(word) for word in arguments])
        return Done(status, *capsys.readouterr())

    return run_here


def without_reader(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a Python whose stdout nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [sys.executable, "-P", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writing)


def refused(done: Done, said: str) -> None:
    """It is one line that names what was wrong."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("parley: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("arguments", TALKERS, ids=" ".join)
def test_a_reader_that_has_gone_ends_it_as_it_ends_others(arguments: list[str]) -> None:
    """`./parley … | head -1`: SIGPIPE, which a shell shows as 141, and not a word."""
    done = without_reader("-m", "deploy", *arguments)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


def test_work_that_must_not_end_half_way_goes_on_without_a_reader() -> None:
    """What a rollout or an installation says is not what it does."""
    code = "import sys; from deploy.effects.progress import say; say('one'); say('two'); sys.stderr.write('done')"
    done = without_reader("-c", code)
    assert (done.returncode, done.stderr) == (0, "done")


@pytest.mark.parametrize(
    ("redirected", "status", "said"),
    [
        (">&-", 0, ""),
        (">&- 2>&- <&-", 0, ""),
        ("--env x >&- 2>&-", 2, ""),
        (">/dev/full", 1, "parley: No space left on device\n"),
    ],
)
def test_streams_that_take_nothing(redirected: str, status: int, said: str) -> None:
    """Closed by the caller, or on a full disk: it does what it does, and no file of ours gets their numbers."""
    done = subprocess.run(
        ["sh", "-c", f"exec {shlex.quote(sys.executable)} -P -m deploy check {redirected}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "", said)


@pytest.mark.parametrize("arguments", WITH_A_FOLDER, ids=" ".join)
def test_a_path_that_is_not_utf_8_is_refused(
    arguments: list[str], tmp_path: Path, parley: Parley, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are rendered with it, and each of them is UTF-8; nothing is made."""
    monkeypatch.chdir(tmp_path)
    refused(parley([*arguments, NOT_TEXT]), r"'/tmp/\udcff' is not UTF-8")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["drain"], ["rollout", "--stack", "compose"], ["runbook", "show"], ["up"]])
def test_no_word_that_is_not_utf_8_is_taken(arguments: list[str], parley: Parley) -> None:
    """Whatever it is for."""
    refused(parley([*arguments, b"\xff"]), r"'\udcff' is not UTF-8")


def test_neither_is_a_variable_nor_the_folder_one_stands_in(
    tmp_path: Path, parley: Parley, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other ways in which a path gets in."""
    monkeypatch.setenv("PARLEY_DIR", os.fsdecode(NOT_TEXT))
    refused(parley(["doctor"]), r"'/tmp/\udcff' is not UTF-8")
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    monkeypatch.chdir(folder)
    refused(parley(["up", "--dir", "x"]), "is not UTF-8")


@pytest.mark.parametrize("word", ["inf", "nan", "-1", "1e400", "1e9", "", "ten"])
@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["doctor"], "--wait"),
        (["doctor"], "--idle"),
        (["watch"], "--every"),
        (["rollout", "--stack", "compose"], "--patience"),
        (["bench", "fanout"], "--seconds"),
        (["bench", "rooms"], "--seconds"),
        (["bench", "attack"], "--seconds"),
    ],
)
def test_a_time_that_never_ends_is_refused(arguments: list[str], option: str, word: str, parley: Parley) -> None:
    """Not waited for."""
    refused(parley([*arguments, option, word]), f"Invalid value for '{option}'")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["secret-key"], "Missing argument 'what'. Choose from: show, add, turn, drop"),
        (["secret-key", "nope", "--stack", "compose"], "'what': 'nope' is not one of 'show', 'add', 'turn', 'drop'"),
        (["rollback"], "Missing option '--stack' (env var: 'PARLEY_STACK'). Choose from: compose, systemd"),
        (["drain", "x", "--stack", "nope"], "'PARLEY_STACK'): 'nope' is not one of 'local', 'compose', 'systemd'"),
        (["bench"], "Missing command"),
        (["bench", "rooms", "--databases", ""], "no database is named: there are sqlite, postgresql"),
        (["bench", "idle", "--peers", ","], "no peer is named: there are "),
        (["bench", "attack", "--floods", "ping,rain"], "no flood 'rain': there are text, "),
        (["key-file", sys.executable, "show"], "is no file of keys"),
        (["check", "--site", "a\nb\x1b[1m"], "a b\\x1b[1m: No such file or directory"),
        (["check", "--site", "."], ".: Is a directory"),
        (["check", "--site", "parley.toml/x"], "parley.toml/x: Not a directory"),
        (["check", "--site", "~nobody-here/x"], "'~nobody-here/x': nobody here has such a home"),
        (["up", "--dir", "~nobody-here/x"], "'~nobody-here/x': nobody here has such a home"),
        (["up", "--dir", "x" * 5000], "File name too long"),
        (["drain", "web-1", "--dir", "parley.toml"], "no `./parley up` runs in"),
    ],
)
def test_what_took_several_lines_takes_one(arguments: list[str], said: str, parley: Parley) -> None:
    """And moves nobody's cursor."""
    refused(parley(arguments), said)


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor"],
        ["drain", "web-1"],
        ["metrics", "web-1"],
        ["pid", "up"],
        ["manage", "check"],
        ["drill", "run", "roll"],
        ["backup", "list"],
        ["backup", "create"],
    ],
    ids=" ".join,
)
def test_an_option_of_another_stack_is_refused(arguments: list[str], parley: Parley) -> None:
    """It would be taken for what it is not: --env for `up`, --dir for a server's stack."""
    command, *rest = arguments
    refused(parley([command, "--env", "compose", *rest] if command == "manage" else [*arguments, "--env", "compose"]),
            "--env compose is for the stacks compose and systemd: `up` takes [env.local]")  # fmt: skip
    own = ["--stack", "systemd", "--dir", "x"]
    refused(parley([command, *own, *rest] if command == "manage" else [*arguments, *own]),
            "--dir and PARLEY_DIR are for the local stack: systemd has its own folders")  # fmt: skip


def test_a_state_that_somebody_changed_is_one_line(tmp_path: Path, parley: Parley) -> None:
    """Every command beside `up` reads it."""
    layout = Layout(tmp_path)
    layout.make()
    with lock.held(layout, patience=1):
        layout.state.write_bytes(b"{\xff")
        for command in (["drain", "web-1"], ["pid", "up"], ["metrics", "web-1"]):
            refused(parley([*command, "--dir", str(tmp_path)]), "state.json is not what `up` wrote")


def test_help_of_a_rollout_does_not_promise_too_much(capsys: pytest.CaptureFixture[str]) -> None:
    """With an outage nothing serves for a while, and after a failure perhaps nothing at all."""
    assert run(app, ["rollout", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "A failure stops it, and the old release serves on. " in said
    assert "With --outage all instances stop first: sockets are closed, and after a failure nothing may serve." in said
