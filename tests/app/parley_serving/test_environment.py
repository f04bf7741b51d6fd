"""The environment: every problem at once, secrets from files, and nothing open in production by default."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from parley_serving.environment import LOCAL_SECRET, Environment, WrongEnvironmentError, read

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
        ("PARLEY_SOCKETS", "1.5", "Input should be a valid integer"),
        ("PARLEY_INSTANCES", "65", "less than or equal to 64"),
        ("PARLEY_PING_SECONDS", "soon", "Input should be a valid number"),
        ("PARLEY_PING_SECONDS", "nan", "greater than 0"),
        ("PARLEY_PING_SECONDS", "inf", "less than or equal to 3600"),
        ("PARLEY_DRAIN_SECONDS", "-1", "greater than or equal to 0"),
        ("PARLEY_UNLIMITED", "127.0.0.0/8, 10.0.0.1/8", "10.0.0.1/8 has host bits set"),
        ("PARLEY_NAME", "site\n", "String should match pattern"),
    ],
)
def test_one_wrong_variable_is_one_line_that_names_it(name: str, value: str, why: str) -> None:
    """And nothing else is complained of."""
    [line] = problems(PRODUCTION | {name: value})
    assert line.startswith(f"{name}: ")
    assert why in line


PROJECT = PRODUCTION | {
    "PARLEY_ASGI": "mysite.asgi:application",
    "PARLEY_SETTINGS": "mysite.settings.production",
    "PARLEY_OVERLAY": "1",
    "PARLEY_KEEP": "CACHES, LOGGING",
    "PARLEY_LAYER": "core",
    "PARLEY_ORIGIN_RULE": "cookie",
    "PARLEY_HEALTH": "/up/",
    "PARLEY_FILES": "STRIPE_KEY=/etc/my site/stripe,SENTRY_DSN=/etc/mysite/ünïcode",
}


def test_a_project_is_read() -> None:
    """What a worker of somebody else's project is told; without a word, it is the chat's."""
    environment = read(PROJECT)
    assert environment.asgi == "mysite.asgi:application"
    assert environment.settings == "mysite.settings.production"
    assert environment.overlay is True
    assert environment.keep == ("CACHES", "LOGGING")
    assert (environment.layer, environment.origin_rule, environment.health) == ("core", "cookie", "/up/")
    assert environment.files == (
        ("STRIPE_KEY", Path("/etc/my site/stripe")),
        ("SENTRY_DSN", Path("/etc/mysite/ünïcode")),
    )
    assert read(PROJECT | {"PARLEY_OVERLAY": "0"}).overlay is False
    chat = read(PRODUCTION)
    assert (chat.asgi, chat.settings, chat.layer, chat.origin_rule, chat.files) == ("", "", "pubsub", "list", ())


def test_a_project_s_own_settings_may_name_its_database() -> None:
    """So its URL may be missing; the chat's may not."""
    assert read(PROJECT | {"PARLEY_DATABASE_URL": ""}).database_url == ""
    assert problems(PRODUCTION | {"PARLEY_DATABASE_URL": ""}) == ["PARLEY_DATABASE_URL: is missing"]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PARLEY_ASGI", "mysite.asgi", "String should match pattern"),
        ("PARLEY_ASGI", "my-site.asgi:application", "String should match pattern"),
        ("PARLEY_ASGI", "mysite.asgi:application()", "String should match pattern"),
        ("PARLEY_SETTINGS", "mysite/settings.py", "String should match pattern"),
        ("PARLEY_SETTINGS", "", "is missing (PARLEY_ASGI names a project)"),
        ("PARLEY_OVERLAY", "perhaps", "Input should be a valid boolean"),
        ("PARLEY_LAYER", "redis", "'pubsub', 'core' or 'none'"),
        ("PARLEY_ORIGIN_RULE", "*", "'cookie', 'same', 'any' or 'list'"),
        ("PARLEY_HEALTH", "up", "String should match pattern"),
        ("PARLEY_HEALTH", "/up?deep=1", "String should match pattern"),
        ("PARLEY_FILES", "STRIPE_KEY", "part 1 is not NAME=/path"),
        ("PARLEY_FILES", "A=/a, STRIPE_KEY=secret", "part 2 is not NAME=/path"),
        ("PARLEY_FILES", "STRIPE-KEY=/stripe", "part 1 is not NAME=/path"),
        ("PARLEY_FILES", "A=/a,A=/b", "A comes twice"),
        ("PARLEY_FILES", "PARLEY_ENV=/env", "PARLEY_ENV is Parley's own: give PARLEY_ENV_FILE"),
    ],
)
def test_a_wrong_variable_of_a_project_is_one_line_that_names_it(name: str, value: str, why: str) -> None:
    """As with all others; the secret itself, where the path of its file belongs, is not repeated."""
    [line] = problems(PROJECT | {name: value})
    assert line.startswith(f"{name}: ")
    assert why in line
    assert "secret" not in line


def test_all_that_is_wrong_with_a_list_is_in_its_line() -> None:
    """So that nobody finds the second part one restart later."""
    [line] = problems(PRODUCTION | {"PARLEY_ORIGINS": "chat.example.com,https://fine.example.com,ftp://chat"})
    assert "'chat.example.com' is not an origin" in line
    assert "'ftp://chat' is not an origin" in line
    assert "fine" not in line


@pytest.mark.parametrize(("word", "meant"), [("1", True), ("True", True), ("on", True), ("0", False), ("no", False)])
def test_a_word_for_yes_or_no(word: str, meant: bool) -> None:
    """As people write it."""
    assert read(PRODUCTION | {"PARLEY_GUESTS": word}).guests is meant


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
    with pytest.raises(FrozenInstanceError):
        environment.sockets = 1  # type: ignore[misc]
    with pytest.raises(TypeError, match="unexpected keyword"):
        Environment(env="test", nonsense=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:secret@db/chat", "must begin with sqlite://, postgres:// or postgresql://"),
        ("secret", "must begin with sqlite://, postgres:// or postgresql://"),
        ("postgres://u:secret/word@db/chat", "must be postgres://user:password@host:port/name"),
        ("postgres://u:secret@[db/chat", "must be postgres://user:password@host:port/name"),
    ],
)
def test_a_database_url_that_leads_nowhere_is_refused_without_its_password(url: str, said: str) -> None:
    """In a line, and not in a traceback of the settings."""
    [line] = problems(PRODUCTION | {"PARLEY_DATABASE_URL": url})
    assert line.startswith(f"PARLEY_DATABASE_URL: {said}")
    assert "secret" not in line


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://redis", "must begin with redis://"),
        ("sentinel://a:1,b:2", "must be sentinel://host:port,host:port/name"),
        ("sentinel://a:1,b:x/chat", "'b:x' is not host:port"),
        ("sentinel://:secret@a:1,/chat", "'' is not host:port"),
        ("sentinel://:se/cret@a:1/chat", "must be sentinel://host:port,host:port/name"),
        ("sentinel://a:1/chat?db=one", "knows db, sentinel_user, sentinel_password, ca_file after the"),
        ("sentinel://a:1/chat?pasword=secret", "knows db, sentinel_user, sentinel_password, ca_file after the"),
    ],
)
def test_a_layer_url_that_leads_nowhere_is_refused_without_its_password(url: str, said: str) -> None:
    """At the start and not at the first message."""
    [line] = problems(PRODUCTION | {"PARLEY_LAYER_URL": url})
    assert line.startswith(f"PARLEY_LAYER_URL: {said}")
    assert "secret" not in line
