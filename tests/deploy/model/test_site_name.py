"""One name for all that a host has of a site; nothing fixed is left in what is rendered for another one."""

import os
import re
from pathlib import Path

import pytest
import yaml

from deploy.effects import commands
from deploy.errors import BadInputError, StackError
from deploy.model.capacity import declared
from deploy.model.config import load
from deploy.model.hosts import MOST_OF_A_SITE, site
from deploy.stacks.stack import Instance
from deploy.stacks.systemd import configure, host, systemctl
from deploy.stacks.systemd.stack import SystemdStack
from deploy.text.compose.file import compose_file
from deploy.text.systemd import places, whose
from deploy.text.systemd import site as systemd
from deploy.text.systemd.places import Places

# What says `parley` and is no name on a host: the command, its file, its variables, nginx's words inside one process.
WORDS = re.compile(
    r"\./parley|`parley \w+`|parley\.toml|parley_serving|"
    r"upstream parley|http://parley;|zone parley|(log_format|\") parley"
)


@pytest.mark.parametrize("name", ["parley", "a", "chat-2", "x" * MOST_OF_A_SITE])
def test_a_name_that_every_tier_takes(name: str) -> None:
    """It comes back as it is."""
    assert site(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "2a", "Chat", "a_b", "a.b", "a b", "a\n", "é", "../x", "x" * 16])
def test_a_name_that_one_does_not_take_is_refused(name: str) -> None:
    """The line says what was typed, and what may be."""
    with pytest.raises(ValueError, match="is not a site's name: at most 15 of") as caught:
        site(name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["parley-backup", "parley-nginx", "parley-web", "parley-staging", "parley2", "parleys"]
)
def test_a_name_that_begins_like_the_first_sites_is_refused(name: str) -> None:
    """Its units would be called as some of `parley`, and a rollback to a release without names removes `parley*`."""
    with pytest.raises(BadInputError, match=f"^site\\.name: '{name}' is not a site's name: a release of parley would"):
        load({"site": {"name": name}})


def test_a_wrong_key_and_a_wrong_variable_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every bad input is."""
    with pytest.raises(BadInputError, match=r"^site\.name: 'Chat' is not a site's name"):
        load({"site": {"name": "Chat"}})
    monkeypatch.setenv("PARLEY_NAME", "Chat")
    with pytest.raises(BadInputError, match=r"^PARLEY_NAME: 'Chat' is not a site's name"):
        whose.here()


def test_nothing_of_another_site_is_in_a_named_ones_units_and_files() -> None:
    """Units, folders, users, sockets, nginx's files: not one word of the default name is left."""
    config = load({"site": {"name": "staging"}, "app": {"metrics_port": 9001}}, env="systemd")
    size, programs = declared(config), systemd.Programs()
    texts = {
        **systemd.units(config, size, programs),
        **systemd.release_files(config, size, programs, "0"),
        **{str(path): text for path, text in systemd.secrets(config).items()},
    }
    assert {"staging.target", "staging-web@.service", "/etc/staging/secrets/layer_url"} <= texts.keys()
    assert all(text.startswith(host.RENDERED.decode()) for text in systemd.units(config, size, programs).values())
    for name, text in texts.items():
        assert "parley" not in name
        assert [line for line in text.splitlines() if "parley" in WORDS.sub("", line)] == [], name


def test_compose_names_everything_by_the_project() -> None:
    """The image too; nothing has a name of its own but the network that says whose the name is."""
    found = yaml.safe_load(compose_file(load({"site": {"name": "staging"}}, env="compose")))
    assert found["name"] == "${PARLEY_NAME:-staging}"
    assert {one["image"] for one in found["services"].values() if "PARLEY_IMAGE" in one["image"]} == {
        "${PARLEY_IMAGE:-${COMPOSE_PROJECT_NAME}:current}"
    }
    assert not any("container_name" in one for one in found["services"].values())
    assert not any(found["volumes"].values())
    assert [name for name, one in found["networks"].items() if "name" in one] == ["checkout"]
    interface = found["networks"]["checkout"]["driver_opts"]["com.docker.network.bridge.name"]
    assert interface == found["services"]["web"]["environment"]["PARLEY_NAME"], "the lock on the name"
    using = [name for name, one in found["services"].items() if "checkout" in one.get("networks", ())]
    assert using == ["setup", "cleanup"], "before all others, and as long as the site runs"


