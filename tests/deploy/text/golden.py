"""What every environment is rendered to, kept under golden/ so that a review sees what a change does to each.

After a change that is meant: `.venv/bin/python -m tests.deploy.text.golden`, then read `git diff`.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.model.capacity import capacity, declared
from deploy.model.config import FILE, Config, load, parse
from deploy.model.paths import Paths
from deploy.stacks.local import application, binaries, plan, told
from deploy.stacks.local.layout import Layout
from deploy.text import environment, render
from deploy.text.compose import file as compose
from deploy.text.compose import site
from deploy.text.readback import NginxFacts
from deploy.text.systemd import site as systemd
from deploy.text.systemd.foreign import Given, Place

FOLDER = Path(__file__).parent / "golden"
OPEN_FILES = 20_000
RELEASE = "0.0.0-golden"
# Everything that parley.toml leaves out, at once.
STAGING = """
[env.staging]
like = "compose"

[env.staging.site]
hosts = ["staging.example.com", "10.1.2.3", "fd00::7"]
port = 443
http_port = 80
trusted_proxies = ["10.0.0.0/8", "fd00::/8"]
subnets = ["172.30.5.0/24", "fd12:3456:789a::/64"]

[env.staging.app]
instances = 3
log_format = "console"

[env.staging.database]
url = "postgres://parley:secret@db.example.com:5432/parley"

[env.staging.redis]
sentinels = ["10.0.0.7:26379", "10.0.0.8:26379"]
sentinel_name = "chat"
password = "secret"

[env.staging.nginx]
workers = 4
sockets_per_address = 0
handshakes_per_second = 0
hsts_seconds = 31536000
"""

# What a project has that the reference chat has not.
PROJECT = """
[site]
name = "mysite"
hosts = ["www.example.com"]

[app]
metrics_port = 9201

[project]
asgi = "mysite.asgi:application"
settings = "mysite.settings"
sockets = ["/ws/", "/live/"]
streams = ["/events/"]
health = "/health/"
database = "sqlite"
media = "uploads"
release = ["migrate --noinput", "createcachetable 'a table'"]

[project.env]
REDIS_URL = "{redis_url}"
WHO = "{instance} of {release}"
STRIPE_KEY = "file:/etc/mysite/stripe"

[project.processes]
worker = {run = "celery -A mysite worker", instances = 2, grace = 120}
beat = {run = "celery -A mysite beat -s /tmp/beat", single = true}

[project.schedule]
nightly = {run = "manage.py send_digest 'to all' '^\\\\d+$'", at = "04:00"}

[project.sandbox]
internet = false
write = ["notes"]
relax = ["jit", "resources"]
"""
PLACE = Place(
    paths=Paths(("/ws/", "/live/"), ("/events/",), "/static/", "/files/"),
    is_hashed=True,
)


def texts() -> dict[str, str]:
    """Return {path under golden/: text}."""
    folders = {
        "local": _local(_config("local")),
        "compose": _compose(
            _config("compose")
        ),  # its Compose file is the checkout's own: tests/deploy/stacks/compose compares it
        "systemd": _systemd(_config("systemd")),
        "systemd-project": _project(),
        "staging": {**_compose(_config("staging")), compose.FILE: compose.compose_file(_config("staging"), "staging")},
    }
    return {f"{env}/{name}": text for env, found in folders.items() for name, text in found.items()}


def _config(env: str) -> Config:
    return parse(FILE.read_text() + STAGING, FILE.name, env=env)


def _local(config: Config) -> dict[str, str]:
    layout = Layout(Path("/srv/parley"))
    found = plan.Plan(
        config=config,
        layout=layout,
        capacity=capacity(config, OPEN_FILES),
        nginx=binaries.Nginx(Path("/usr/sbin/nginx"), (1, 22, 1)),
        redis=Path("/usr/bin/redis-server"),
        listen=(f"127.0.0.1:{config.site.port}", f"[::1]:{config.site.port}"),
        metrics_ports=(9001, 9002),
        release=RELEASE,
        application=application.own(load()),
    )
    web = told.app_environment(found, {}) | environment.instance("web-1", layout.run / "web-1.sock", "127.0.0.1:9001")
    edge = replace(plan.nginx_site(found), user="")  # as who is not root has it, whoever writes this
    return {"web-1.env": _lines(web), "nginx.conf": _whole(render.nginx(config, edge))}


def _compose(config: Config) -> dict[str, str]:
    return {
        "app.env": _lines(site.app(config, declared(config)) | site.files(config, declared(config))),
        "nginx.conf": _whole(compose.nginx(config)),
    }


def _project() -> dict[str, str]:
    with TemporaryDirectory() as folder:
        Path(folder, FILE.name).write_text(PROJECT)
        config = load(env="systemd", project=Path(folder))
    given = Given("of-nobody", "redis://:of-nobody@127.0.0.1:6380/0")
    secrets = systemd.secret_files(config, systemd.fitting(config), RELEASE, PLACE, given)
    return _systemd(config, PLACE) | {f"secrets/{name}": text for name, text in secrets.items()}


def _systemd(config: Config, place: Place | None = None) -> dict[str, str]:
    size = systemd.fitting(config)
    units = systemd.units(config, size, systemd.Programs())
    files = systemd.release_files(config, size, systemd.Programs(), RELEASE, place)
    return {
        "units.conf": "\n".join(f"##### {name}\n{text}" for name, text in sorted(units.items())),
        "nginx.conf": _whole({name.removeprefix("nginx/"): text for name, text in files.items()}),
        **{name: text for name, text in files.items() if name in {"app.env", "web-1.env", "release.sh"}},
    }


def _lines(variables: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in variables.items())


def _whole(files: dict[str, str]) -> str:
    """Put every include in its place: one file to read."""
    return NginxFacts.of(files).text


def write() -> None:
    """Write all of it anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, text in texts().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write()
