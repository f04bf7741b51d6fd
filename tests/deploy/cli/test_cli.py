"""Bad input: one line that names it, exit 2, and nothing half done."""

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.effects import procfs
from deploy.model import rules
from deploy.stacks import ports
from deploy.text.consistency import CONSISTENCY_RULES
from tests.checkout import ROOT
from tests.running import changed_checkout, free_port
from tests.waiting import PATIENCE


def parley(
    *arguments: str, cwd: Path = ROOT, path: str | None = None, root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run the command as the launcher does."""
    env = {**os.environ, "PYTHONPATH": str(root), "PATH": path or os.environ["PATH"]}
    command = [sys.executable, "-P", "-m", "deploy", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--port", "0"], "Invalid value for '--port'"),
        (["up", "--port", "many"], "Invalid value for '--port'"),
        (["up", "--instances", "65"], "Invalid value for '--instances'"),
        (["up", "--host", "https://a"], "site.hosts.0: 'https://a' is not a host name or address"),
        (["up", "--prot", "1"], "No such option: --prot"),
        (["up", "--prot", "1"], ". See `./parley up --help`\n"),
        (["up", "now"], "unexpected extra argument"),
        (["down"], "No such command 'down'. See `./parley --help`\n"),
        (["render"], "Missing command"),
        (["render", "nginx"], "Missing option '--out'"),
        (["drain"], "Missing argument 'instance'. See `./parley drain --help`\n"),
        (["drain", "web-1", "--dir", "nowhere"], "no `./parley up` runs in"),
        (["manage", "--dir", "nowhere", "check"], "run `./parley up` first"),
        (["manage", "--stack", "compose", "--dir", "x", "check"], "--dir and PARLEY_DIR are for the local stack"),
        (["up", "--dir", ""], "'PARLEY_DIR'): the name of a folder is empty"),
        (["drain", "web-1", "--dir", ""], "Invalid value for '--dir'"),
        (["render", "nginx", "--out", ""], "Invalid value for '--out'"),
        (["up", "--dir", "a;b"], "holds ';', which is not allowed in an nginx configuration"),
        (["render", "nginx", "--out", "parley.toml"], "parley.toml cannot be created"),
        (
            ["render", "nginx", "--out", "x", "--env", "compose", "--dir", "x"],
            "--dir and PARLEY_DIR are for the local stack",
        ),
        (["render", "nginx", "--out", "x", "--env", "staging"], "no environment is called 'staging'"),
        (["runbook", "run", "nowhere"], "no runbook nowhere: `./parley runbook list` prints them"),
        (["runbook", "run", "redis-down", "--only", "impact"], "Invalid value for '--only'"),
        (["doctor", "--only", "health"], "no check is called health: docs/doctor.md lists them"),
        (["pid", "redis", "--dir", "nowhere"], "no `./parley up` runs in"),
        (["check", "--site", "nowhere.toml"], "nowhere.toml: No such file or directory"),
        (["check", "--env", "staging"], "no environment is called 'staging': there are local, compose, systemd"),
    ],
)
def test_bad_input_is_one_line_and_two(arguments: list[str], said: str) -> None:
    """The line names what was wrong."""
    done = parley(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("parley: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_a_file_for_a_folder() -> None:
    """After the port, which is free."""
    test_bad_input_is_one_line_and_two(["up", "--port", str(free_port()), "--dir", "parley.toml"], "parley.toml")


def test_a_port_in_use_leaves_nothing(tmp_path: Path) -> None:
    """The folder is not even made."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = parley("up", "--port", str(port), "--dir", str(tmp_path / "stack"))
    holder = f"by process {os.getpid()}, {procfs.title(os.getpid())[: ports.LONGEST]}"
    line = f"parley: port {port} is in use on 127.0.0.1 {holder}: choose another\n"
    assert (done.returncode, done.stderr) == (2, line)
    assert list(tmp_path.iterdir()) == []


def test_without_nginx_the_wheels_own_is_taken(tmp_path: Path) -> None:
    """A machine with nothing but Python."""
    done = parley("render", "nginx", "--out", str(tmp_path), path="/nonexistent")
    assert done.returncode == 0, done.stderr
    assert "http2 on;" in (tmp_path / "server.conf").read_text()


@pytest.mark.parametrize("env", ["local", "compose", "systemd"])
def test_nginx_is_rendered_for_each_environment(tmp_path: Path, env: str) -> None:
    """As its stack has it."""
    done = parley("render", "nginx", "--out", str(tmp_path), "--env", env)
    assert done.returncode == 0, done.stderr
    assert ("resolve" in (tmp_path / "upstream.conf").read_text().split()) == (env == "compose")
    assert (tmp_path / "plain.conf").exists() == (env != "local")


def test_help_names_every_command() -> None:
    """No arguments are a question."""
    done = parley()
    assert done.returncode == 0
    for command in ("up", "dev", "test", "check", "render", "manage", "drain"):
        assert f"\n  {command} " in done.stdout


def test_help_of_the_tests_is_of_the_sets() -> None:
    """And not pytest's, in which they are lost; where that is, it says."""
    done = parley("test", "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: ./parley test ")
    assert {"--all:", "--release:", "pytest"} <= set(done.stdout.split())
    assert done.stdout.count("\n") < 20


def test_docker_that_is_not_there() -> None:
    """Is the thing to install."""
    done = parley("rollout", "--stack", "compose", path="/nonexistent")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "parley: docker-compose.prod.yml: docker is not installed, or not on PATH\n"


def test_check_names_every_rule() -> None:
    """And its numbers, one plain line to each where nobody looks, and ends well on the file in the checkout."""
    done = parley("check", "--env", "compose")
    assert done.returncode == 0, done.stderr
    for rule in rules.of("compose"):
        assert f"ok      {rule.id}: {rule.sentence}: " in done.stdout
    for one in CONSISTENCY_RULES:
        assert f"ok      {one.id}: {one.sentence}: " in done.stdout
    assert "memory-holds-sockets" not in parley("check").stdout


def test_check_judges_a_hosts_own_file(tmp_path: Path) -> None:
    """Before it is installed with."""
    own = tmp_path / "parley.toml"
    own.write_text("[app]\ninstances = 13\n[nginx]\nworkers = 13\n")
    done = parley("check", "--env", "systemd", "--site", str(own))
    assert done.returncode == 2
    assert done.stderr.startswith("parley: rule database-has-connections: 2 x app.instances x database.pool + 10 < ")
    assert done.stderr.endswith(": 166 < 100 is false\n")


def test_check_on_a_terminal_is_a_table(tmp_path: Path) -> None:
    """With a heading, and each rule's word in colour."""
    command = shlex.join([sys.executable, "-P", "-m", "deploy", "check"])
    done = subprocess.run(
        ["script", "--quiet", "--return", "--command", command, str(tmp_path / "typescript")],
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "160", "TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert "what must hold" in done.stdout
    assert "\x1b[32mok" in done.stdout
    assert "stop-times-add" in done.stdout


def test_a_broken_rule_is_in_the_table_and_the_line(tmp_path: Path) -> None:
    """All the others are judged too; what would be rendered from wrong numbers is not."""
    root = changed_checkout(tmp_path / "checkout", ("parley.toml", "close_seconds = 2", "close_seconds = 9"))
    done = parley("check", cwd=root, root=root)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("parley: rule stop-times-add: ")
    assert done.stderr.endswith(": 19 <= 12 is false\n")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("broken")] == [
        "stop-times-add:",
        "reload-outlasts-drain:",
    ]
    assert "three-pings" not in done.stdout


def test_interrupted_while_it_loads() -> None:
    """Ctrl-C before the command has begun ends it without a traceback."""
    code = """
import runpy, sys

class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == "deploy.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
runpy.run_module("deploy", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
