"""Any model that breaks no rule is text that its readers take, and in which they read the model's own numbers."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from deploy.effects import files
from deploy.model.capacity import declared
from deploy.model.config import Config
from deploy.stacks import certificate
from deploy.text import consistency, render
from deploy.text.compose import file as compose
from deploy.text.compose import site
from deploy.text.readback import Facts, NginxFacts, setting, unit
from deploy.text.render import NginxSite
from deploy.text.systemd import site as systemd
from tests import programs
from tests.deploy.text.models import models

# Not shrunk: a model is small enough to read, and a program runs for each.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
EXAMPLES = settings(max_examples=25, deadline=None, phases=PHASES)


def same_numbers(config: Config, facts: Facts) -> None:
    """Compare what was read in each tier with the model: names on the left are nginx's and the app's own."""
    size = declared(config)
    nginx = {
        "worker_processes": config.nginx.workers,
        "worker_connections": size.worker_connections,
        "worker_rlimit_nofile": config.limits.open_files,
        "worker_shutdown_timeout": config.nginx.worker_shutdown_seconds,
        "client_max_body_size": config.app.body_bytes,
    }
    assert {name: facts.nginx.number(name) for name in nginx} == nginx
    assert facts.nginx.number("proxy_read_timeout", "@socket") == 3 * config.app.ping_seconds
    app = {
        "SOCKETS": config.app.sockets,
        "SOCKETS_PER_USER": config.app.sockets_per_user,
        "SOCKETS_PER_ADDRESS": config.app.sockets_per_address,
        "INSTANCES": config.app.instances,
        "FRAME_BYTES": config.app.frame_bytes,
        "BODY_BYTES": config.app.body_bytes,
        "PING_SECONDS": config.app.ping_seconds,
        "DRAIN_SECONDS": config.stop.drain_seconds,
        "CLOSE_SECONDS": config.stop.close_seconds,
        "UVICORN_GRACEFUL_SECONDS": config.stop.uvicorn_seconds,
        "GRACEFUL_SECONDS": config.stop.graceful_seconds,
        "WORKER_TIMEOUT": config.stop.worker_timeout,
        "DATABASE_POOL": config.database.pool,
    }
    assert {name: facts.app.number(name) for name in app} == app
    assert facts.app.kill_seconds == config.stop.graceful_seconds + 5
    assert facts.app.open_files == config.limits.open_files
    consistency.require(facts)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the files lie, with a certificate: nginx looks at it."""
    with tempfile.TemporaryDirectory(prefix="parley-models-") as name:
        pair = certificate.Files(Path(name, "certificate.pem"), Path(name, "key.pem"))
        certificate.ensure(pair, ["localhost"])
        yield Path(name)


def on_this_machine(config: Config, folder: Path, version: tuple[int, int, int]) -> NginxSite:
    """Give the edge's facts with places that are here; an nginx that cannot resolve has its instances on sockets."""
    host = replace(
        site.nginx(config, declared(config)),
        nginx_version=version,
        run=str(folder),
        access_log=str(folder / "access.log"),
        certificate=str(folder / "certificate.pem"),
        certificate_key=str(folder / "key.pem"),
    )
    if version >= render.RESOLVES_SINCE:
        return host
    sockets = tuple(f"unix:{folder}/web-{number + 1}.sock" for number in range(config.app.instances))
    return replace(host, resolver="", upstreams=sockets, unlimited=("127.0.0.0/8", "::1"), http_listen=())


@pytest.mark.parametrize("which", ["path", "wheel"])
def test_nginx_takes_any_model_without_a_warning(folder: Path, which: str) -> None:
    """The distribution's, and the static build: each has the lines that its version knows."""
    nginx = programs.nginx(which)
    command = [str(nginx.path), "-e", "stderr", "-t", "-p", str(folder), "-c", str(folder / "nginx" / "nginx.conf")]

    @EXAMPLES
    @given(models())
    def taken(config: Config) -> None:
        texts = render.nginx(config, on_this_machine(config, folder, nginx.version))
        files.remove(folder / "nginx")
        files.write_all(folder / "nginx", texts)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, "[" in done.stderr) == (0, False), done.stderr
        read = compose.read(config, declared(config))
        same_numbers(config, Facts(read.app, NginxFacts.of(texts)))
        text = NginxFacts.of(texts).text
        assert ("limit_conn sockets" in text) == bool(config.nginx.sockets_per_address)
        assert ("limit_req zone=handshakes" in text) == bool(config.nginx.handshakes_per_second)
        assert ("limit_conn pages_at_once" in text) == bool(config.nginx.pages_per_address)
        assert ("limit_req zone=pages" in text) == bool(config.nginx.pages_per_second)
        assert ("Strict-Transport-Security" in text) == bool(config.nginx.hsts_seconds and config.site.has_tls)
        assert text.count("set_real_ip_from") == len(config.site.proxies)

    taken()


