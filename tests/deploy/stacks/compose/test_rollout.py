"""What a rollout leaves behind in Compose; that nobody loses anything by it is tests/deploy/operations/rollout's."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.effects.client.http_client import HttpClient
from deploy.errors import StackError
from deploy.model.release import release as release_of
from deploy.operations.rollout import steps
from deploy.stacks import certificate
from deploy.text.compose import places
from tests.checkout import ROOT
from tests.deploy.operations.doctor import certificates
from tests.deploy.operations.rollout.judged import statuses, style
from tests.deploy.operations.rollout.releases import STYLE, change, release
from tests.deploy.stacks.compose.stack import POLL, RunningCompose, command, road, running_compose
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.docker, pytest.mark.own_stack, pytest.mark.timeout(600)]

HSTS = "add_header Strict-Transport-Security $hsts;"
NGINX = ("nginx/security.conf.j2", HSTS, f'{HSTS}\nadd_header X-Changed "yes" always;')
# A release as the oldest were: it refuses what it does not know. And a key that the next one has.
STRICT = ("deploy/stacks/compose/variables.py", ', extra="ignore")', ")")
KEY = ("deploy/model/sections.py", "hosts: Annotated[tuple[Host", "later: int = 7\n    hosts: Annotated[tuple[Host")
ENDS = ("app/parley_serving/server.py", "max_requests = 0", "def on_starting(server):\n    raise SystemExit(1)\n")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for a certificate that is not ours to make."""
    return tmp_path_factory.mktemp("own") / "tls"


@pytest.fixture(scope="module")
def compose(engine: None, tls: Path) -> Iterator[RunningCompose]:
    """A stack of its own: what other files' tests take as given is not what serves here."""
    road("sudo install -d -o 10001 -g 10001 -m 0750 /etc/parley/tls", dict(os.environ), tls=str(tls))
    give(tls, "First")
    with running_compose(1, PARLEY_TLS=str(tls)) as running:
        yield running


def give(tls: Path, issuer: str) -> None:
    """Put a certificate into the folder, as docs/deploying.md says."""
    made = tls.with_name(issuer)
    made.mkdir()
    with pytest.MonkeyPatch.context() as other:
        other.setattr(certificate, "NAME", issuer)
        certificate.ensure(certificate.Files(made / "certificate.pem", made / "key.pem"), ["localhost"])
    install(tls, made)


def install(tls: Path, made: Path) -> None:
    """Put a pair there by the page's own commands."""
    for line in (
        "sudo install -o 10001 -g 10001 -m 0640 key.pem /etc/parley/tls/key.pem",
        "sudo install -o 10001 -g 10001 -m 0640 certificate.pem /etc/parley/tls/certificate.pem",
    ):
        road(line, dict(os.environ), made, tls=str(tls))


def until_said(compose: RunningCompose, words: str) -> None:
    """Wait until the edge's log has it."""
    deadline = time.monotonic() + PATIENCE
    while words not in compose.compose("logs", "edge"):
        assert time.monotonic() < deadline, compose.compose("logs", "edge")
        time.sleep(POLL)


def quiet(_: str) -> None:
    """Nobody reads the steps."""


async def test_a_certificate_in_a_folder_of_the_host(compose: RunningCompose, tls: Path) -> None:
    """It is served from the first start on, `setup` makes none, and the next one is served without a command."""
    assert compose.issuer() == "CN=First"
    assert f"certificate: the one in {places.TLS}" in compose.compose("logs", "setup")
    await asyncio.to_thread(give, tls, "Second")
    await compose.signed_by("CN=Second")


async def test_a_pair_that_is_no_pair_changes_nothing(compose: RunningCompose, tls: Path) -> None:
    """What was served is served on, past a restart of nginx; `setup` says what is wrong, and the right key heals it."""
    issuer = compose.issuer()
    other = tls.with_name("Third")
    new = certificates.unknown()
    other.mkdir()
    (other / "certificate.pem").write_bytes(new[0])
    (other / "key.pem").write_bytes(certificates.unknown()[1])
    await asyncio.to_thread(install, tls, other)
    try:
        await asyncio.to_thread(until_said, compose, "is not served: ")
        assert compose.issuer() == issuer
        await asyncio.to_thread(compose.compose, "restart", "edge")
        await asyncio.to_thread(compose.until_healthy)
        assert compose.issuer() == issuer, "the pair of before is kept for this"
        said = await asyncio.to_thread(compose.compose, "logs", "edge")
        assert 1 <= said.count("key values mismatch") <= 2, "once by each process"
        said = await asyncio.to_thread(compose.compose, "run", "--rm", "--no-deps", "setup")
        assert f"setup: warning: .env: PARLEY_TLS: {tls}/key.pem is not the key of " in said
        assert "nginx stays with what it served before" in said
        assert (tls / "certificate.pem").read_bytes() == new[0]
    finally:
        (other / "key.pem").write_bytes(new[1])
        await asyncio.to_thread(install, tls, other)
    await compose.signed_by("CN=An authority of nobody")


