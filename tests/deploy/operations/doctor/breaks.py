"""For every check one way to break exactly that: in the model, in nginx's files, or in the running stack."""

import contextlib
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from deploy.effects import procfs
from deploy.model.config import Overrides, load
from deploy.operations.doctor.checks.host import MOST_USED
from tests.deploy.operations.doctor import certificates
from tests.deploy.operations.doctor.testhost import Change, HostUnderTest, soft_limit
from tests.programs import needs_root
from tests.running import free_port

OTHER = "https://elsewhere.invalid"
SKEW_SECONDS = 20
CONNECTIONS = 150
DROP_IN = "/run/systemd/system/parley-web@1.service.d"
Do = Callable[[HostUnderTest, Path], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True)
class Break:
    """How one thing is broken, in words and in deeds; `tmp` is an empty folder."""

    words: str
    do: Do = field(default=lambda _host, _tmp: contextlib.nullcontext())
    changes: Overrides | Callable[[HostUnderTest], Overrides] | None = (
        None  # of parley.toml, while the stack runs as before
    )
    options: dict[str, Any] = field(default_factory=dict)  # of the doctor
    model: str = ""  # the environment whose rules alone are judged
    host: tuple[str, ...] = ()  # what breaks an installed host, where `up` has nothing to break
    also: tuple[str, ...] = ()  # the checks that rightly find it, too
    on_compose: bool = False  # whether it is broken there, by a test of Compose


def on_disk(words: str, *changes: Change) -> Break:
    """Change what the next reload would read."""
    return Break(words, lambda host, _: host.written(*changes))


def loaded(words: str, *changes: Change, **options: Any) -> Break:
    """Change what nginx runs with."""
    return Break(words, lambda host, _: host.loaded(*changes), options=options)


def toml(words: str, **changes: dict[str, Any]) -> Break:
    """Change parley.toml under the running stack."""
    return Break(words, changes=changes)


def of_compose(words: str, **changes: dict[str, Any]) -> Break:
    """Change parley.toml where the stack is Compose; the numbers of `up` follow the machine."""
    return Break(words, changes=changes, model="compose")


def instance(words: str, **variables: str) -> Break:
    """Run one instance with other variables."""
    return Break(words, lambda host, _: host.replaced(**variables))


def origin(words: str, rest: str) -> Break:
    """Have nginx write the site's own Origin for some."""

    @contextlib.contextmanager
    def do(host: HostUnderTest, _: Path) -> Iterator[None]:
        own = host.stack.address.origin
        mapped = f"map $http_origin $written {{\n{rest.format(own=own)}}}\n"
        header = ("locations.conf", "proxy_buffering off;", "proxy_set_header Origin $written;")
        with host.loaded(("upgrade.conf", "", mapped), header):
            yield

    return Break(words, do)


@contextlib.contextmanager
def _old_versions(_: HostUnderTest, tmp: Path) -> Iterator[None]:
    found = tmp / "channels_redis-4.2.0.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: channels-redis\nVersion: 4.2.0\n")
    sys.path.insert(0, str(tmp))
    try:
        yield
    finally:
        sys.path.remove(str(tmp))


@contextlib.contextmanager
def _full_disk(host: HostUnderTest, _: Path) -> Iterator[None]:
    """Put a small file system where the logs go; nginx goes on in the file that it has open."""
    needs_root("a file system of its own")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(host.layout.log)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(host.layout.log)], check=True)


@contextlib.contextmanager
def _few_files(host: HostUnderTest, _: Path) -> Iterator[None]:
    """Hold connections open, and lower the limit of nginx's workers until they fill most of it."""
    address = host.stack.address
    workers = procfs.children(host.stack.state["nginx_pid"])
    with contextlib.ExitStack() as stack:
        before = sum(map(procfs.descriptors, workers))
        for _number in range(CONNECTIONS):
            stack.enter_context(socket.create_connection((address.hostname, address.port)))
        host.until(lambda: sum(map(procfs.descriptors, workers)) >= before + CONNECTIONS, "nginx does not accept")
        most = max(map(procfs.descriptors, workers))
        with soft_limit(workers, int(most / MOST_USED * 0.95)):
            yield


