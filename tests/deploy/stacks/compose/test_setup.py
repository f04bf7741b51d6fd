"""What the one-shot `setup` makes, once or anew, and what it refuses."""

import datetime as dt
import json
import os
import stat
from pathlib import Path

import pytest
import yaml

from deploy.errors import BadInputError
from deploy.model.config import Config, load
from deploy.stacks.compose import variables
from deploy.stacks.compose.setup import setup
from deploy.text.compose import places
from deploy.text.compose.file import compose_file
from deploy.text.compose.file import variables as rendered_variables
from tests import authorities
from tests.deploy.operations.doctor import certificates
from tests.deploy.stacks.compose.volumes import contents, made, run, ship
from tests.foreign import TOML

NO_FOLDER = {"bind": {"create_host_path": False}}  # Docker would make one in the place of a file that is missing
NOWHERE = Path("/nonexistent/parley.toml")


@pytest.fixture
def srv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The volumes and the image's own files, in a folder."""
    return made(tmp_path, monkeypatch)


def test_secrets_are_made_once(srv: Path) -> None:
    """Another password would lock the app out of its database, another key end every session."""
    run()
    first = {folder: contents(folder) for folder in (places.APP, places.REDIS, places.POSTGRES)}
    run(PARLEY_REPLICAS="3")
    second = {folder: contents(folder) for folder in first}
    for texts in (first, second):
        texts[places.APP].pop("sockets")
    assert first == second
    key = first[places.APP]["secret_key"]
    assert len(key) >= 50
    passwords = {first[places.POSTGRES]["password"], first[places.REDIS]["password"]}
    assert len(passwords | {key}) == 3
    assert first[places.POSTGRES]["password"] in first[places.APP]["database_url"]
    assert f"requirepass {first[places.REDIS]['password']}\n" in first[places.REDIS]["redis.conf"]


def test_nobody_else_reads_them(srv: Path) -> None:
    """Our user and our group, no more; none of them is said."""
    said = run()
    for folder in (places.APP, places.REDIS, places.POSTGRES):
        for path in folder.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o440, path
    for name in ("secret_key", "database_url", "layer_url"):
        assert (places.APP / name).read_text() not in said
    assert stat.S_IMODE(places.CERTIFICATE_KEY.stat().st_mode) == 0o600


def test_hosts_ports_and_replicas_reach_the_app(srv: Path) -> None:
    """As origins with the port that a browser shows, and as sockets that fit."""
    run(PARLEY_HOSTS="chat.example.com, 192.0.2.7", PARLEY_PORT="443", PARLEY_REPLICAS="4")
    texts = contents(places.APP)
    assert texts["hosts"] == "localhost,127.0.0.1,[::1],chat.example.com,192.0.2.7"
    assert "https://chat.example.com," in texts["origins"]
    assert 2 * int(texts["sockets"]) * 4 < 20_000
    assert "return 308 https://$host$request_uri" in (places.CURRENT / "plain.conf").read_text()


def test_prometheus_is_told_how_often_and_how_many(srv: Path) -> None:
    """In files that its own user reads by our group."""
    run(PARLEY_REPLICAS="4", PARLEY_SCRAPE_SECONDS="5")
    texts = contents(places.PROMETHEUS)
    assert set(texts) == {"prometheus.yml", "rules.yml", "dashboard.json"}
    assert "scrape_interval: 5s\n" in texts["prometheus.yml"]
    assert 'count(up{job="parley"}) or vector(0)) < 4,' in texts["rules.yml"]
    for name in texts:
        assert stat.S_IMODE((places.PROMETHEUS / name).stat().st_mode) == 0o440


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PARLEY_PORT", "https", ".env: PARLEY_PORT: 'https' is not a number"),
        ("PARLEY_PORT", "0", ".env: PARLEY_PORT: must be 1 or more"),
        ("PARLEY_HOSTS", "a_b", ".env: PARLEY_HOSTS: 'a_b' is not a host name"),
        ("PARLEY_REPLICAS", "65", ".env: PARLEY_REPLICAS: must be 64 or less"),
        ("PARLEY_OPEN_FILES", "270", "the open-files limit of 270 is too low"),
        ("PARLEY_REPLICAS", "12", "rule database-has-connections"),
        ("PARLEY_HTTP_PORT", "8443", "rule ports-differ"),
    ],
)
def test_what_cannot_work_is_refused_by_its_name(srv: Path, name: str, value: str, words: str) -> None:
    """Before a file is written."""
    with pytest.raises(BadInputError) as refused:
        run(**{name: value})
    assert words in str(refused.value)
    assert contents(places.APP) == {}


