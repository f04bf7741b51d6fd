"""[project]: a project's parley.toml lies on the checkout's, and a wrong key is one line with its path."""

from pathlib import Path

import pytest

from deploy.errors import BadInputError
from deploy.model.config import ROOT, load, stack

LEAST = """
[site]
name = "mysite"
[project]
asgi = "mysite.asgi:application"
settings = "mysite.settings"
"""


def written(folder: Path, text: str) -> Path:
    """Write a project's parley.toml."""
    folder.mkdir(exist_ok=True)
    (folder / "parley.toml").write_text(text, encoding="utf-8")
    return folder


def refused(folder: Path) -> str:
    """Return why it is refused, without the file's name in front."""
    with pytest.raises(BadInputError) as error:
        load(project=folder)
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith(f"{folder / 'parley.toml'}: ")
    return said.removeprefix(f"{folder / 'parley.toml'}: ")


def test_a_project_has_a_table_of_its_own(tmp_path: Path) -> None:
    """The checkout's describes another project: nothing of it is left."""
    config = load(project=written(tmp_path, LEAST))
    project = config.project
    assert (project.asgi, project.settings.module, project.settings.overlay) == (
        "mysite.asgi:application",
        "mysite.settings",
        True,
    )
    assert (project.path, project.release, project.hooks.probe, project.sandbox.internet) == (
        ".",
        ("migrate --noinput",),
        "",
        True,
    )
    assert config.folder == tmp_path
    assert not config.is_own
    assert load().is_own


def test_other_tables_lie_on_the_checkouts(tmp_path: Path) -> None:
    """As if their keys stood in its file: an environment's go on top of both."""
    text = LEAST + '[app]\nlog_level = "debug"\n[env.compose.site]\nport = 9443\n[env.staging]\nlike = "compose"\n'
    folder = written(tmp_path, text)
    found, there = load(project=folder, env="staging"), load(env="compose")
    assert (found.app.log_level, found.site.port) == ("debug", 9443)
    assert (found.app.log_format, found.limits) == (there.app.log_format, there.limits)
    assert stack("staging", project=folder) == "compose"


