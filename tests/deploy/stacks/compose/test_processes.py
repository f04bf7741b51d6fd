"""The containers of processes while others take their place, with the engine's part recorded: what is left, and why."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import StackError
from deploy.model.config import load
from deploy.stacks.compose import processes
from deploy.stacks.compose.processes import HELD, ON_TRIAL, STAYS, Processes
from deploy.stacks.compose.project import Project
from tests.foreign import TOML, copied

RUN = """
[project.processes]
alone = {run = "manage.py beat", single = true}
many = {run = "celery"}
"""


class Engine:
    """Keeps containers as Docker does, as far as `docker` is asked here; `fails` is a command that is interrupted."""

    def __init__(self, *containers: dict[str, Any]) -> None:
        self.containers = {one["Id"]: one for one in containers}
        self.did: list[str] = []
        self.fails: tuple[str, BaseException] | None = None
        self.dies: set[str] = set()  # services that cannot start

    def docker(self, verb: str, *arguments: str) -> str:
        """Do what a command does to containers."""
        ids = [one for one in arguments if not one.startswith("--")]
        assert ids, f"docker {verb} takes one at least"
        self.did.append(f"{verb} {' '.join(ids)}")
        if self.fails and self.fails[0] == verb:
            raise self.fails[1]
        for one in ids:
            found = self.containers[one]
            if verb == "update":
                found["HostConfig"]["RestartPolicy"]["Name"] = arguments[0].removeprefix("--restart=")
            elif verb == "rm":
                assert not found["State"]["Running"]
                del self.containers[one]
            else:
                found["State"]["Running"] = verb == "start" and not (self.of(found) in self.dies and "new" in one)
        return ""

    def inspect(self, *ids: str) -> list[dict[str, Any]]:
        """Give copies, as a program's output is."""
        return [copy(self.containers[one]) for one in ids]

    def of_project(self, _: str) -> list[dict[str, Any]]:
        """Give all."""
        if self.fails and self.fails[0] == "inspect":
            raise self.fails[1]
        return self.inspect(*self.containers)

    def compose(self, *arguments: str) -> str:
        """Make as many as the scale says."""
        for one in arguments:
            if one.startswith("--scale="):
                service, _, number = one.removeprefix("--scale=").partition("=")
                there = [found for found in self.containers.values() if self.of(found) == service]
                for more in range(int(number) - len(there)):
                    made = container(f"new-{service}-{more}", service, running=False)
                    self.containers[made["Id"]] = made
        return ""

    def host_restarts(self) -> None:
        """Start what the restart policies say, as Docker does when it starts; those that were stopped are not."""
        for one in self.containers.values():
            was, policy = one["State"]["Running"], one["HostConfig"]["RestartPolicy"]["Name"]
            one["State"]["Running"] = policy == HELD or (was and policy == STAYS)

    def of(self, one: dict[str, Any]) -> str:
        """Name its service."""
        return str(one["Config"]["Labels"]["com.docker.compose.service"])

    @property
    def running(self) -> set[str]:
        """Name those that run and will be started again when they end."""
        return {
            name
            for name, one in self.containers.items()
            if one["State"]["Running"] and one["HostConfig"]["RestartPolicy"]["Name"] == STAYS
        }


def copy(one: dict[str, Any]) -> dict[str, Any]:
    """Copy what the tests change."""
    return {**one, "State": {**one["State"]}, "HostConfig": {"RestartPolicy": {**one["HostConfig"]["RestartPolicy"]}}}


def container(name: str, service: str, *, running: bool = True, policy: str = STAYS) -> dict[str, Any]:
    """Give one as `docker inspect` does."""
    return {
        "Id": name,
        "Name": f"/{name}",
        "Config": {"Labels": {"com.docker.compose.service": service}},
        "HostConfig": {"RestartPolicy": {"Name": policy}},
        "State": {"Running": running, "ExitCode": 2},
    }


ALONE, MANY = container("alone", "process-alone"), container("many", "process-many")
NEW = {"new-process-alone-0", "new-process-many-0"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Engine, Processes]:
    """A site with both, which run."""
    engine = Engine(copy(ALONE), copy(MANY))
    for name in ("docker", "inspect", "of_project"):
        monkeypatch.setattr(processes, name, getattr(engine, name))
    monkeypatch.setattr(processes, "last_lines", lambda _: "no such option\n")
    monkeypatch.setattr(processes, "ALIVE_SECONDS", 0.02)
    monkeypatch.setattr(processes, "POLL", 0.005)
    project = copied("tutorial", tmp_path / "project")
    (project / "parley.toml").write_text(TOML + RUN)
    monkeypatch.setattr(Project, "compose", lambda _, *arguments: engine.compose(*arguments))
    return engine, fresh(tmp_path)