def test_the_url_of_a_server_outside_comes_from_the_mounted_file(tmp_path: Path) -> None:
    """It may hold a password, so it is no variable of a container."""
    toml = tmp_path / "parley.toml"
    toml.write_text('[database]\nurl = "postgres://u:secret@db.example.com/parley"\n')
    found = variables.config({"PARLEY_MODEL": Config().model_dump_json(exclude={"database": {"url"}})}, toml)
    assert found.database.url == "postgres://u:secret@db.example.com/parley"


def test_the_authority_of_redis_is_where_it_is_mounted(
    srv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every process of the app and for `setup`, which refuses a file that no client could use."""
    toml = tmp_path / "parley.toml"
    toml.write_text('[redis]\nurl = "rediss://u:p@redis.lan/0"\nca_file = "/etc/ssl/a b$c.pem"\n')
    monkeypatch.setattr(places, "TOML", toml)
    with pytest.raises(BadInputError, match=r"^redis\.ca_file: /etc/ssl/a b\$c\.pem: No such file or directory$"):
        run()
    assert contents(places.APP) == {}
    mounted = authorities.made(tmp_path / "authority").ca_file
    monkeypatch.setattr(places, "REDIS_CA", mounted)
    run()
    assert (places.APP / "layer_url").read_text() == f"rediss://u:p@redis.lan/0?ssl_ca_certs={mounted}"
    given = {"redis": {"url": "rediss://u:p@redis.lan/0", "ca_file": "/etc/ssl/a b$c.pem"}}
    services = yaml.safe_load(compose_file(load(given, env="compose")))["services"]
    mount = {"type": "bind", "source": "/etc/ssl/a b$$c.pem", "target": places.FOLDERS["redis_ca"], "read_only": True}
    reading = [name for name, one in services.items() if mount | NO_FOLDER in one.get("volumes", [])]
    assert reading == ["setup", "migrate", "web", "cleanup", "probe"]


def test_a_project_s_variables_come_from_the_mounted_file(tmp_path: Path) -> None:
    """A value may be a password, which the variables of `setup` do not have."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "parley.toml").write_text(f'{TOML}[project.env]\nSTRIPE = "sk_live_1"\n')
    config = load(env="compose", project=project)
    services = yaml.safe_load(compose_file(config, "compose", tmp_path))["services"]
    assert "sk_live_1" not in json.dumps(services)
    file = tmp_path / "env.json"
    file.write_text(rendered_variables(config))
    told = {"PARLEY_MODEL": services["setup"]["environment"]["PARLEY_MODEL"]}
    assert variables.config(told, NOWHERE, file).project.env == {"STRIPE": "sk_live_1"}
    assert variables.config(told, NOWHERE).project.env == {}


def test_keys_of_a_newer_release_are_left_out(tmp_path: Path) -> None:
    """After a rollback the Compose file and parley.toml are still the newer one's."""
    model = Config().model_dump(mode="json") | {"invented": {"later": 1}}
    model["app"] |= {"sockets": 77, "later": [1]}
    toml = tmp_path / "parley.toml"
    toml.write_text('[database]\nurl = "postgres://db.example.com/parley"\nlater = 1\n[invented]\nlater = 1\n')
    found = variables.config({"PARLEY_MODEL": json.dumps(model)}, toml)
    assert (found.app.sockets, found.database.url) == (77, "postgres://db.example.com/parley")


def test_nginx_has_a_folder_to_a_release_and_a_link_to_one(srv: Path) -> None:
    """A rollout lets nginx read the new one before it is current."""
    run()
    ship(srv, "0.1.0-00000002", {})
    run("nginx")
    assert places.CURRENT.resolve().name.startswith("0.1.0-00000001-")
    [new] = places.NGINX.glob("0.1.0-00000002-*")
    assert (new / "nginx.conf").exists()
    run()
    assert places.CURRENT.resolve() == new.resolve()
    ship(srv, "0.1.0-00000003", {})
    run()
    assert {path.name[:14] for path in places.NGINX.iterdir()} == {"current", "0.1.0-00000002", "0.1.0-00000003"}


def test_what_nginx_reads_is_changed_in_one_step(srv: Path) -> None:
    """Other files of the same release have a folder of their own: nobody meets half of them, or before it is time."""
    run()
    before = places.CURRENT.resolve()
    run("nginx", PARLEY_HOSTS="chat.example.com")
    assert places.CURRENT.resolve() == before
    assert "chat.example.com" not in (before / "names.conf").read_text()
    run(PARLEY_HOSTS="chat.example.com")
    assert places.CURRENT.resolve() != before
    assert "chat.example.com" in (places.CURRENT / "names.conf").read_text()
    run(PARLEY_HOSTS="chat.example.com")
    assert len(list(places.NGINX.iterdir())) == 2


def test_a_certificate_of_somebody_else_is_left_alone(srv: Path) -> None:
    """One of ours is made again for other names."""
    assert "made now" in run()
    ours = places.CERTIFICATE.read_bytes()
    run()
    assert places.CERTIFICATE.read_bytes() == ours
    run(PARLEY_HOSTS="chat.example.com")
    assert places.CERTIFICATE.read_bytes() != ours
    lay(*certificates.unknown())
    theirs = places.CERTIFICATE.read_bytes()
    assert f"the one in {places.TLS}" in run(PARLEY_HOSTS="chat.example.com")
    assert places.CERTIFICATE.read_bytes() == theirs


def lay(first: bytes | None = None, key: bytes | None = None) -> None:
    """Put the operator's files where the container finds them."""
    for path, data in ((places.CERTIFICATE, first), (places.CERTIFICATE_KEY, key)):
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)


