"""What `./parley runbook run` does with a page: what it runs, when it stops, what it asks for."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.main import app
from deploy.errors import BadInputError, StackError
from deploy.operations.runbooks import page as pages
from deploy.operations.runbooks.page import Block, Page
from deploy.operations.runbooks.run import SECTIONS, run

TEXT = """# A thing

Alert: none

Needs: `WHO`, the name of somebody

## Meaning
x

## Diagnosis

```sh
printf 'one  %s\\nbetween\\ntwo\\n' "$WHO"
```

```text
one …
two
```

## Mitigation

### up

```sh
echo "$PARLEY_STACK" >>"$PARLEY_DIR/done"
```

### Compose

```sh
false
echo never
```

## Verification

```sh
grep local "$PARLEY_DIR/done"
```
"""
PAGE = Page("thing", TEXT)


def heard(env: dict[str, str], page: Page = PAGE, stack: pages.Stack = "local") -> list[str]:
    """Run it and return what was said."""
    lines: list[str] = []
    run(page, stack, SECTIONS, {"PATH": "/usr/bin:/bin", **env}, lines.append)
    return lines


def test_a_page_is_read() -> None:
    """Its title, what it needs, its blocks and whose they are."""
    assert (PAGE.title, PAGE.needs, PAGE.stacks()) == ("A thing", ("WHO",), {"local", "compose"})
    assert [(block.stack, block.says) for block in PAGE.blocks("Diagnosis")] == [(None, ("one …", "two"))]
    assert list(PAGE.of("systemd")) == ["Diagnosis", "Verification"]


def test_the_three_sections_run_in_order(tmp_path: Path) -> None:
    """With each command and what it prints."""
    said = heard({"WHO": "Ana", "PARLEY_DIR": str(tmp_path)})
    assert [line for line in said if not line.startswith("$ ")] == [
        "## Diagnosis",
        "one  Ana",
        "between",
        "two",
        "## Mitigation",
        "## Verification",
        "local",
    ]
    assert (tmp_path / "done").read_text() == "local\n"


def test_a_folder_of_up_does_not_reach_the_other_stacks(tmp_path: Path) -> None:
    """The shell may still have it from before, and their commands refuse it."""
    page = Page("thing", '# A thing\n\n## Mitigation\n\n```sh\necho "${PARLEY_DIR-none}"\n```\n')
    assert heard({"PARLEY_DIR": str(tmp_path)}, page, "compose")[-2] == "none"
    assert str(tmp_path) in heard({"PARLEY_DIR": str(tmp_path)}, page)


def test_a_machine_without_bash_is_told_so(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(StackError, match="bash is not installed, or not on PATH"):
        heard({"WHO": "Ana", "PATH": str(tmp_path)})


def test_it_stops_at_the_first_command_that_fails(tmp_path: Path) -> None:
    """What comes after it is not done."""
    with pytest.raises(StackError, match="thing: Mitigation: ended with 1: false"):
        heard({"WHO": "Ana", "PARLEY_DIR": str(tmp_path)}, stack="compose")
    assert not (tmp_path / "done").exists()


def test_it_stops_where_the_page_says_something_else(tmp_path: Path) -> None:
    """Another problem has another mitigation."""
    other = Page("thing", TEXT.replace("two\n```", "three\n```"))
    with pytest.raises(
        StackError, match="not what the page expects, it may be a different problem: no line matches three"
    ):
        heard({"WHO": "Ana", "PARLEY_DIR": str(tmp_path)}, other)
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("env", [{}, {"WHO": ""}])
def test_a_variable_that_is_missing_is_named(tmp_path: Path, env: dict[str, str]) -> None:
    """Before anything is run."""
    with pytest.raises(BadInputError, match=r"thing needs WHO: WHO=… \./parley runbook run thing"):
        heard({**env, "PARLEY_DIR": str(tmp_path)})


def test_a_variable_that_no_command_here_uses_is_not_asked_for(tmp_path: Path) -> None:
    """It is for another section."""
    run(PAGE, "local", ["Mitigation"], {"PATH": "/usr/bin:/bin", "PARLEY_DIR": str(tmp_path)}, lambda _: None)
    assert (tmp_path / "done").read_text() == "local\n"


def test_a_projects_commands_on_compose() -> None:
    """They are for its own file; whatever else a page says stays."""
    page = "docker compose -f docker-compose.prod.yml ps; ./parley render compose # writes docker-compose.prod.yml"
    theirs = page.replace("-f docker-compose.prod.yml", "-f '/a b/docker-compose.prod.yml'")
    found = Block(page, ("redis …",), "compose").of_project(Path("/a b/docker-compose.prod.yml"))
    assert found == Block(theirs, ("redis …",), "compose")


@pytest.mark.parametrize("words", [["show"], ["run"]])
def test_a_page_of_the_chat_is_refused_for_a_project(words: list[str], tmp_path: Path) -> None:
    """By the reason that the page gives; and `list` has the other pages."""
    options = ["--project", str(tmp_path)]
    done = CliRunner().invoke(app, ["runbook", *words, "abusive-user", *options])
    assert isinstance(done.exception, BadInputError)
    assert str(done.exception).startswith("abusive-user is for the reference chat alone: a project has rooms, ")
    listed = CliRunner().invoke(app, ["runbook", "list", *options]).output.splitlines()
    assert {line.split()[0] for line in listed} == {
        name for name in pages.names() if name not in {"abusive-user", "messages-late", "sockets-drop"}
    }


def test_a_page_of_other_stacks_is_refused() -> None:
    """By their names."""
    only = Page("thing", "# A thing\n\n## Mitigation\n\n### systemd\n\n```sh\ntrue\n```\n")
    with pytest.raises(BadInputError, match="nothing for the stack local: it is for systemd"):
        heard({}, only)


def test_a_heading_that_is_no_stack_is_refused() -> None:
    """Or its blocks would be run by nobody."""
    with pytest.raises(BadInputError, match="Kubernetes is not a stack: up, Compose, systemd"):
        list(Page("thing", "## Diagnosis\n\n### Kubernetes\n\n```sh\ntrue\n```\n").blocks("Diagnosis"))


@pytest.mark.parametrize(
    ("output", "missing"),
    [
        ("one x\ntwo", None),
        ("  one   x  \nbetween\n two", None),
        ("two\none x", "two"),
        ("one x\ntwo more", "two"),
        ("onex\ntwo", "one …"),
        ("", "one …"),
    ],
)
def test_what_a_page_says_is_found_in_order(output: str, missing: str | None) -> None:
    """Whole lines, however they are spaced; `…` stands for anything."""
    assert Block("", ("one …", "two"), None).missing(output) == missing


@pytest.mark.parametrize(
    ("page", "site"),
    [
        ("systemctl stop parley-nginx 'parley-web@*'", "systemctl stop staging-nginx 'staging-web@*'"),
        ('--unit "parley-web@${INSTANCE#web-}"', '--unit "staging-web@${INSTANCE#web-}"'),
        (
            "install -o root -g parley -m 0640 key.pem /etc/parley/tls/",
            "install -o root -g staging -m 0640 key.pem /etc/staging/tls/",
        ),
        ("own=/etc/parley/parley.toml", "own=/etc/staging/parley.toml"),
        ("systemctl start parley.target", "systemctl start staging.target"),
        ("runuser -u parley -- psql", "runuser -u staging -- psql"),
        ('ls "${PARLEY_DIR:-.parley}"; ./parley pid up', 'ls "${PARLEY_DIR:-.parley}"; ./parley pid up'),
        ("grep '^parley_sockets '", "grep '^parley_sockets '"),
    ],
)
def test_a_named_sites_commands(page: str, site: str) -> None:
    """Its units, user and folders; the command and the metrics are called the same on every site."""
    assert Block(page, (page,), "systemd").of_site("staging") == Block(site, (site,), "systemd")


def test_the_site_of_the_checkout_is_the_one_that_is_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under systemd, for what is printed and what is run."""
    page = Page(
        "thing",
        "# A thing\n\n## Diagnosis\n\n### systemd\n\n```sh\necho parley-nginx\n```\n\n```text\nparley-nginx\n```\n",
    )
    monkeypatch.setattr(pages, "read", lambda _: page)
    monkeypatch.setenv("PARLEY_NAME", "staging")
    done = CliRunner().invoke(app, ["runbook", "run", "thing", "--stack", "systemd", "--only", "diagnosis"])
    assert (done.exit_code, done.output.splitlines()) == (0, ["## Diagnosis", "$ echo staging-nginx", "staging-nginx"])