def test_units_of_a_site_named_alike_are_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`chat` and `chat-web` have units whose names begin alike: uninstalling the one leaves the other."""
    monkeypatch.setattr(places, "UNITS", tmp_path)
    here = {"chat.target", "chat-web@.service", "chat-nginx.service", "chat-of-a-newer-release.timer"}
    alike = {"chat-web.target", "chat-web-web@.service", "chat-web-nginx.service"}
    for name in (*here, *alike, "chatter.target", "chatter-nginx.service"):
        (tmp_path / name).write_text("# Rendered by `parley install` and `parley rollout`: …\n")
    (tmp_path / "chat-exporter.service").write_text("# The operator's own.\n")
    assert set(host.units(Places("chat"))) == here
    assert set(host.units(Places("chat-web"))) == alike


def test_a_release_that_is_installed_belongs_to_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its parley.toml and the shell say: it may come from any checkout."""
    monkeypatch.setattr(places, "ALL_SITES", tmp_path)
    monkeypatch.setattr(whose, "ROOT", tmp_path / "staging" / "releases" / "0.1.0-12345678")
    monkeypatch.setenv("PARLEY_NAME", "other")
    (tmp_path / "staging" / "releases").mkdir(parents=True)
    assert whose.here() == Places("staging")
    monkeypatch.setattr(whose, "ROOT", tmp_path / "checkout")
    assert whose.here() == Places("other")
    monkeypatch.delenv("PARLEY_NAME")
    assert whose.here() == Places("parley")


def test_a_sites_own_file_does_not_rename_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folders have the name already."""
    monkeypatch.setattr(Places, "etc", property(lambda self: tmp_path / self.name))
    (tmp_path / "staging").mkdir()
    toml = tmp_path / "staging" / "parley.toml"
    toml.write_text('[site]\nport = 9443\nname = "staging"\n')
    config = configure.read(Places("staging"), "systemd", None)
    assert (config.site.name, config.site.port) == ("staging", 9443)
    toml.write_text('[site]\nname = "other"\n')
    with pytest.raises(BadInputError, match=r"staging/parley\.toml: site\.name: this is the file of staging"):
        configure.read(Places("staging"), "systemd", None)


@pytest.mark.parametrize(("name", "tag"), [("parley", ""), ("staging", "staging_nginx"), ("a-2", "a_2_nginx")])
def test_two_sites_have_two_tags_in_the_journal(name: str, tag: str) -> None:
    """nginx's own for the default name, as before; nginx takes letters, digits and _ in one."""
    config = load({"site": {"name": name}}, env="systemd")
    files = systemd.release_files(config, declared(config), systemd.Programs(), "0")
    logs = re.findall(r"syslog:server=unix:/dev/log,nohostname(?:,tag=(\w+))?[\" ]", "".join(files.values()))
    assert logs == [tag]


@pytest.mark.parametrize("linked", ["", "releases"])
def test_a_site_whose_folder_is_on_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: str) -> None:
    """/opt/staging is a link, or its releases are: the code knows its own place without links, and its site still."""
    release = tmp_path / "disk" / "releases" / "0.1.0-12345678"
    release.mkdir(parents=True)
    (tmp_path / "opt" / "parley" / "releases").mkdir(parents=True)
    link = tmp_path / "opt" / "staging" / linked
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "disk" / linked)
    monkeypatch.setattr(places, "ALL_SITES", tmp_path / "opt")
    monkeypatch.setattr(whose, "ROOT", release.resolve())
    monkeypatch.delenv("PARLEY_NAME", raising=False)
    assert whose.here() == Places("staging")


def test_what_an_instance_runs_is_known_there_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its process's folder, which has no links in it."""
    for name in ("old", "new"):
        (tmp_path / "disk" / "releases" / name / "app").mkdir(parents=True)
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt" / "staging").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "instances").mkdir()
    (tmp_path / "disk" / "instances" / "1").symlink_to(tmp_path / "opt" / "staging" / "releases" / "new")
    monkeypatch.setattr(places, "ALL_SITES", tmp_path / "opt")
    monkeypatch.setattr(systemctl, "pid", lambda _: os.getpid())
    monkeypatch.chdir(tmp_path / "disk" / "releases" / "old" / "app")
    stack = SystemdStack(load({"site": {"name": "staging"}}, env="systemd"))
    assert list(stack.instances()) == [Instance("web-1", "old")]


def test_what_runs_by_itself_is_told_its_site() -> None:
    """The daily backup and clean-up: whichever way leads to their folder."""
    config = load({"site": {"name": "staging"}}, env="systemd")
    units = systemd.units(config, declared(config), systemd.Programs())
    assert re.search(r"^Environment=.* PARLEY_NAME=staging$", units["staging-backup.service"], re.MULTILINE)
    files = systemd.release_files(config, declared(config), systemd.Programs(), "0")
    assert "EnvironmentFile=/opt/staging/current/etc/app.env\n" in units["staging-cleanup.service"]
    assert 'PARLEY_NAME="staging"\n' in files["app.env"]


def test_a_release_that_renders_is_told_its_site(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollout asks the next release's own code, whatever the shell says."""
    said: list[str] = []

    def output(*_: object, env: dict[str, str], **__: object) -> str:
        said.append(env["PARLEY_NAME"])
        raise StackError("enough")

    monkeypatch.setattr(commands, "output", output)
    monkeypatch.setenv("PARLEY_NAME", "other")
    with pytest.raises(StackError, match="enough"):
        SystemdStack(load({"site": {"name": "staging"}}, env="systemd")).check("0.1.0-12345678")
    assert said == ["staging"]
