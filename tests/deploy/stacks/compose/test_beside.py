"""What a project has beside its replicas: uploaded files, a Redis that keeps, and processes."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.errors import BadInputError
from deploy.model.capacity import declared
from deploy.model.config import load
from deploy.stacks.compose import beside
from deploy.stacks.compose.assemble import Build, require_kept
from deploy.stacks.compose.context import Context
from deploy.stacks.compose.project import Project
from deploy.stacks.local.application import Facts
from deploy.text.compose import folders, site
from deploy.text.compose.file import compose_file
from tests.checkout import ROOT
from tests.foreign import TOML, copied

MEDIA = "/opt/project/uploads"
SITE = Project("tutorial", "tutorial", "tutorial:current", 8443, "tutorial_front", {}, Path("/srv/site"))
OF_PROJECT = ("migrate", "web", "cleanup")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tutorial's project."""
    return copied("tutorial", tmp_path / "project")


def rendered(project: Path, more: str = "") -> dict[str, Any]:
    """Render the Compose file with some lines more in its parley.toml."""
    (project / "parley.toml").write_text(TOML + more)
    text = compose_file(load(env="compose", project=project), "compose", project)
    return dict(yaml.safe_load(text))


def test_who_asks_for_nothing_has_nothing(project: Path) -> None:
    """Neither a service nor a volume."""
    found = rendered(project)
    assert not {"store", "secrets-store", "media"} & {*found["services"], *found["volumes"]}
    assert not [name for name in found["services"] if name.startswith("process-")]


def test_its_processes_reach_other_hosts(project: Path) -> None:
    """Unless it says no; who serves it, keeps its data or asks how it is does not."""
    found = rendered(project, 'processes.worker = {run = "celery -A mysite worker"}')
    reach = {name for name, one in found["services"].items() if "outside" in one["networks"]}
    assert reach == {*OF_PROJECT, "process-worker"}
    assert found["networks"]["outside"] == {}
    assert found["networks"]["data"] == found["networks"]["front"] == {"internal": True}
    found = rendered(project, "sandbox.internet = false")
    assert "outside" not in found["networks"]
    assert not [name for name, one in found["services"].items() if "outside" in one["networks"]]


def test_a_folder_of_uploaded_files(project: Path, tmp_path: Path) -> None:
    """Each process of the project has it where its settings say, nginx reads it, and the image's is our user's."""
    found = rendered(project, 'media = "uploads"\n[project.processes]\nworker = {run = "celery -A mysite worker"}')
    mounted = {"type": "volume", "source": "media", "target": MEDIA}
    for name in ("setup", "process-worker", *OF_PROJECT):
        assert mounted in found["services"][name]["volumes"], name
    assert "media:/srv/parley/media:ro" in found["services"]["edge"]["volumes"]
    assert "media" in found["volumes"]
    Context.of(load(env="compose", project=project), lambda _: None).write(tmp_path / "context")
    assert (tmp_path / "context" / "owned.txt").read_text() == f"{MEDIA}\n"
    assert json.loads((tmp_path / "context" / "build.json").read_text())["media"] == MEDIA


@pytest.mark.parametrize(
    ("named", "inside"),
    [
        ("uploads", "/opt/project/uploads"),
        ("{project}/a/b", "/opt/project/a/b"),
        ("../media", "/opt/media"),
        ("/var/lib/mysite", "/var/lib/mysite"),
    ],
)
def test_where_it_is_in_the_image(project: Path, named: str, inside: str) -> None:
    """As the project itself finds it: beside its folder, or by a whole path."""
    (project / "parley.toml").write_text(f'{TOML}media = "{named.format(project=project)}"\n')
    config = load(env="compose", project=project)
    assert folders.media(config) == inside
    assert folders.media(folders.within(config).within(Path("/opt/project"))) == inside, "as `setup` has it"


@pytest.mark.parametrize("named", [".", "/", "..", "/opt"])
def test_a_folder_that_has_other_files_is_refused(project: Path, named: str) -> None:
    """A volume would lie over the code."""
    with pytest.raises(BadInputError, match=f"project.media: '{named}' is no folder of uploaded files alone"):
        rendered(project, f'media = "{named}"')


def test_a_media_root_elsewhere_is_said_while_the_image_is_built() -> None:
    """Its files would end with their container."""
    build = Build(folder="/opt/project", root="/opt/project", commands=[], env={}, media=MEDIA)
    for fits in (MEDIA, "uploads", ""):
        require_kept(build, Facts(media_root=fits))
    with pytest.raises(BadInputError, match=r'MEDIA_ROOT is /opt/project/x in the image, .* write media = "/opt/proj'):
        require_kept(build, Facts(media_root="x"))