async def test_what_stays_and_what_goes(compose: RunningCompose, tmp_path: Path) -> None:
    """Three releases: files and images of the last two, nginx's newest files without a restart, nothing left to do."""
    first, first_style = release_of(), await style(compose.address)
    edge = compose.containers("edge")[0]["State"]["StartedAt"]
    checkout = release(tmp_path / "checkout", STYLE)
    for folder in ("app", "app/chat", "deploy"):  # as a umask of 077 leaves it
        (checkout / folder).chmod(0o700)
        for path in (checkout / folder).glob("*.py"):
            path.chmod(0o600)
    second = release_of(checkout)
    await asyncio.to_thread(compose.road, "./parley rollout --stack compose", checkout)
    second_style = await style(compose.address)
    assert second_style != first_style
    assert await statuses(compose.address, first_style, second_style) == [200, 200]

    containers = {one["Id"] for one in compose.containers()}
    await asyncio.to_thread(compose.road, "docker compose -f docker-compose.prod.yml up -d --wait", checkout)
    assert {one["Id"] for one in compose.containers()} == containers, "`up` finds what the rollout left as it should be"

    change(checkout, STYLE, NGINX)
    third = release_of(checkout)
    await asyncio.to_thread(compose.road, "./parley rollout --stack compose", checkout)
    async with asyncio.timeout(PATIENCE):  # nginx starts its new workers when it has answered
        while (await HttpClient(compose.address).get("/healthz")).headers.get("x-changed") != "yes":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert await statuses(compose.address, first_style, second_style) == [404, 200]
    assert compose.containers("edge")[0]["State"]["StartedAt"] == edge
    listed = command("docker", "image", "ls", "--format={{.Tag}}", compose.name).split()
    assert sorted(listed) == sorted([second, third, "current"])
    assert not compose.stack.staged(first)
    one_shots = {one["Image"] for name in ("setup", "migrate") for one in compose.containers(name, stopped=True)}
    assert one_shots == {one["Image"] for one in compose.containers("web")}

    said = await asyncio.to_thread(compose.road, "./parley rollback --stack compose", checkout)
    assert f"{second} serves again" in said
    assert await style(compose.address) == second_style
    assert [instance.release for instance in compose.stack.instances()] == [second]


@pytest.mark.release
def test_a_release_from_before_a_key_is_refused_with_the_way_back(compose: RunningCompose, tmp_path: Path) -> None:
    """One line names the key, and nothing is touched; in the release's own checkout the same command succeeds."""
    render, roll = "./parley render compose --out .", "./parley rollout --stack compose"
    checkout = release(tmp_path / "checkout", STRICT)
    old = release_of(checkout)
    compose.road(roll, checkout)
    change(checkout, KEY)
    compose.road(render, checkout)
    compose.road(roll, checkout)
    serving = compose.stack.instances()
    command = [str(ROOT / ".venv/bin/python"), "-P", "-m", "deploy", "rollback", "--stack", "compose"]
    env = compose.variables | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(f"parley: {old} is from before the key site.later, and this checkout renders ")
    assert compose.stack.instances() == serving
    path, text, key = KEY
    change(checkout, (path, key, text))
    compose.road(render, checkout)
    assert f"{old} serves again" in compose.road("./parley rollback --stack compose", checkout)
    assert [instance.release for instance in compose.stack.instances()] == [old]


def test_one_that_ends_when_it_starts_is_given_up_with_its_last_lines(compose: RunningCompose, tmp_path: Path) -> None:
    """At once, and not after the time that a slow one has; nothing of it is left."""
    before = {one["Id"] for one in compose.containers("web", stopped=True)}
    with pytest.raises(StackError, match=r"ended, exit status \d+:\n"):
        steps.rollout(compose.stack, str(release(tmp_path / "ends", ENDS)), quiet)
    assert {one["Id"] for one in compose.containers("web", stopped=True)} == before


def test_what_a_killed_rollout_left_is_no_instance(compose: RunningCompose) -> None:
    """A replica that nginx was never told of is not rolled, and the next rollout removes it."""
    (old,) = compose.stack.instances()
    new = compose.stack.replace(old, old.release)
    assert [instance.name for instance in compose.stack.instances()] == [old.name]
    compose.stack.put_back(old, None)
    assert new.name not in {one["Name"].removeprefix("/") for one in compose.containers("web", stopped=True)}