def fresh(folder: Path) -> Processes:
    """Give what the next command has."""
    site = Project("tutorial", "tutorial", "tutorial:current", 8443, "tutorial_front", {}, folder)
    return Processes(site, load(env="compose", project=folder / "project"))


def test_new_ones_take_their_place(site: tuple[Engine, Processes]) -> None:
    """Those of before stay stopped until nobody goes back any more."""
    engine, found = site
    found.renew(nullcontext())
    assert engine.running == NEW
    found.forget()
    assert set(engine.containers) == engine.running == NEW


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StackError("the engine is away")])
@pytest.mark.parametrize("verb", ["inspect", "update", "stop", "start"])
def test_an_interruption_leaves_those_of_before(site: tuple[Engine, Processes], verb: str, error: Exception) -> None:
    """Wherever it comes, also before anybody has looked at what there is."""
    engine, found = site
    engine.fails = verb, error
    with pytest.raises(type(error)):
        found.renew(nullcontext())
    engine.fails = None
    found.put_back()
    assert set(engine.containers) == engine.running == {"alone", "many"}


def test_one_that_dies_has_those_of_before_run(site: tuple[Engine, Processes]) -> None:
    """And names them."""
    engine, found = site
    engine.dies = {"process-many"}
    with pytest.raises(StackError, match=r"^process-many ended at once with exit status 2: no such option$"):
        found.renew(nullcontext())
    assert found.put_back() == ["process-alone", "process-many"]
    assert set(engine.containers) == engine.running == {"alone", "many"}


def test_what_an_outage_stopped_is_kept_until_the_new_ones_stay(site: tuple[Engine, Processes], tmp_path: Path) -> None:
    """It is all there is; it does not run again by itself."""
    engine, found = site
    engine.docker("stop", "alone", "many")
    engine.dies = {"process-many"}
    with pytest.raises(StackError, match="process-many ended"):
        found.renew(nullcontext())
    assert found.put_back() == []
    assert (set(engine.containers), engine.running) == ({"alone", "many"}, set())
    engine.dies = set()
    found = fresh(tmp_path)
    found.renew(nullcontext())
    found.forget()
    assert set(engine.containers) == engine.running == NEW


def test_after_an_outage_one_that_dies_stays_and_is_started_again(site: tuple[Engine, Processes]) -> None:
    """There is nothing to go back to: `finish` starts it, and Docker whenever it ends."""
    engine, found = site
    engine.docker("stop", "alone", "many")
    engine.dies = {"process-many"}
    with pytest.raises(StackError, match="process-many ended"):
        found.renew(nullcontext())
    found.forget()
    assert set(engine.containers) == NEW
    assert {one["HostConfig"]["RestartPolicy"]["Name"] for one in engine.containers.values()} == {STAYS}


def test_what_is_stopped_of_one_that_is_no_more_goes(site: tuple[Engine, Processes]) -> None:
    """An outage stopped it, and parley.toml has dropped it."""
    engine, found = site
    engine.docker("stop", "alone", "many")
    found._wanted = {}
    found.renew(nullcontext())
    found.forget()
    assert not engine.containers


def killed_on_trial(engine: Engine, found: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what `kill -9` leaves while the new ones are looked at."""

    def killed(_: Processes) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(Processes, "_require_alive", killed)
        with pytest.raises(SystemExit):
            found.renew(nullcontext())
    assert {name for name, one in engine.containers.items() if one["State"]["Running"]} == {*NEW, "many"}


def test_a_host_that_restarts_during_the_trial_has_those_of_before(
    site: tuple[Engine, Processes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has said yet that the new ones work; a single one is not there twice."""
    engine, found = site
    killed_on_trial(engine, found, monkeypatch)
    engine.host_restarts()
    assert {name for name, one in engine.containers.items() if one["State"]["Running"]} == {"alone", "many"}


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
def test_the_next_one_cleans_up_after_one_that_was_killed(
    site: tuple[Engine, Processes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, dies: bool, restarted: bool
) -> None:
    """Whether it works or not, each runs once, and is started again when it ends."""
    engine, found = site
    killed_on_trial(engine, found, monkeypatch)
    if restarted:
        engine.host_restarts()
    found = fresh(tmp_path)
    if dies:
        engine.dies = {"process-alone"}
        with pytest.raises(StackError, match="process-alone ended"):
            found.renew(nullcontext())
        found.put_back()
        assert set(engine.containers) == engine.running == {"alone", "many"}
    else:
        found.renew(nullcontext())
        found.forget()
        assert set(engine.containers) == engine.running == NEW


def test_what_is_held_is_let_go_with_the_trial(site: tuple[Engine, Processes]) -> None:
    """Else a host that restarts later would start both."""
    engine, found = site
    found.renew(nullcontext())
    policies = {one["HostConfig"]["RestartPolicy"]["Name"] for one in engine.containers.values()}
    assert policies == {STAYS}
    assert ON_TRIAL not in policies
    engine.host_restarts()
    assert engine.running == NEW