@contextlib.contextmanager
def _low_limit(host: HostUnderTest, _: Path) -> Iterator[None]:
    config = load()
    with soft_limit([host.stack.instances[0].pid], config.app.sockets):
        yield


@contextlib.contextmanager
def _open_key(host: HostUnderTest, _: Path) -> Iterator[None]:
    path = host.layout.secret_key
    before = path.stat().st_mode
    path.chmod(0o644)
    try:
        yield
    finally:
        path.chmod(before)


@contextlib.contextmanager
def _dead(host: HostUnderTest, _: Path) -> Iterator[None]:
    with host.unattended():
        yield


@contextlib.contextmanager
def _fast_clock(host: HostUnderTest, tmp: Path) -> Iterator[None]:
    code = f"import time\nreal = time.time\ntime.time = lambda: real() + {SKEW_SECONDS}\n"
    (tmp / "sitecustomize.py").write_text(code)
    with host.replaced(PYTHONPATH=str(tmp)):
        yield


@contextlib.contextmanager
def _redis(host: HostUnderTest, name: str, value: Callable[[Redis], Any]) -> Iterator[None]:
    with Redis.from_url(host.stack.state["layer"]) as redis:
        before = redis.config_get(name)[name]
        redis.config_set(name, value(redis))
        try:
            yield
        finally:
            redis.config_set(name, before)


@contextlib.contextmanager
def _no_channels(host: HostUnderTest) -> Iterator[None]:
    """Redis cuts off who listens to what is not allowed any more; they come back when it is."""
    with Redis.from_url(host.stack.state["layer"]) as redis:
        redis.execute_command("ACL", "SETUSER", "default", "resetchannels")
        try:
            yield
        finally:
            redis.execute_command("ACL", "SETUSER", "default", "allchannels")
            host.until_ready()


def _used(redis: Redis) -> int:
    return int(redis.info("memory")["used_memory"])


@contextlib.contextmanager
def _served(host: HostUnderTest, pair: certificates.Pair, *, reload: bool) -> Iterator[None]:
    """Put another certificate in the place of the stack's."""
    places = (host.layout.certificate, host.layout.certificate_key)
    before = [path.read_bytes() for path in places]
    try:
        for path, data in zip(places, pair, strict=True):
            path.write_bytes(data)
        if reload:
            host.reload()
        yield
    finally:
        for path, data in zip(places, before, strict=True):
            path.write_bytes(data)
        host.reload()


