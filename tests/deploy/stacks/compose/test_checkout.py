"""Whose a site's name is: the network says it, or under sudo the folder that Compose writes on each container."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli.runbook import runbook
from deploy.effects import commands
from deploy.errors import BadInputError
from deploy.model.config import load
from deploy.stacks.compose import checkout, project
from deploy.stacks.compose.project import Project
from deploy.text.compose.file import compose_file

ADVICE = "set PARLEY_CHECKOUT (this site moved) or PARLEY_NAME (another site): docs/deploying.md"
SUDO = {"SUDO_COMMAND": "/srv/here/parley rollout --stack compose"}
Host = Callable[..., Project]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkout's folder; `other` beside it is another one."""
    root = tmp_path / "here"
    for folder in (root, tmp_path / "other"):
        folder.mkdir()
    (tmp_path / "link").symlink_to(root)
    monkeypatch.setattr(checkout, "ROOT", root)
    return root


@pytest.fixture
def host(here: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """An engine with this network and these containers, as Compose and Docker answer."""

    def opened(variables: Mapping[str, str], owner: str = "", folders: Sequence[Path] = ()) -> Project:
        def config(_: Sequence[str], *, env: Mapping[str, str], **__: object) -> str:
            # As Compose puts ${PARLEY_CHECKOUT:-${PWD:-port N}} in.
            whose = env.get("PARLEY_CHECKOUT") or env.get("PWD") or "port 8443"
            return json.dumps(_found(whose, env.get("PARLEY_CHECKOUT", "")))

        def docker(*words: str) -> str:
            assert "--filter=label=com.docker.compose.project=chat" in words
            networks = [_network(owner)] if owner else []
            return "\n".join(networks if words[0] == "network" else map(str, folders))

        monkeypatch.setattr(commands, "output", config)
        monkeypatch.setattr(checkout, "docker", docker)
        return Project.here(variables)

    return opened


def _network(owner: str) -> str:
    return f"chat of {owner} - taken? {ADVICE}"


def _found(owner: str, said: str) -> dict[str, Any]:
    return {
        "name": "chat",
        "x-checkout": said,
        "networks": {"front": {"name": "chat_front"}, "checkout": {"name": _network(owner)}},
        "services": {
            "web": {"environment": {"PARLEY_NAME": "chat"}, "image": "chat:current", "deploy": {"replicas": 2}},
            "setup": {"environment": {}},
            "edge": {"ports": [{"target": 8443, "published": "8443"}, {"target": 8080, "published": "8080"}]},
        },
    }


def handed(found: Project) -> str:
    """Give what every `docker compose` of ours is told."""
    return found.variables["PARLEY_CHECKOUT"]


def refused(host: Host, *given: Any) -> str:
    """Give the line."""
    with pytest.raises(BadInputError) as error:
        host(*given)
    return str(error.value)


@pytest.mark.parametrize("variables", [{}, SUDO], ids=["a shell", "sudo"])
@pytest.mark.parametrize("owner", ["port 8443", ""], ids=["the same port", "no network yet"])
def test_another_clones_containers_are_not_ours(host: Host, here: Path, variables: dict[str, str], owner: str) -> None:
    """Under sudo each clone asks for the same network, and a site of before this release has none."""
    other = here.with_name("other")
    line = f"the name chat belongs to {other}: {ADVICE}"
    assert refused(host, {"PWD": str(here), **variables}, owner, [here, other]) == line
    assert handed(host({"PWD": str(here), **variables, "PARLEY_CHECKOUT": "port 8443"}, owner, [other])) == "port 8443"


def test_a_folder_that_another_user_has_is_not_gone(host: Host, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not look into it does not take its site over."""

    def samefile(self: Path, other: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self), None, str(other))

    monkeypatch.setattr(Path, "samefile", samefile)
    assert refused(host, SUDO, "port 8443", ["/root/chat"]).startswith("the name chat belongs to /root/chat: ")


@pytest.mark.parametrize("variables", [{}, SUDO], ids=["a shell", "sudo"])
def test_our_own_network_is_handed_on_in_its_words(host: Host, here: Path, variables: dict[str, str]) -> None:
    """Whoever made it, with sudo or without: no `docker compose` of ours asks for a second one."""
    variables = {"PWD": str(here), **variables}
    gone = here.with_name("gone")
    assert handed(host(variables, "port 8443", [here, gone])) == "port 8443"
    assert handed(host(variables, str(here), [here])) == str(here)
    assert handed(host(variables, str(here.with_name("link")), [here])) == str(here.with_name("link"))
    assert handed(host(variables, "port 443", [here])) == "port 443", "PARLEY_PORT is another now"


def test_where_there_is_no_network_yet_the_first_one_is_the_operators(host: Host, here: Path) -> None:
    """It is called as the operator's own `docker compose` does; under sudo without PWD, though sh exports one."""
    link = str(here.with_name("link"))
    assert handed(host({"PWD": link})) == link
    assert handed(host({"PWD": "/"})) == str(here), "another folder's shell"
    assert handed(host({})) == "port 8443"
    assert handed(host({"PWD": str(here), **SUDO})) == "port 8443"
    assert handed(host({"PWD": str(here), "SUDO_COMMAND": "/bin/bash"})) == str(here), "a root's shell has one"


def test_another_folders_network_is_refused(host: Host, here: Path) -> None:
    """In words that do not have the operator of a site that moved start an empty one; he says whose it is."""
    old = str(here.with_name("old"))
    assert refused(host, {"PWD": str(here)}, old, []) == f"the name chat belongs to {old}: {ADVICE}"
    assert refused(host, {"PWD": str(here)}, "port 443", []) == f"the name chat belongs to port 443: {ADVICE}"
    assert handed(host({"PWD": str(here), "PARLEY_CHECKOUT": old}, old, [Path(old)])) == old


def test_a_runbooks_commands_have_it_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """bash exports PWD to them: with a network made under sudo, each was refused, restore half-way."""
    seen: dict[str, str] = {}

    def page_run(_: object, __: object, ___: object, env: Mapping[str, str], *____: object, **_____: object) -> None:
        seen.update(env)

    monkeypatch.setattr("deploy.cli.runbook.road.run", page_run)
    monkeypatch.setattr(
        Project,
        "here",
        lambda env, _: project.Project("chat", "chat", "chat:1", 8443, "f", {**env, "PARLEY_CHECKOUT": "port 8443"}),
    )
    done = CliRunner().invoke(runbook, ["run", "restore", "--stack", "compose"], env={"BACKUP": "one"})
    assert done.exit_code == 0, done.output
    assert (seen["PARLEY_CHECKOUT"], seen["BACKUP"]) == ("port 8443", "one")
    seen.clear()
    CliRunner().invoke(runbook, ["run", "restore", "--stack", "systemd"])
    assert seen
    assert "PARLEY_CHECKOUT" not in seen


def test_the_file_says_the_same_words() -> None:
    """In the network's name, which is all that Docker's refusal shows."""
    text = compose_file(load(env="compose"))
    assert f" - taken? {checkout.ADVICE}" in text
    assert checkout.ADVICE == ADVICE
    assert f'{checkout.KEY}: "${{PARLEY_CHECKOUT:-}}"' in text
