"""The environment: every problem at once, secrets from files, and nothing open in production by default."""

from pathlib import Path

import pytest

from config.env import LOCAL_SECRET, Environment, WrongEnvironmentError, read

PRODUCTION = {
    "PARLEY_ENV": "production",
    "PARLEY_SECRET_KEY": "x" * 50,
    "PARLEY_HOSTS": "chat.example.com, www.example.com",
    "PARLEY_ORIGINS": "https://chat.example.com,https://chat.example.com:8443",
    "PARLEY_DATABASE_URL": "sqlite:////srv/parley.db",
    "PARLEY_LAYER_URL": "redis://localhost:6379/0",
    "PARLEY_STATIC_ROOT": "/srv/static",
}


def problems(variables: dict[str, str]) -> list[str]:
    """The lines of the message that ends the process."""
    with pytest.raises(WrongEnvironmentError) as caught:
        read(variables)
    first, *lines = str(caught.value).splitlines()
    assert first == "The environment cannot be used:"
    return [line.strip() for line in lines]


def test_production_is_read() -> None:
    """Lists without their spaces, numbers as numbers, and other programs' variables left alone."""
    environment = read(PRODUCTION | {"PARLEY_SOCKETS": "100", "PATH": "/bin", "PARLEY_UNKNOWN": "1"})
    assert environment.hosts == ("chat.example.com", "www.example.com")
    assert environment.origins == ("https://chat.example.com", "https://chat.example.com:8443")
    assert environment.sockets == 100
    assert environment.static_root == Path("/srv/static")


def test_production_without_anything_lists_everything_at_once() -> None:
    """An operator does not find them one restart at a time."""
    assert problems({"PARLEY_ENV": "production"}) == [
        "PARLEY_SECRET_KEY: needs 50 characters",
        "PARLEY_HOSTS: is missing",
        "PARLEY_ORIGINS: is missing",
        "PARLEY_DATABASE_URL: is missing",
        "PARLEY_LAYER_URL: is missing",
        "PARLEY_STATIC_ROOT: is missing",
    ]


def test_what_is_wrong_does_not_hide_what_is_missing() -> None:
    """Wrong values, a file that is not there and missing variables, in one message."""
    lines = problems(
        {
            "PARLEY_ENV": "production",
            "PARLEY_SOCKETS": "many",
            "PARLEY_ORIGINS": "chat.example.com",
            "PARLEY_SECRET_KEY_FILE": "/nowhere/key",
            "PARLEY_HOSTS": "*",
        }
    )
    named = [line.split(":")[0] for line in lines]
    assert sorted(set(named)) == [
        "PARLEY_DATABASE_URL",
        "PARLEY_HOSTS",
        "PARLEY_LAYER_URL",
        "PARLEY_ORIGINS",
        "PARLEY_SECRET_KEY",
        "PARLEY_SECRET_KEY_FILE",
        "PARLEY_SOCKETS",
        "PARLEY_STATIC_ROOT",
    ]
    assert "PARLEY_HOSTS: must name hosts, not *" in lines
    assert "PARLEY_ORIGINS: 'chat.example.com' is not an origin such as https://chat.example.com" in lines


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PARLEY_SECRET_KEY", "short", "needs 50 characters"),
        ("PARLEY_SECRET_KEY", LOCAL_SECRET, "is the one of local"),
        ("PARLEY_SECRET_KEY", f"{'x' * 50}\nshort", "needs 50 characters"),
        ("PARLEY_SECRET_KEY", f"{'x' * 50}\n{LOCAL_SECRET}", "is the one of local"),
        ("PARLEY_HOSTS", " , ", "is missing"),
        ("PARLEY_HOSTS", "chat.example.com,*", "must name hosts, not *"),
        ("PARLEY_STATIC_ROOT", "", "is missing"),
        ("PARLEY_LAYER_URL", "", "is missing"),
        ("PARLEY_LAYER_URL", "memory://", "reaches one process only"),
        ("PARLEY_METRICS_BIND", "9100", "String should match pattern"),
        ("PARLEY_EDGE", "8081", "String should match pattern"),
        ("PARLEY_EDGE", "unix:edge.sock", "String should match pattern"),
        ("PARLEY_INSTANCE", "web 1", "String should match pattern"),
        ("PARLEY_GUESTS", "perhaps", "Input should be a valid boolean"),
        ("PARLEY_FRAME_BYTES", "10", "greater than or equal to 65536"),
        ("PARLEY_PING_SECONDS", "0", "greater than 0"),
        ("PARLEY_LOG_FORMAT", "xml", "'console' or 'json'"),
        ("PARLEY_ENV", "staging", "'local', 'test' or 'production'"),
    ],
)
def test_one_wrong_variable_is_one_line_that_names_it(name: str, value: str, why: str) -> None:
    """And nothing else is complained of."""
    [line] = problems(PRODUCTION | {name: value})
    assert line.startswith(f"{name}: ")
    assert why in line