def states(srv: Path) -> dict[Path, tuple[int, ...]]:
    """Give what a write changes, and a reading does not."""
    found = {path: path.lstat() for path in srv.rglob("*")}
    return {path: (one.st_ino, one.st_mode, one.st_size, one.st_mtime_ns) for path, one in found.items()}


def refused(srv: Path, **env: str) -> str:
    """See that it is refused before anything is written, and give the line."""
    before = states(srv)
    with pytest.raises(BadInputError) as error:
        run(**env)
    assert states(srv) == before
    assert "\n" not in str(error.value)
    return str(error.value)


OWN = {"PARLEY_TLS": "/etc/parley/tls"}
EXPECTED = "certificate.pem (with its chain) and key.pem should be there, readable by user 10001"


def test_a_pair_of_the_operators_is_served(srv: Path) -> None:
    """And stays."""
    pair = certificates.unknown()
    lay(*pair)
    assert f"the one in {places.TLS}" in run(**OWN)
    assert (places.CERTIFICATE.read_bytes(), places.CERTIFICATE_KEY.read_bytes()) == pair


def test_half_a_pair_is_refused_by_the_operators_own_name(srv: Path) -> None:
    """A key alone was overwritten; so was one that is another certificate's."""
    first, key = certificates.unknown()
    lay(key=key)
    line = f".env: PARLEY_TLS: /etc/parley/tls/key.pem is there without certificate.pem: {EXPECTED}"
    assert refused(srv, **OWN) == line
    assert refused(srv).startswith(f"the volume tls: {places.TLS}/key.pem is there without certificate.pem: put both ")
    lay(first, certificates.unknown()[1])
    assert refused(srv, **OWN).startswith(".env: PARLEY_TLS: /etc/parley/tls/key.pem is not the key of ")
    lay(first, certificates.encrypted(key))
    assert refused(srv, **OWN).startswith(".env: PARLEY_TLS: /etc/parley/tls/key.pem is encrypted, ")
    lay(*certificates.unknown(dt.timedelta(days=-1)))
    assert refused(srv, **OWN).startswith(".env: PARLEY_TLS: /etc/parley/tls/certificate.pem ended on ")


