"""A site's name on a host under systemd: taken by what is there, and nothing but a site's own is ever removed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.errors import BadInputError, StackError
from deploy.model.config import Config, load
from deploy.stacks.systemd import host, names, systemctl
from deploy.stacks.systemd import uninstall as uninstalling
from deploy.text.systemd import places, whose
from deploy.text.systemd.places import Places


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host without anything."""
    for name, path in (("ALL_SITES", "opt"), ("ETC", "etc"), ("VAR", "var"), ("RUN", "run")):
        (tmp_path / path).mkdir()
        monkeypatch.setattr(places, name, tmp_path / path)
    units = tuple(tmp_path / name for name in ("units", "boot", "local", "usr", "lib"))
    for folder in units:
        folder.mkdir()
    monkeypatch.setattr(places, "UNITS", units[0])
    monkeypatch.setattr(places, "UNIT_FOLDERS", units)
    monkeypatch.setattr(systemctl, "active", lambda _: False)
    return tmp_path


def written(path: Path, text: str = "") -> Path:
    """Make a file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def site(root: Path, name: str) -> None:
    """Make what says that a site is installed."""
    written(root / "etc" / name / "env", "systemd\n")
    written(root / "etc" / name / "parley.toml")


def configured(name: str) -> Config:
    """Give the model of a site of this name."""
    return load({"site": {"name": name}}, env="systemd")


def refusal(name: str) -> str:
    """Give the line with which a new site of this name is refused."""
    with pytest.raises(BadInputError) as caught:
        names.require(Places(name), configured(name))
    return str(caught.value)


def test_a_name_that_nobody_has_is_free(root: Path) -> None:
    """Also beside another site, whose name begins with the same letters."""
    site(root, "chat")
    names.require(Places("chatter"), configured("chatter"))
    names.require(Places("parley"), configured("parley"))


@pytest.mark.parametrize(("there", "new"), [("chat", "chat-web"), ("chat-web", "chat"), ("chat", "chat-of-them")])
def test_two_names_of_which_one_goes_on_with_a_hyphen(root: Path, there: str, new: str) -> None:
    """A unit of `chat-web` may be called as one of `chat` is: whichever came first, the other one is refused."""
    site(root, there)
    assert refusal(new) == (
        f"the name {new} is taken: units of the site {there} begin alike; choose another site.name in parley.toml"
    )
    names.require(Places(there), configured(there))


@pytest.mark.parametrize("folder", ["units", "boot", "local", "usr", "lib"])
@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("basic.target", "basic"),
        ("sockets.target", "sockets"),
        ("rescue.service", "rescue"),
        ("redis-server.service", "redis"),
        ("postgresql@.service", "postgresql"),
        ("books-web@.service", "books"),
        ("books-nginx.service", "books"),
        ("books-exporter.timer", "books"),
    ],
)
def test_a_name_that_units_of_the_host_have_is_taken(
    root: Path, monkeypatch: pytest.MonkeyPatch, folder: str, unit: str, name: str
) -> None:
    """Targets and templates too, in each folder that systemd reads; whatever users this machine has."""
    monkeypatch.setattr(names, "account", lambda _: None)
    path = written(root / folder / unit)
    assert refusal(name) == (
        f"the name {name} is taken: {path} is not Parley's; choose another site.name in parley.toml"
    )


@pytest.mark.parametrize("account", [("/home/books", "books"), ("/nonexistent", "users"), ("/nonexistent", "")])
def test_a_users_name_is_taken(root: Path, monkeypatch: pytest.MonkeyPatch, account: tuple[str, str]) -> None:
    """With a home or another group; the one that an installation made before it ended early has neither."""
    monkeypatch.setattr(names, "account", lambda _: account)
    assert "the user books is not Parley's" in refusal("books")
    monkeypatch.setattr(names, "account", lambda name: ("/nonexistent", name))
    names.require(Places("books"), configured("books"))


def test_a_unit_that_is_switched_off_is_one_too(root: Path) -> None:
    """`systemctl mask` leaves a link; a folder of settings for a unit to come is the operator's, for us."""
    (root / "units" / "books-web@1.service.d").mkdir()
    names.require(Places("books"), configured("books"))
    (root / "units" / "books.service").symlink_to("/dev/null")
    assert "units/books.service is not Parley's" in refusal("books")


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("etc/books/env", "SECRET=1\n", "etc/books"),
        ("etc/books/env", "one\ntwo\n", "etc/books"),
        ("etc/books/books.conf", "", "etc/books"),
        ("opt/books/releases/20261127150000/app.rb", "", "opt/books"),
        ("opt/books/current", "", "opt/books"),
        ("var/books/shelf", "", "var/books"),
        ("run/books/pid", "", "run/books"),
    ],
)
def test_what_is_somebodys_is_not_installed_over(root: Path, path: str, text: str, what: str) -> None:
    """A file `env` of variables, releases of another program; also beside a parley.toml for a site to come."""
    written(root / path, text)
    assert f"{root / what} is not Parley's" in refusal("books")
    written(root / "etc" / "books" / "parley.toml")
    assert f"{root / what} is not Parley's" in refusal("books")
    assert names.sites() == []