@pytest.mark.parametrize(
    "origin",
    [
        "https://chat.example.com/",
        "https://chat.example.com/path",
        "https://user@",
        "wss://chat.example.com",
        "https://",
        "*",
        "https://chat.example.com?x=1",
    ],
)
def test_an_origin_is_scheme_host_and_port(origin: str) -> None:
    """What a browser never sends would never match."""
    [line] = problems(PRODUCTION | {"PARLEY_ORIGINS": f"https://fine.example.com,{origin}"})
    assert line.startswith("PARLEY_ORIGINS: ")


def test_without_parley_env_nothing_starts() -> None:
    """There is no default: production by accident is as bad as local by accident."""
    assert problems({}) == ["PARLEY_ENV: Field required"]


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    """Without its last newline; unreadable ones are named."""
    secret = tmp_path / "key"
    secret.write_text("s" * 60 + "\n")
    url = tmp_path / "url"
    url.write_text(" postgres://u:p@db/parley \n")
    variables = PRODUCTION | {"PARLEY_SECRET_KEY_FILE": str(secret), "PARLEY_DATABASE_URL_FILE": str(url)}
    environment = read({name: value for name, value in variables.items() if name != "PARLEY_SECRET_KEY"})
    assert environment.secret_key == ("s" * 60,)
    assert environment.database_url == "postgres://u:p@db/parley"
    secret.write_text(f"{'n' * 60}\n\n{'s' * 60}")
    assert read(variables | {"PARLEY_SECRET_KEY": ""}).secret_key == ("n" * 60, "s" * 60), "the one of before, too"
    secret.write_bytes(b"\xff\xfe")
    assert problems(variables)[0].startswith("PARLEY_SECRET_KEY_FILE: ")


def test_local_and_test_need_nothing_else() -> None:
    """And have no secret that production would take."""
    for env in ("local", "test"):
        environment = read({"PARLEY_ENV": env})
        assert environment.env == env
        assert environment.secret_key == ()
    assert problems(PRODUCTION | {"PARLEY_SECRET_KEY": LOCAL_SECRET})


def test_it_cannot_be_changed_once_read() -> None:
    """Read once, frozen, no unknown names."""
    environment = read({"PARLEY_ENV": "test"})
    with pytest.raises(ValueError, match="frozen"):
        environment.sockets = 1  # type: ignore[misc]
    with pytest.raises(ValueError, match="Extra inputs"):
        Environment(env="test", nonsense=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://redis", "must begin with redis://"),
        ("sentinel://a:1,b:2", "must be sentinel://host:port,host:port/name"),
        ("sentinel://a:1,b:x/chat", "'b:x' is not host:port"),
        ("sentinel://:secret@a:1,/chat", "'' is not host:port"),
        ("sentinel://:se/cret@a:1/chat", "must be sentinel://host:port,host:port/name"),
        ("sentinel://a:1/chat?db=one", "knows db=NUMBER and sentinel_password=… after the question mark"),
        ("sentinel://a:1/chat?pasword=secret", "knows db=NUMBER and sentinel_password=… after the question mark"),
    ],
)
def test_a_layer_url_that_leads_nowhere_is_refused_without_its_password(url: str, said: str) -> None:
    """At the start and not at the first message."""
    [line] = problems(PRODUCTION | {"PARLEY_LAYER_URL": url})
    assert line.startswith(f"PARLEY_LAYER_URL: {said}")
    assert "secret" not in line