@contextlib.contextmanager
def _locked_database(host: HostUnderTest, _: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(host.layout.database, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            database.execute("ROLLBACK")


@contextlib.contextmanager
def _open_metrics(host: HostUnderTest, _: Path) -> Iterator[None]:
    passed = f"proxy_pass http://{host.stack.instances[0].metrics};"
    with host.loaded(("locations.conf", "return 404;", passed)):
        yield


@contextlib.contextmanager
def _moved(host: HostUnderTest, _: Path) -> Iterator[None]:
    old = f":{host.stack.address.port} ssl"
    with host.loaded(("server.conf", old, f":{free_port()} ssl")):
        yield


@contextlib.contextmanager
def _nowhere(host: HostUnderTest, _: Path) -> Iterator[None]:
    """Have the resolver name one more; whoever else looks the name up takes the first, which answers."""
    real = socket.getaddrinfo

    def found(name: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        more = real("127.0.0.2", port, *args, **kwargs) if name == host.stack.address.hostname else []
        return [*real(name, port, *args, **kwargs), *more]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", found)
        yield


@contextlib.contextmanager
def _fewer_servers(host: HostUnderTest, _: Path) -> Iterator[None]:
    path = host.stack.instances[1].socket
    with host.written(("upstream.conf", f'    server "unix:{path}" max_fails=0;\n', "")):
        yield


@contextlib.contextmanager
def _fewer_files(host: HostUnderTest, _: Path) -> Iterator[None]:
    text = (host.layout.nginx / "nginx.conf").read_text()
    line = next(line for line in text.splitlines() if line.startswith("worker_rlimit_nofile"))
    with host.written(("nginx.conf", line, "worker_rlimit_nofile 1000;")):
        yield


BREAKS = {
    "open-files-known": of_compose("limits.open_files is 0", limits={"open_files": 0}),
    "stop-times-add": toml("stop.uvicorn_seconds is one more", stop={"uvicorn_seconds": 4}),
    "reload-outlasts-drain": toml("nginx.worker_shutdown_seconds is 8", nginx={"worker_shutdown_seconds": 8}),
    "nginx-has-connections": of_compose(
        "app.sockets is 6000 with 20000 open files", app={"sockets": 6000}, nginx={"workers": 1}
    ),
    "instance-has-files": of_compose(
        "app.sockets is 3900 with 4000 open files",
        app={"sockets": 3900, "instances": 1},
        nginx={"workers": 5},
        limits={"open_files": 4000},
    ),
    "memory-holds-sockets": of_compose("limits.instance_megabytes is 200", limits={"instance_megabytes": 200}),
    "database-has-connections": of_compose("database.pool is 40", database={"pool": 40}),
    "one-redis": toml(
        "both redis.url and redis.sentinels", redis={"url": "redis://a", "sentinels": ["b:1"], "sentinel_name": "c"}
    ),
    "sentinels-have-a-name": toml("redis.sentinels without a name", redis={"sentinels": ["b:1"]}),
    "logins-are-for-sentinels": toml("redis.user without sentinels", redis={"user": "chat"}),
    "authority-is-for-tls": toml(
        "redis.ca_file beside a redis.url without TLS", redis={"url": "redis://a", "ca_file": "/etc/ssl/redis-ca.pem"}
    ),
    "ports-differ": Break(
        "site.http_port is site.port", changes=lambda host: {"site": {"http_port": host.stack.address.port}}
    ),
    "proxy-is-named": toml("site.tls is none, and no proxy is named", site={"tls": "none"}),
    "proxies-are-ours": toml("site.trusted_proxies holds everybody", site={"trusted_proxies": ["0.0.0.0/0"]}),
    "metrics-ports-fit": toml("app.metrics_port is 65535", app={"metrics_port": 65_535}),
    "stack-runs": Break("nothing was started in the folder"),
    "beside-it-runs": Break("the clean-up's timer is stopped", host=("systemctl", "stop", "parley-cleanup.timer")),
    "sandbox-refuses-nothing": Break("a write to a read-only folder was logged", on_compose=True),
    "versions-are-locked": Break("an older channels-redis is installed", _old_versions),
    "disk-has-room": Break("a file system of 4 MB where the logs go", _full_disk),
    "descriptors-are-left": Break("connections that fill most of what nginx's workers may open", _few_files),
    "secrets-are-private": Break("everybody may read the secret key", _open_key),
    "instances-are-ready": Break("web-2 is killed, and nobody starts it again", _dead),
    "releases-agree": instance("web-2 runs another release", PARLEY_RELEASE="0.0.1-00000000"),
    "replicas-agree": instance("web-2 was started with another PARLEY_BURST", PARLEY_BURST="201"),
    "clocks-agree": Break(f"web-2's clock is {SKEW_SECONDS} s ahead", _fast_clock),
    "nginx-accepts-its-files": on_disk("a line that nginx does not know", ("nginx.conf", "", "oops;\n")),
    "three-pings": on_disk(
        "proxy_read_timeout is 59 s", ("locations.conf", "proxy_read_timeout 60s", "proxy_read_timeout 59s")
    ),
    "kill-after-graceful": Break(
        "systemd kills web-1 after 16 s",
        host=("sh", "-c", f"mkdir -p {DROP_IN} && printf '[Service]\nTimeoutStopSec=16\n' >{DROP_IN}/short.conf"),
    ),
    "reload-outlasts-the-apps-drain": on_disk(
        "worker_shutdown_timeout is 8 s", ("nginx.conf", "worker_shutdown_timeout 10s", "worker_shutdown_timeout 8s")
    ),
    "files-hold-sockets": Break("the limit of open files of web-1 is lowered to its sockets", _low_limit),
    "one-body-size": on_disk(
        "client_max_body_size is one less",
        ("limits.conf", "client_max_body_size 1048576", "client_max_body_size 1048575"),
    ),
    "nobody-is-given-up": on_disk("no max_fails=0 on the servers", ("upstream.conf", " max_fails=0", "")),
    "proxies-are-one": on_disk(
        "X-Forwarded-For is appended to",
        ("proxy.conf", "X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for"),
    ),
    "nginx-has-files": Break("worker_rlimit_nofile is 1000", _fewer_files),
    "nginx-knows-instances": Break("web-2 is not among the upstream's servers", _fewer_servers),
    "app-runs-the-model": toml("app.burst was changed after the start", app={"burst": 201}),
    "nginx-files-are-the-model": on_disk("somebody wrote a comment", ("server.conf", "", "# mine\n")),
    "layer-is-permitted": Break("Redis allows its user no channel (`+@all ~*`)", lambda host, _: _no_channels(host)),
    "layer-is-well": Break("Redis is stopped", lambda host, _: host.stopped(host.stack.state["redis_pid"])),
    "layer-has-room": Break(
        "maxmemory is little more than what is used",
        lambda host, _: _redis(host, "maxmemory", lambda redis: int(_used(redis) * 1.15)),
    ),
    "layer-evicts-nothing": Break(
        "maxmemory-policy is allkeys-lru",
        lambda host, _: _redis(host, "maxmemory-policy", lambda _redis: "allkeys-lru"),
    ),
    "edge-answers": Break("nginx listens on another port", _moved),
    "pages-have-their-files": loaded("/static/ leads to another folder", ("static.conf", '/static/";', '/nothing/";')),
    "metrics-are-shut": Break("/metrics leads to an instance's", _open_metrics),
    "hsts-as-modelled": loaded(
        "a header that parley.toml does not set",
        ("security.conf", "", 'add_header Strict-Transport-Security "max-age=60";\n'),
    ),
    "http-is-sent-to-https": loaded("no error_page 497", ("tls.conf", "error_page 497 = @to_https;", "")),
    "addresses-cannot-be-forged": loaded(
        "X-Forwarded-For is forwarded",
        ("proxy.conf", "X-Forwarded-For $remote_addr", "X-Forwarded-For $http_x_forwarded_for"),
        forge=True,
    ),
    "names-lead-here": Break("localhost has one more address, where nobody listens", _nowhere),
    "visitors-keep-their-addresses": Break("site.subnets was changed after `up`", on_compose=True),
    "certificate-lasts": Break(
        "seven days are left", lambda host, tmp: _served(host, certificates.short(tmp), reload=True)
    ),
    "certificate-names-the-site": Break(
        "it is another site's", lambda host, tmp: _served(host, certificates.another(tmp), reload=True)
    ),
    "certificate-is-the-files": Break(
        "it was made again, and nginx not reloaded",
        lambda host, tmp: _served(host, certificates.fresh(tmp), reload=False),
    ),
    "certificate-is-vouched-for": Break(
        "an authority made it that nobody knows",
        lambda host, _: _served(host, certificates.unknown(), reload=True),
    ),
    "handshakes-are-passed-on": loaded(
        "nginx does not forward Upgrade", ("locations.conf", "    proxy_set_header Upgrade $upgrade;\n", "")
    ),
    "own-origin-is-let-in": loaded(
        "nginx writes another Origin",
        ("locations.conf", "proxy_buffering off;", f"proxy_set_header Origin {OTHER};"),
    ),
    "foreign-origin-is-refused": origin("nginx writes the site's Origin over others", '"" "";\ndefault {own};\n'),
    "missing-origin-is-refused": origin(
        "nginx writes the site's Origin where there is none", '"" {own};\ndefault $http_origin;\n'
    ),
    "message-comes-back": Break("somebody holds the database's write lock", _locked_database),
    "idle-socket-lives": loaded(
        "proxy_read_timeout is shorter than a ping",
        ("locations.conf", "proxy_read_timeout 60s", "proxy_read_timeout 2s"),
        idle=4,
    ),
    "public-address-answers": Break(
        "nobody listens at site.public",
        changes={"site": {"public": "https://localhost:1"}},
        also=("app-runs-the-model", "nginx-files-are-the-model"),
    ),
}