def test_folders_that_stay_writable(project: Path, tmp_path: Path) -> None:
    """Each is a volume in each process of the project, under a name that stays; uploads can be written anyway."""
    more = 'media = "uploads"\n[project.sandbox]\nrelax = ["jit", "resources"]\nwrite = '
    first = rendered(project, more + '["notes", "uploads/a", "/var/lib/mysite"]')
    added = [one for one in first["services"]["web"]["volumes"] if "write-" in str(one)]
    assert [one["target"] for one in added] == ["/opt/project/notes", "/var/lib/mysite"]
    for name in OF_PROJECT:
        assert [one for one in first["services"][name]["volumes"] if "write-" in str(one)] == added, name
    assert {one["source"] for one in added} <= {*first["volumes"]}
    assert "write-" not in str(first["services"]["edge"]) + str(first["services"]["setup"]["volumes"])
    Context.of(load(env="compose", project=project), lambda _: None).write(tmp_path / "context")
    owned = "/opt/project/uploads\n/opt/project/notes\n/var/lib/mysite\n"
    assert (tmp_path / "context" / "owned.txt").read_text() == owned
    again = rendered(project, more + '["cache", "notes"]')["services"]["web"]["volumes"]
    assert added[0] in again


CLOSED = [
    "/opt/venv/lib",
    "/opt/parley/app",
    "/usr/lib",
    "/srv/parley/secrets",
    "/etc/ssl",
    "/proc",
]


@pytest.mark.parametrize("named", [".", "/opt", "/srv/parley", *CLOSED])
def test_a_folder_with_the_code_does_not(project: Path, named: str) -> None:
    """A volume would lie over it."""
    with pytest.raises(BadInputError, match=f"project.sandbox.write: '{named}' is no folder of written files alone"):
        rendered(project, f'[project.sandbox]\nwrite = ["{named}"]')


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("mysite", "has code (mysite/__init__.py), which no later release could change: name a folder of its own"),
        ("/opt/project/mysite", "has code (mysite/__init__.py), which"),
        ("{project}/mysite", "has code (mysite/__init__.py), which"),
        ("manage.py", "is a file: name a folder"),
    ],
)
def test_a_package_and_a_file_are_refused(project: Path, named: str, why: str) -> None:
    """A volume would freeze the code, and `install -d` makes no folder of a file."""
    named = named.format(project=project)
    with pytest.raises(BadInputError) as refused:
        rendered(project, f'[project.sandbox]\nwrite = ["{named}"]')
    assert str(refused.value).startswith(f"{project / 'parley.toml'}: project.sandbox.write: {named!r} {why}")


def test_a_folder_that_cannot_be_made_fails_the_build(tmp_path: Path) -> None:
    """In the image it would belong to root, and nothing could write to it."""
    text = (ROOT / "Dockerfile.project").read_text()
    script = text[text.index("while IFS=") : text.index("\nENV PATH", text.index("while IFS="))].replace("\\\n", "\n")
    owned, file, later = tmp_path / "owned.txt", tmp_path / "file", tmp_path / "later"
    file.write_text("")
    owned.write_text(f"{file}\n{later}\n")
    script = script.replace("/opt/parley/owned.txt", str(owned))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, later.exists()) == (1, False), done.stderr


def test_what_a_process_fills_in_itself(project: Path) -> None:
    """The file is that of all of them; other places are filled in, and what they hold is no place of a format."""
    env = '[project.env]\nWHO = "{instance}@{host} {database_password} {{x}}"\nURL = "{database_url}"'
    found = rendered(project, env)["services"]["web"]["environment"]
    assert found["PARLEY_PLACED"] == "WHO"
    config = load(env="compose", project=project)
    secrets = {"database_url": "postgres://a:p{b@c/d", "layer_url": "", "secret_key": "k"}
    texts = site.project_files(config, declared(config), secrets)
    assert texts["env-URL"] == "postgres://a:p{b@c/d"
    assert texts["env-WHO"].format(instance="web-1", release="1") == "web-1@localhost p{b {x}"
    assert site.build(config, declared(config))["WHO"].startswith("build@localhost ")


def test_a_job_runs_in_a_container_of_its_own(project: Path) -> None:
    """At its time, and it is well unless its last run failed; the clean-up is the same loop from now on."""
    services = rendered(project, '[project.schedule]\nreport = {run = "manage.py report --all", at = "04:30"}')[
        "services"
    ]
    job = services["schedule-report"]
    loop = ["python", "-m", "parley_serving.daily"]
    run = ["--at", "04:30", "--well", "/tmp/done", "schedule-report", "python", "-m", "parley_serving"]
    assert job["command"] == [*loop, *run, "manage.py", "report", "--all"]
    assert job["healthcheck"]["test"] == ["CMD", "test", "-e", "/tmp/done"]
    assert (job["deploy"]["replicas"], job["stop_grace_period"], job["init"]) == (1, "60s", True)
    assert " ".join(loop) in services["cleanup"]["command"][2]