@pytest.mark.parametrize(
    ("said", "bytes_"),
    [
        ("", 26_214_400),
        ("body_bytes = 2048\n", 2048),
        ("[app]\nbody_bytes = 4096", 4096),
        ("body_bytes = 2048\n[app]\nbody_bytes = 4096", 2048),
        ("body_bytes = 0\n[app]\nbody_bytes = 4096", 4096),
    ],
)
def test_a_body_has_one_size(tmp_path: Path, said: str, bytes_: int) -> None:
    """[project] says it, or [app] where that alone does."""
    assert load(project=written(tmp_path, LEAST + said)).app.body_bytes == bytes_


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[site]\nname = 'm'\n[project]\nsettings = 'm.s'", "project.asgi: is missing"),
        ("[site]\nname = 'm'\n[project]\nasgi = 'm.asgi:a'", "project.settings: is missing"),
        ("[project]\nasgi = 'm.asgi:a'\nsettings = 'm.s'", "site.name: is missing"),
        ("[site]\nname = 'My Site'", "site.name: 'My Site' is not a site's name"),
        ("[project]\nasgi = 'mysite/asgi.py'", "project.asgi: 'mysite/asgi.py' is not module:attribute, such as"),
        ("[project]\nsettings = 'my-site'", "project.settings.module: 'my-site' is not a module"),
        ("[project]\nsettings = 5", "project.settings: must be a table"),
        ("[project.settings]\nkeep = ['caches']", "project.settings.keep.0: must be the name of a setting"),
        ("[project]\nsocket = ['/ws/']", "project.socket: unknown key"),
        ("[project]\nsockets = '/ws/'", "project.sockets: must be a list"),
        ("[project]\nsockets = ['ws/']", "project.sockets.0: 'ws/' is "),
        ("[project]\nsockets = ['/a b/']", "project.sockets.0: '/a b/' is "),
        ("[project]\nsockets = ['/{room}/']", "project.sockets.0: '/{room}/' is a pattern"),
        ("[project]\nsockets = ['/ws/;']", "project.sockets.0: '/ws/;' is "),
        ("[project]\nsockets = ['/../']", "project.sockets.0: '/../' is "),
        ("[project]\nsockets = ['/ws/', '/ws/']", "project.sockets: '/ws/' comes twice"),
        ("[project]\nstreams = ['/a$b']", "project.streams.0: '/a$b' is a pattern"),
        ("[project]\nhealth = 'ok'", "project.health: 'ok' is "),
        ("[project]\npython = '3.10'", "project.python: must be '', '3.11', '3.12', '3.13' or '3.14'"),
        ("[project]\npython = 3.11", "project.python: must be '', '3.11', '3.12', '3.13' or '3.14'"),
        ("[project]\norigins = 'all'", "project.origins: must be 'cookie', 'same', 'any' or a list of origins"),
        ("[project]\norigins = ['example.com']", "project.origins: 'example.com' is not an origin, such as"),
        ("[project]\nlayer = 'redis'", "project.layer: must be '', 'pubsub', 'core' or 'none'"),
        ("[project]\nrelease = ['']", "project.release.0: must be a command"),
        ("[project]\nrelease = ['migrate \"']", "project.release.0: 'migrate \"' is not a command: no closing"),
        ("[project]\nrelease = ['collectstatic']", "project.release.0: Parley runs collectstatic itself"),
        ("[project]\npackages = ['lib pq']", "project.packages.0: must be the name of a Debian package"),
        ("[project]\nrequirements = ['']", "project.requirements.0: must name a folder or a file"),
        ('[project]\npaths = ["a\\u0000"]', "project.paths.0: 'a\\x00' has a control character"),
        ('[project]\nmedia = "a\\u0000"', "project.media: 'a\\x00' has a control character"),
        ('[project]\nmedia = "uploads\\n/opt/parley"', "project.media: 'uploads\\n/opt/parley' has a control char"),
        ("[project]\nbody_bytes = -1", "project.body_bytes: must be 0 or more"),
        ("[project.env]\n'A B' = 'x'", "project.env.\"A B\": 'A B' is not a variable's name"),
        ("[project.env]\nPARLEY_ENV = 'x'", "project.env.PARLEY_ENV: PARLEY_ENV is set by Parley"),
        ("[project.env]\nA = '{secret}'", "project.env.A: knows no {secret}: there are database_host, "),
        ("[project.env]\nA = '{'", "project.env.A: holds a brace alone"),
        ("[project.env]\nA = 'file:key'", "project.env.A: 'file:key' is not file:/path"),
        ("[project.env]\nA = 5", "project.env.A: must be a text in quotes"),
        ("[project.processes]\nworker = {}", "project.processes.worker.run: is missing"),
        (
            "[project.processes]\nbeat = {run = 'celery', single = true, instances = 2}",
            "project.processes.beat: single = true allows one process, and instances = 2: leave one of them out",
        ),
        ("[project.processes]\nworker = 'celery'", "project.processes.worker: must be a table"),
        ("[project.schedule]\na = {run = 'x', at = '25:00'}", "project.schedule.a.at: must be a time of day"),
        ("[project.sandbox]\nrelax = ['all']", "project.sandbox.relax.0: must be 'jit' or 'resources'"),
        ("[project.hooks]\nprobes = 'x'", "project.hooks.probes: unknown key"),
        (
            "[project.drill]\npages = ['chat']",
            "project.drill.pages.0: 'chat' is not a path of the site, such as /chat/",
        ),
        ("[project.drill]\nsockets = ['/a b']", "project.drill.sockets.0: '/a b' is not a path of the site"),
        ("[project.drill]\nsockets = ['/a', '/a']", "project.drill.sockets: '/a' comes twice"),
        ("[env.local.project]\nasgi = 'x'", "env.local.project.asgi: 'x' is not module:attribute"),
    ],
)
def test_a_wrong_key_is_one_line_with_the_files_name(tmp_path: Path, text: str, said: str) -> None:
    """Whoever wrote it finds it."""
    assert refused(written(tmp_path, text)).startswith(said)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[project.hooks]\ncleanup = "  "\n', "cleanup"),
        ('[project.hooks]\nprobe = "a \'b"\n', "probe"),
        ('[project.env]\nX = "{host:d}"\n', "X"),
    ],
)
def test_what_would_fail_later_is_refused_here(tmp_path: Path, text: str, key: str) -> None:
    """A command without words, a quote that does not end, a place with a format."""
    assert key in refused(written(tmp_path, LEAST + text)).partition(" ")[0]


def test_braces_and_places_of_variables_are_accepted(tmp_path: Path) -> None:
    """A doubled brace is a brace."""
    text = LEAST + '[project.env]\nA = "{database_url}"\nB = "{{}}"\nC = "file:/etc/mysite/key"\n'
    assert load(project=written(tmp_path, text)).project.env == {
        "A": "{database_url}",
        "B": "{{}}",
        "C": "file:/etc/mysite/key",
    }


def test_a_folder_without_the_file_is_one_line_that_says_who_writes_it(tmp_path: Path) -> None:
    """And so is one that is none."""
    with pytest.raises(BadInputError, match=r"has no parley.toml: `./parley adopt .*` writes it$"):
        load(project=tmp_path)
    with pytest.raises(BadInputError, match=r"is not a folder$"):
        load(project=tmp_path / "nowhere")


def test_the_checkouts_own_table_describes_what_is_there() -> None:
    """Its paths are files of the checkout."""
    project = load().project
    assert (ROOT / project.path / "manage.py").is_file()
    assert all((ROOT / name).is_file() for name in project.requirements)
