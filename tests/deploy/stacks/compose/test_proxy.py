"""HTTP_PROXY in an environment, as Docker's client puts it into every container where its configuration has `proxies`.

What asks our own services must not ask the proxy for them: the health check failed, and the site never came up.
"""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from deploy.model.hosts import LOOPBACK
from deploy.operations.instance import metrics as metrics_command
from deploy.stacks import certificate
from tests.checkout import ROOT
from tests.deploy.stacks.compose.stack import FILE, RunningCompose
from tests.proxies import NOBODY, PROXIES
from tests.waiting import PATIENCE

READY = {"/readyz", "/.parley/readyz", "/.parley/healthz", "/metrics"}
TEXT = "parley_sockets 1"


class Answers(BaseHTTPRequestHandler):
    """Says yes to what is asked as one asks the service itself."""

    status = 200

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(self.status if self.path in READY else 404)
        self.end_headers()
        self.wfile.write(TEXT.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of an environment behind a proxy, which is gone."""
    for name, value in PROXIES.items():
        monkeypatch.setenv(name, value)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def served(trust: ssl.SSLContext | None = None) -> Iterator[ThreadingHTTPServer]:
    """Run it on a free port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        if trust:
            server.socket = trust.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def service() -> Iterator[ThreadingHTTPServer]:
    """A service of ours."""
    yield from served()


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """nginx's stand-in."""
    pair = certificate.Files(tmp_path / "certificate.pem", tmp_path / "key.pem")
    certificate.ensure(pair, LOOPBACK)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(pair.certificate, pair.certificate_key)
    yield from served(trust)


def of_image(file: str) -> list[str]:
    """Give the image's own health check."""
    found = re.search(r"^HEALTHCHECK .*\n\s+CMD (\[.*\])$", (ROOT / file).read_text(), re.MULTILINE)
    assert found
    return list(json.loads(found[1]))


def of_service(name: str) -> list[str]:
    """Give the one of a service of the Compose file."""
    kind, *command = yaml.safe_load((ROOT / FILE).read_text())["services"][name]["healthcheck"]["test"]
    assert kind == "CMD"
    return list(command)


def healthy(command: list[str], server: ThreadingHTTPServer) -> bool:
    """Run a health check against this port, with this Python."""
    port = str(server.server_address[1])
    words = [re.sub(r"(127\.0\.0\.1(?::|', ))\d+", rf"\g<1>{port}", word) for word in command]
    assert any(port in word for word in words)
    words[0] = sys.executable if words[0] == "python" else words[0]
    return (
        subprocess.run(words, env=os.environ, timeout=PATIENCE, stderr=subprocess.DEVNULL, check=False).returncode == 0
    )


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    "command",
    [of_image("Dockerfile"), of_image("Dockerfile.project"), of_service("probe")],
    ids=["web", "web of a project", "probe"],
)
def test_a_health_check_asks_the_service_itself(
    command: list[str], service: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And knows a no from a yes."""
    assert healthy(command, service)
    monkeypatch.setattr(Answers, "status", 503)
    assert not healthy(command, service)


@pytest.mark.usefixtures("proxied")
def test_that_of_the_edge_does_too(edge: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """By curl, over TLS."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not on PATH: install curl")
    assert healthy(of_service("edge"), edge)
    monkeypatch.setattr(Answers, "status", 503)
    assert not healthy(of_service("edge"), edge)


@pytest.mark.usefixtures("proxied")
def test_metrics_are_asked_for_without_it(service: ThreadingHTTPServer) -> None:
    """On this machine, and in a container."""
    address = f"127.0.0.1:{service.server_address[1]}"
    assert metrics_command._read("web-1", address) == TEXT
    command = [sys.executable, "-c", metrics_command.ASK, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (0, TEXT)


@pytest.mark.docker
@pytest.mark.timeout(300)
def test_a_replica_that_was_given_one_is_healthy(compose: RunningCompose, tmp_path: Path) -> None:
    """By the client's own configuration, as Docker's documentation says; `--wait` waits for the health check."""
    (tmp_path / "config.json").write_text(json.dumps({"proxies": {"default": {"httpProxy": NOBODY}}}))
    client = replace(compose, variables=compose.variables | {"DOCKER_CONFIG": str(tmp_path)})
    before = {one["Id"] for one in compose.containers("web")}
    scale = ("up", "--detach", "--wait", "--no-recreate", "--scale")
    try:
        client.compose(*scale, f"web={len(before) + 1}")
        (new,) = [one for one in compose.containers("web") if one["Id"] not in before]
        assert f"HTTP_PROXY={NOBODY}" in new["Config"]["Env"]
        assert new["State"]["Health"]["Status"] == "healthy"
        done = compose.parley("metrics", "--stack", "compose", new["Name"].removeprefix("/"))
        assert "\nparley_sockets " in done.stdout, done.stderr
    finally:
        compose.compose(*scale, f"web={len(before)}")


SHOW = "import json, urllib.request; print(json.dumps(urllib.request.getproxies()))"  # as certbot's requests does


@pytest.mark.docker
@pytest.mark.parametrize(
    ("shell", "configured", "found"),
    [
        ({}, {}, {}),
        ({"HTTPS_PROXY": NOBODY, "NO_PROXY": "lan"}, {}, {"https": NOBODY, "no": "lan"}),
        ({"https_proxy": NOBODY, "all_proxy": NOBODY}, {}, {"https": NOBODY, "all": NOBODY}),
        ({}, {"httpsProxy": NOBODY}, {"https": NOBODY}),
    ],
    ids=["none", "in the shell", "in lower case", "in Docker's client configuration"],
)
def test_certbot_goes_through_it(
    compose: RunningCompose, tmp_path: Path, shell: dict[str, str], configured: dict[str, str], found: dict[str, str]
) -> None:
    """Its authority is somebody else's host."""
    (tmp_path / "config.json").write_text(json.dumps({"proxies": {"default": configured}}))
    names = {name for plain in (*PROXIES, "no_proxy") for name in (plain, plain.upper())}
    own = {name: value for name, value in compose.variables.items() if name not in names}
    own |= {"DOCKER_CONFIG": str(tmp_path), "PARLEY_CERTBOT": own["PARLEY_IMAGE"], **shell}
    once = ("--profile=acme", "run", "--rm", "--no-deps", "--no-TTY", "--entrypoint=python", "acme", "-c", SHOW)
    assert json.loads(replace(compose, variables=own).compose(*once).splitlines()[-1]) == found


def test_nothing_of_ours_asks_by_a_way_that_looks_for_a_proxy() -> None:
    """urllib does, and so does websockets unless it is told not to."""
    sources = [path for folder in ("app", "deploy") for path in (ROOT / folder).rglob("*.py")]
    files = [ROOT / name for name in ("Dockerfile", "Dockerfile.project", FILE)]
    texts = {path: path.read_text() for path in [*sources, *files]}
    assert [str(path) for path, text in texts.items() if "urllib.request" in text] == []
    callers = [path for path, text in texts.items() if "websockets.asyncio.client import connect" in text]
    assert [str(path) for path in callers if "proxy=None" not in texts[path]] == []
