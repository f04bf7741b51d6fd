"""The doctor names exactly what is broken: one row for each check, against the running stack of `./parley up`."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.model.capacity import declared
from deploy.model.config import load
from deploy.operations.doctor import local
from deploy.operations.doctor.checks import model
from deploy.operations.doctor.examine import broken, examine
from deploy.operations.doctor.target import Target
from tests.checkout import ROOT
from tests.deploy.operations.doctor.applies import left_out
from tests.deploy.operations.doctor.breaks import BREAKS, Break
from tests.deploy.operations.doctor.testhost import HostUnderTest
from tests.proxies import PROXIES
from tests.running import running_stack
from tests.sets import marked
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack

# Where a proxy is that is gone: nothing that the doctor asks is asked through it.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)} | PROXIES


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostUnderTest]:
    """A stack of our own: a row that fails to mend it spoils no other test."""
    with running_stack(tmp_path_factory.mktemp("host")) as stack:
        host = HostUnderTest(stack, local.target(stack.directory).ticket)
        host.until_ready()
        yield host


@pytest.mark.short
def test_a_healthy_stack_has_nothing(host: HostUnderTest) -> None:
    """With everything that can be asked for; what is not looked at is for other stacks."""
    verdicts = host.examined(idle=4, forge=True)
    assert broken(verdicts) == []
    reasons = {one.check.id: one.evidence for one in verdicts if one.word == "not applicable"}
    others = ("open-files-known", "memory-holds-sockets", "database-has-connections")
    assert reasons == {
        **dict.fromkeys(others, "the rule is for compose and systemd"),
        "beside-it-runs": "`up` runs nothing beside nginx, the instances and Redis",
        "sandbox-refuses-nothing": "the reference chat has nothing of that kind",
        "kill-after-graceful": "`up` does not show its stop timeout",
        "visitors-keep-their-addresses": "nginx is in no container: it has this machine's own network",
    }
    assert list(reasons) == left_out("local")


@pytest.mark.parametrize(
    "name",
    marked(
        pytest.mark.short,
        [name for name, row in BREAKS.items() if not (row.host or row.on_compose)],
        "certificate-is-the-files",
    ),
)
def test_what_is_broken_is_named_and_nothing_else(name: str, host: HostUnderTest, tmp_path: Path) -> None:
    """A row of the matrix; and the stack is well again after it, or the next row says so."""
    row = BREAKS[name]
    with row.do(host, tmp_path):
        assert sorted(examined(row, name, host, tmp_path)) == sorted([name, *row.also])


def examined(row: Break, name: str, host: HostUnderTest, tmp_path: Path) -> list[str]:
    """Give what the doctor finds broken."""
    changes = row.changes(host) if callable(row.changes) else row.changes
    if row.model:
        config = load(changes, env=row.model)
        return broken(asyncio.run(examine(Target(row.model, config, declared(config)), model.CHECKS)))
    if name == "stack-runs":
        return broken(asyncio.run(examine(local.target(tmp_path))))
    return broken(host.examined(changes, **row.options))


def command(*arguments: str) -> list[str]:
    """Write the command line without the launcher."""
    return [sys.executable, "-P", "-m", "deploy", "doctor", *arguments]


def parley(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it."""
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_the_command_says_what_to_do(host: HostUnderTest, tmp_path: Path) -> None:
    """Exit 0 and 1; JSON has what a person reads."""
    done = parley("--dir", str(host.stack.directory), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert [one["id"] for one in said] == list(BREAKS)
    assert {one["verdict"] for one in said} == {"ok", "not applicable"}
    done = parley("--dir", str(tmp_path))
    assert (done.returncode, done.stderr) == (1, "")
    at = next(number for number, line in enumerate(done.stdout.splitlines()) if line.startswith("BROKEN"))
    finding, fix, page = done.stdout.splitlines()[at : at + 3]
    assert finding.split(maxsplit=2)[1:] == ["stack-runs", f"no `./parley up` runs in {tmp_path}"]
    assert fix.strip().startswith("start it: `./parley up`")
    assert (ROOT / page.split()[1]).exists()
    assert done.stdout.splitlines()[-1].endswith(" not applicable: stack-runs")


def test_one_check_is_asked_for_and_waited_for(host: HostUnderTest) -> None:
    """Nothing else is looked at; what becomes well meanwhile is not said to be broken."""
    (worker,) = host.stack.instances[0].workers()
    os.kill(worker, signal.SIGSTOP)
    try:
        watched = subprocess.Popen(
            command("--dir", str(host.stack.directory), "--only", "instances-are-ready", "--wait", "60"),
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )
        done = parley("--dir", str(host.stack.directory), "--only", "instances-are-ready")
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == "0 ok, 1 broken, 0 not applicable: instances-are-ready"
        assert watched.poll() is None
    finally:
        with contextlib.suppress(ProcessLookupError):  # on a busy machine gunicorn's timeout comes before
            os.kill(worker, signal.SIGCONT)
    output, _ = watched.communicate(timeout=PATIENCE)
    assert watched.returncode == 0
    assert output.splitlines()[-1] == "1 ok, 0 broken, 0 not applicable"