def test_links_that_lead_out_of_the_folder_are_refused(srv: Path) -> None:
    """The container has the folder alone; they were replaced by a self-signed pair."""
    places.CERTIFICATE.symlink_to("../../archive/chat/fullchain1.pem")
    places.CERTIFICATE_KEY.symlink_to("../../archive/chat/privkey1.pem")
    words = "certificate.pem is a link to ../../archive/chat/fullchain1.pem, which is not there: "
    assert refused(srv, **OWN) == f".env: PARLEY_TLS: /etc/parley/tls/{words}{EXPECTED}"


def test_other_names_are_refused(srv: Path) -> None:
    """A self-signed pair was made beside them."""
    assert refused(srv, **OWN) == f".env: PARLEY_TLS: /etc/parley/tls holds nothing: {EXPECTED}"
    for name in ("fullchain.pem", "privkey.pem"):
        (places.TLS / name).write_text("")
    assert refused(srv, **OWN) == f".env: PARLEY_TLS: /etc/parley/tls holds fullchain.pem, privkey.pem: {EXPECTED}"


def test_one_of_ours_may_lie_in_the_operators_folder(srv: Path) -> None:
    """An earlier `setup` made it there."""
    run()
    assert "self-signed" in run(**OWN)


def test_what_acme_fills_need_not_be_whole(srv: Path) -> None:
    """One that ended or is torn is what it is there to replace: refusing it would keep it from that."""
    assert "made now" in run(**OWN, COMPOSE_PROFILES="monitoring,acme")
    lay(*certificates.unknown(dt.timedelta(days=-1)))
    assert "the one in" in run(COMPOSE_PROFILES="acme")
    lay(certificates.unknown()[0], certificates.unknown()[1])
    assert "the one in" in run(COMPOSE_PROFILES="acme")


def test_acme_is_refused_where_a_proxy_has_the_certificate(srv: Path) -> None:
    """Nobody would answer its challenges; it would fail every hour."""
    model = json.dumps({"site": {"tls": "none", "trusted_proxies": ["10.0.0.1"]}, "limits": {"open_files": 20_000}})
    assert refused(srv, PARLEY_MODEL=model, COMPOSE_PROFILES="monitoring,acme") == (
        'COMPOSE_PROFILES: acme: site.tls is "none": the proxy in front has the certificate'
    )


def test_acme_does_not_replace_the_operators_own(srv: Path) -> None:
    """But what it wrote itself, and what we made."""
    acme = {**OWN, "COMPOSE_PROFILES": "acme"}
    first, key = certificates.unknown()
    lay(first, key)
    assert refused(srv, **acme).startswith(
        ".env: PARLEY_TLS: COMPOSE_PROFILES has acme, which would replace /etc/parley/tls/certificate.pem: "
    )
    lay(None, key)
    assert refused(srv, **acme).startswith(".env: PARLEY_TLS: /etc/parley/tls/key.pem is there without ")
    lay(first, key)
    archive = places.CERTBOT / "archive/parley"
    archive.mkdir(parents=True)
    (archive / "fullchain1.pem").write_bytes(first)
    (archive / "privkey1.pem").write_bytes(key)
    (archive / "privkey2.pem").write_bytes(b"the next one")
    assert "the one in" in run(**acme)


def serve(pair: tuple[bytes, bytes]) -> None:
    """Have nginx have accepted a pair before, as compose/edge.sh leaves it."""
    (places.SERVED_TLS / "one").mkdir(parents=True)
    (places.SERVED_TLS / "now").symlink_to("one")
    for name, data in zip(("certificate.pem", "key.pem"), pair, strict=True):
        (places.SERVED_TLS / "one" / name).write_bytes(data)
        (places.SERVED_TLS / name).symlink_to(f"now/{name}")


def warning(**env: str) -> str:
    """Run both parts that a rollout and `up` run, and give the line that both say."""
    for only in ("nginx", None):
        found = [line for line in run(only, **env).splitlines() if line.startswith("warning: ")]
        assert len(found) == 1, found
    assert (places.CURRENT / "nginx.conf").exists()
    assert (places.APP / "hosts").exists()
    return found[0]