@pytest.mark.docker
def test_compose_takes_any_model(folder: Path) -> None:
    """`docker compose config` resolves it without a word, and what it resolves is the model."""
    programs.compose_plugin()
    file = folder / compose.FILE
    command = ["docker", "compose", "--file", str(file), "--profile", "*", "config", "--format", "json"]

    @EXAMPLES
    @given(models())
    def taken(config: Config) -> None:
        file.write_text(compose.compose_file(config))
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=NO_ENVIRONMENT)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        services = json.loads(done.stdout)["services"]
        web = services["web"]
        read = compose.read(config, declared(config))
        same_numbers(config, read)
        given_here = {name: value for name, value in read.app.environment.items() if name in web["environment"]}
        assert web["environment"] == given_here
        assert duration(web["stop_grace_period"]) == config.stop.graceful_seconds + 5
        assert web["ulimits"]["nofile"] == config.limits.open_files
        assert web["deploy"]["replicas"] == config.app.instances
        limits = web["deploy"]["resources"]["limits"]
        assert (int(limits["memory"]), limits["pids"]) == (config.limits.instance_megabytes << 20, config.limits.tasks)
        assert ("postgres" in services) == (not config.database.url)
        assert ("redis" in services) == (not (config.redis.url or config.redis.sentinels))

    taken()


NO_ENVIRONMENT: Mapping[str, str] = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


def duration(text: str) -> int:
    """Read Go's way to write seconds: 1h0m5s."""
    return sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in re.findall(r"(\d+)([hms])", text))


def test_systemd_takes_any_model(folder: Path) -> None:
    """`systemd-analyze verify` says nothing, and in the units and files that it reads stand the model's numbers."""
    analyze = programs.needed("systemd-analyze", "systemd")
    release = folder / "opt" / "releases" / "1.2.3"
    python = release / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    for link in (folder / "opt" / "current", folder / "opt" / "instances" / "1"):
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(release)
    units = folder / "units"

    @EXAMPLES
    @given(models("systemd"))
    def taken(config: Config) -> None:
        size = declared(config)
        texts = render.systemd(config, size, replace(systemd.host(config, PROGRAMS), prefix=str(folder / "opt")))
        files.remove(units)
        files.write_all(units, {instantiated(name): text for name, text in texts.items()})
        command = [str(analyze), "verify", "--man=no", *(str(path) for path in sorted(units.iterdir()))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        read = systemd.read(config, size)
        same_numbers(config, read)
        environment = systemd.release_files(config, size, PROGRAMS, "0")["app.env"]
        assert read.app == unit(texts["parley-web@.service"], environment)
        web, nginx = texts["parley-web@.service"], texts["parley-nginx.service"]
        assert setting(web, "MemoryMax") == f"{config.limits.instance_megabytes}M"
        assert setting(web, "TasksMax") == str(config.limits.tasks)
        assert int(setting(nginx, "LimitNOFILE")) == config.limits.open_files
        stop = int(setting(nginx, "TimeoutStopSec").removesuffix("s"))
        assert stop > config.nginx.worker_shutdown_seconds
        assert setting(texts["parley-backup.timer"], "OnCalendar") == f"*-*-* {config.backup.at}:00 UTC"
        assert ("parley-redis.service" in texts) == (not (config.redis.url or config.redis.sentinels))
        assert ("parley-probe.service" in texts) == bool(config.app.metrics_port)

    taken()


PROGRAMS = systemd.Programs(nginx=Path("/bin/true"), redis=Path("/bin/true"))


def instantiated(name: str) -> str:
    """Name a template's first instance: of a release, where it is for one."""
    instance = "1.2.3" if name.startswith("parley-migrate") else "1"
    return name.replace("@.", f"@{instance}.")