@pytest.mark.parametrize("env", ["SECRET=1\n", None])
def test_uninstall_leaves_what_is_somebodys(root: Path, monkeypatch: pytest.MonkeyPatch, env: str | None) -> None:
    """Whatever of it looks like ours."""
    monkeypatch.setattr(host, "require_root", lambda _: None)
    monkeypatch.setattr(whose, "here", lambda **_: Places("books"))
    kept = [written(root / "etc/books/parley.toml"), written(root / "opt/books/releases/0.1.0-0123abcd/RELEASE")]
    if env:
        kept.append(written(root / "etc/books/env", env))
    with pytest.raises(BadInputError, match=r"^Parley \(books\) is not installed here$"):
        uninstalling.uninstall(lambda _: None, purge=True, dry_run=False)
    assert all(path.exists() for path in kept)


def test_an_installation_that_ended_early_goes_on(root: Path) -> None:
    """As does one that an operator has written its parley.toml for, and one that kept its people's data."""
    for name in ("opt/books/releases/0.1.0-0123abcd", "opt/books/instances", "etc/books/releases", "etc/books/tls"):
        (root / name).mkdir(parents=True)
    for name in ("var/books/rollout.lock", "etc/books/parley.toml"):
        written(root / name)
    names.require(Places("books"), configured("books"))
    written(root / "etc/books/env", "systemd\n")
    written(root / "units/books.target")
    names.require(Places("books"), configured("books"))
    assert names.sites() == ["books"]


@pytest.fixture
def ended(root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Uninstall, but for systemd, the users and the databases, and give what was said."""
    monkeypatch.setattr(host, "require_root", lambda _: None)
    monkeypatch.setattr(systemctl, "tell", lambda *_: None)
    monkeypatch.setattr(uninstalling, "own_database", lambda _: False)
    monkeypatch.setattr(uninstalling, "drop_user", lambda *_: None)
    monkeypatch.delenv("PARLEY_NAME", raising=False)

    def run(*, purge: bool = True, dry_run: bool = False) -> list[str]:
        lines: list[str] = []
        uninstalling.uninstall(lines.append, purge=purge, dry_run=dry_run)
        return lines

    return run


def test_a_purge_of_the_first_of_two_sites_is_asked_for_by_name(
    root: Path, monkeypatch: pytest.MonkeyPatch, ended: Callable[..., list[str]]
) -> None:
    """A checkout says `parley` unless it was told otherwise, and sudo does not hand PARLEY_NAME on."""
    for name in ("parley", "staging"):
        site(root, name)
    with pytest.raises(BadInputError) as caught:
        ended()
    assert str(caught.value) == (
        "this host has the sites parley, staging: say whose data goes:"
        " sudo env PARLEY_NAME=parley ./parley uninstall --purge"
    )
    assert names.sites() == ["parley", "staging"]
    assert ended(dry_run=True)[0] == "site: parley"
    monkeypatch.setenv("PARLEY_NAME", "parley")
    assert ended()[0] == "site: parley"
    assert names.sites() == ["staging"]


def test_a_purge_of_a_site_that_is_named_is_done(
    root: Path, monkeypatch: pytest.MonkeyPatch, ended: Callable[..., list[str]]
) -> None:
    """By the checkout's own parley.toml, or by being the only one; without --purge nothing is lost."""
    for name in ("parley", "staging"):
        site(root, name)
        (root / "opt" / name).mkdir()
    assert ended(purge=False)[0] == "site: parley"
    assert names.sites() == ["parley", "staging"]
    with monkeypatch.context() as another:
        another.setattr(whose, "load", lambda **_: configured("staging"))
        assert ended()[0] == "site: staging"
    assert names.sites() == ["parley"]
    assert ended()[0] == "site: parley"
    assert names.sites() == []


def test_a_purge_that_failed_can_be_done_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, ended: Callable[..., list[str]]
) -> None:
    """What says that the site is ours is the last to go, after the user whose process may still end."""
    site(root, "parley")
    with monkeypatch.context() as broken:
        broken.setattr(uninstalling, "drop_user", refuse)
        with pytest.raises(StackError, match="userdel"):
            ended()
    assert names.sites() == ["parley"]
    assert ended()[-1] == f"remove {root / 'etc/parley'}"
    assert names.sites() == []


def refuse(*_: object) -> None:
    """Fail as userdel does."""
    raise StackError("userdel: user parley is currently used by process 1")