def test_a_site_that_serves_goes_on_with_a_certificate_that_has_ended(srv: Path) -> None:
    """Compose has replaced its containers by then, and a hotfix cannot wait for the certificate."""
    ended = certificates.unknown(dt.timedelta(days=-1))
    lay(*ended)
    refused(srv, **OWN)
    serve(ended)
    line = warning(**OWN)
    assert line.startswith("warning: .env: PARLEY_TLS: /etc/parley/tls/certificate.pem ended on ")
    assert line.endswith("; it is still served")
    assert warning().startswith(f"warning: the volume tls: {places.TLS}/certificate.pem ended on ")
    assert (places.CERTIFICATE.read_bytes(), places.CERTIFICATE_KEY.read_bytes()) == ended
    (places.SERVED_TLS / "one/key.pem").unlink()
    assert " ended on " in refused(srv, **OWN), "half of a copy serves nothing"


def test_a_site_that_serves_goes_on_with_its_copy_where_the_pair_cannot_be_served(srv: Path) -> None:
    """Torn, half, encrypted, elsewhere, or one that acme would be given: nothing is made in its place."""
    run()
    own = places.OWN.read_bytes()
    first, key = certificates.unknown()
    serve((places.CERTIFICATE.read_bytes(), places.CERTIFICATE_KEY.read_bytes()))
    stays = "; nginx stays with what it served before"
    halves = ((first, certificates.unknown()[1]), (None, key), (first, None), (first, certificates.encrypted(key)))
    for pair in (*halves, (None, None)):
        lay(*pair)
        line = warning(**OWN)
        assert line.startswith("warning: .env: PARLEY_TLS: /etc/parley/tls"), pair
        assert line.endswith(stays)
        left = [path.read_bytes() if path.exists() else None for path in (places.CERTIFICATE, places.CERTIFICATE_KEY)]
        assert left == list(pair)
    lay(first, key)
    line = warning(**OWN, COMPOSE_PROFILES="acme")
    assert "which would replace" in line
    assert line.endswith(stays)
    assert places.OWN.read_bytes() == own, "the probe trusts what is still served"


def test_a_folder_that_cannot_be_written_stops_no_site_that_serves(srv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of ours lies there, and would be made anew for another name."""
    run()
    pair = places.CERTIFICATE.read_bytes(), places.CERTIFICATE_KEY.read_bytes()
    monkeypatch.setattr(os, "access", lambda path, _: path != places.TLS)
    with pytest.raises(BadInputError, match="cannot make a certificate there"):
        run(**OWN, PARLEY_HOSTS="chat.example.com")
    serve(pair)
    said = run(**OWN, PARLEY_HOSTS="chat.example.com")
    assert f"warning: {places.TLS}: user 10001 cannot make a certificate there; nginx stays with" in said
    assert (places.CERTIFICATE.read_bytes(), places.CERTIFICATE_KEY.read_bytes()) == pair


def test_acme_may_know_what_was_made_here(srv: Path) -> None:
    """The pair as it is, where compose/acme.sh looks for what it may replace; nothing of somebody else's."""

    def told() -> tuple[bytes, bytes]:
        return (places.OURS / "certificate.pem").read_bytes(), (places.OURS / "key.pem").read_bytes()

    run()
    made = places.CERTIFICATE.read_bytes(), places.CERTIFICATE_KEY.read_bytes()
    assert told() == made
    run(PARLEY_HOSTS="chat.example.com")
    made = places.CERTIFICATE.read_bytes(), places.CERTIFICATE_KEY.read_bytes()
    assert told() == made
    assert stat.S_IMODE((places.OURS / "key.pem").stat().st_mode) == 0o600
    lay(*certificates.unknown())
    run()
    assert told() == made


def test_the_model_is_the_files_own(srv: Path) -> None:
    """A value that cannot be is refused, and named."""
    model = json.loads(load(env="compose").model_dump_json())
    model["app"]["sockets"] = "many"
    with pytest.raises(BadInputError, match=r"PARLEY_MODEL: app\.sockets: "):
        list(setup({"PARLEY_MODEL": json.dumps(model)}))
    assert contents(places.APP) == {}