def test_a_variable_alone_asks_for_a_folder_too(project: Path) -> None:
    """Nobody said where, so it is ours."""
    found = rendered(project, '[project.env]\nUPLOADS = "{media_root}"')
    assert {"type": "volume", "source": "media", "target": "/srv/parley/media"} in found["services"]["web"]["volumes"]


def test_a_folder_that_is_new_asks_for_a_build(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume's owner comes from the image: that of before has no such folder."""
    (project / "parley.toml").write_text(f'{TOML}media = "uploads"\n')
    found = beside.Beside(SITE, load(env="compose", project=project))
    monkeypatch.setattr(beside, "containers", lambda *_: [{"Mounts": []}])
    with pytest.raises(BadInputError, match=r"media is new in this site: run .*prod\.yml up -d --build --wait first$"):
        found.require()
    monkeypatch.setattr(beside, "containers", lambda *_: [{"Mounts": [{"Destination": "/srv/parley/media"}]}])
    found.require()


def test_a_redis_that_keeps(project: Path) -> None:
    """Its password is in files alone, and everything that may use it waits for it."""
    found = rendered(project, '[project.env]\nCACHE = "{redis_url}"')
    store = found["services"]["store"]
    conf = "/srv/parley/secrets/store/redis.conf"
    assert store["command"] == [conf, "redis-server", conf, "--maxmemory", "64mb"]
    assert "depends_on" not in store, "Compose would make it anew with `setup`"
    assert store["volumes"] == ["secrets-store:/srv/parley/secrets/store:ro", "store:/srv/parley/store"]
    assert store["read_only"]
    assert store["cap_drop"] == ["ALL"]
    assert store["networks"] == ["data"]
    for name in ("migrate", "web"):
        assert found["services"][name]["depends_on"]["store"] == {"condition": "service_healthy"}
    assert {"secrets-store", "store"} <= {*found["volumes"]}
    assert "CACHE=/srv/parley/secrets/app/env-CACHE" in found["services"]["web"]["environment"]["PARLEY_FILES"]


def test_processes_run_in_the_project_s_image(project: Path) -> None:
    """With its variables, beside the instances, and each with its own time to end."""
    lines = ('beat = {run = "manage.py beat", single = true}', 'jobs = {run = "celery", instances = 2}')
    services = rendered(project, "\n".join(["[project.processes]", *lines]))["services"]
    beat, jobs, web = services["process-beat"], services["process-jobs"], services["web"]
    assert beat["command"] == ["python", "-m", "parley_serving", "manage.py", "beat"]
    assert (beat["deploy"]["replicas"], jobs["deploy"]["replicas"]) == (1, 2)
    for one in (beat, jobs):
        assert (one["stop_grace_period"], one["restart"], one["init"]) == ("60s", "unless-stopped", True)
        assert (one["image"], one["environment"], one["volumes"]) == (web["image"], web["environment"], web["volumes"])


@pytest.mark.parametrize(
    ("run", "command"),
    [
        ("python -m mysite.jobs --all", ["-m", "mysite.jobs", "--all"]),
        ("python3 jobs.py", ["jobs.py"]),
        ("celery -A mysite worker", ["celery", "-A", "mysite", "worker"]),
        ("manage.py match --least a>b", ["manage.py", "match", "--least", "a>b"]),
    ],
)
def test_a_command_may_be_a_module_a_file_or_a_program(project: Path, run: str, command: list[str]) -> None:
    """As it would be typed."""
    services = rendered(project, f'[project.processes]\njobs = {{run = "{run}"}}')["services"]
    assert services["process-jobs"]["command"] == ["python", "-m", "parley_serving", *command]


@pytest.mark.parametrize(
    "run",
    [
        *("python -c 'import x'", "python", "python -m", "-m", "cd mysite && celery"),
        *("celery -A mysite worker > celery.log", "celery >>celery.log", "celery 2>&1", "manage.py load < rows.csv"),
        *("celery -c $WORKERS", "celery --concurrency=${WORKERS}", "manage.py report --day $(date)"),
    ],
)
def test_a_command_that_a_shell_would_take_is_refused(project: Path, run: str) -> None:
    """None reads it."""
    with pytest.raises(BadInputError, match=r"project\.processes\.jobs: .* is no `manage.py COMMAND`"):
        rendered(project, f'[project.processes]\njobs = {{run = "{run}"}}')


def test_a_project_below_its_parley_toml(tmp_path: Path) -> None:
    """Its processes start where its manage.py is."""
    copied("tutorial", tmp_path / "backend")
    found = rendered(tmp_path, 'path = "backend"\nmedia = "backend/media"')
    assert {found["services"][name]["working_dir"] for name in OF_PROJECT} == {"/opt/project/backend"}
    assert found["services"]["setup"]["working_dir"] == "/opt/parley"
    assert {"type": "volume", "source": "media", "target": "/opt/project/backend/media"} in found["services"]["web"][
        "volumes"
    ]
