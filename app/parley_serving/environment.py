"""The environment, typed: the only reader of os.environ in the app.

A wrong or missing variable ends the process with one message that lists every problem at once, so that an
operator does not find them one restart at a time.
"""

import functools
import os
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from parley_serving import variables
from parley_serving.variables import (
    DOTTED,
    FILE_SUFFIX,
    MEMORY,
    PARSER,
    PREFIX,
    Network,
    choice,
    listed,
    matching,
    required,
    seconds,
    variable,
    whole,
)

SECRET_CHARACTERS = 50  # what Django's own deployment check (security.W009) asks for
REQUIRED_IN_PRODUCTION = ("ORIGINS", "DATABASE_URL", "LAYER_URL", "STATIC_ROOT")
LOCAL_SECRET = "local-only-" + "0" * 50  # never accepted in production, see _open_in_production


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Every variable the app reads, without its PARLEY_ prefix; NAME_FILE gives any of them by file."""

    env: Literal["local", "test", "production"] = required(choice("local", "test", "production"))
    name: str = variable(matching(r"^[a-z0-9][a-z0-9_-]{0,62}$"), "parley")
    secret_key: tuple[str, ...] = variable(variables.lines, ())  # the first one signs; the others are still believed
    hosts: tuple[str, ...] = variable(variables.names, ())
    origins: tuple[str, ...] = variable(listed(variables.origin), ())
    database_url: str = variable(variables.database_url, "")
    layer_url: str = variable(variables.layer_url, "")
    static_root: Path | None = variable(variables.path, None)  # noqa: RUF009 (it is a field)
    instance: str = variable(matching(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"), "web-1")
    release: str = variable(str, "0.1.0")
    bind: str = variable(str, "127.0.0.1:8000")
    metrics_bind: str = variable(matching(r"^(|[^:]+:\d+)$"), "")
    edge: str = variable(matching(r"^(|unix:/.+|[^:/]+:\d+)$"), "")
    trusted_proxies: str = variable(str, "127.0.0.1")
    cookie_prefix: str = variable(matching(r"^[A-Za-z0-9_-]{0,32}$"), "")
    unlimited: tuple[Network, ...] = variable(listed(variables.network), ())
    guests: bool = variable(variables.boolean, default=True)
    log_format: Literal["console", "json"] = variable(choice("console", "json"), "console")
    log_level: Literal["debug", "info", "warning", "error"] = variable(
        choice("debug", "info", "warning", "error"), "info"
    )

    asgi: str = variable(matching(rf"^(|{DOTTED}:{DOTTED})$"), "")  # a project's application; empty: the chat's
    settings: str = variable(matching(rf"^(|{DOTTED})$"), "")  # the settings module that the overlay is for
    overlay: bool = variable(variables.boolean, default=True)
    keep: tuple[str, ...] = variable(variables.names, ())  # settings that stay the project's own
    layer: Literal["pubsub", "core", "none"] = variable(choice("pubsub", "core", "none"), "pubsub")
    origin_rule: Literal["cookie", "same", "any", "list"] = variable(choice("cookie", "same", "any", "list"), "list")
    health: str = variable(matching(r"^(|/[^\s?#]*)$"), "")
    files: tuple[tuple[str, Path], ...] = variable(variables.files, ())  # a project's variables, by file
    placed: tuple[str, ...] = variable(variables.names, ())  # those of them that name {instance} or {release}
    internet: bool | None = variable(variables.boolean, None)  # whether other hosts are reached; None: no sandbox
    static_hashed: bool = variable(variables.boolean, default=False)  # the static files have hashed names

    frames_per_second: int = variable(whole(1), 100)
    burst: int = variable(whole(1), 200)
    sockets: int = variable(whole(1), 4096)
    sockets_per_user: int = variable(whole(0), 0)
    sockets_per_address: int = variable(whole(0), 0)
    instances: int = variable(whole(1, 64), 1)  # that share one Redis
    frame_bytes: int = variable(whole(65_536), 65_536)  # clients are promised so much (docs/protocol.md)
    body_bytes: int = variable(whole(1024), 1_048_576)
    database_pool: int = variable(whole(6), 6)  # five threads keep one each (docs/configuration.md), a page needs one
    ping_seconds: float = variable(seconds(most=3600), 20)
    drain_seconds: float = variable(seconds(most=3600, may_be_zero=True), 5)
    close_seconds: float = variable(seconds(most=3600), 2)
    uvicorn_graceful_seconds: int = variable(whole(1, 600), 3)
    graceful_seconds: int = variable(whole(1, 3600), 12)
    worker_timeout: int = variable(whole(2, 600), 15)


class WrongEnvironmentError(SystemExit):
    """The environment cannot be used; the message lists every variable that is missing or wrong."""


def read(given: Mapping[str, str]) -> Environment:
    """Build the environment from variables, files included; raise WrongEnvironmentError with every problem."""
    problems: list[tuple[str, str]] = []  # variable, why
    texts = _texts(given, problems)
    values: dict[str, Any] = {}
    for one in fields(Environment):
        if one.name in texts:
            try:
                values[one.name] = one.metadata[PARSER](texts[one.name])
            except ValueError as error:
                problems.append((one.name, str(error)))
        elif one.default is MISSING:
            problems.append((one.name, "Field required"))
    wrong = {name for name, _ in problems}
    checked = {one.name: one.default for one in fields(Environment)} | values
    # What is wrong by itself is told once; what it would be together with others, nobody can say.
    problems += [problem for problem in _between(checked) if problem[0] not in wrong]
    if problems:
        found = "\n  ".join(f"{PREFIX}{name.upper()}: {why}" for name, why in problems)
        raise WrongEnvironmentError(f"The environment cannot be used:\n  {found}")
    return Environment(**values)


def _texts(given: Mapping[str, str], problems: list[tuple[str, str]]) -> dict[str, str]:
    """Return the text of each variable of ours, by its field; other programs' are left alone."""
    known = {one.name for one in fields(Environment)}
    texts: dict[str, str] = {}
    for variable_name, text in given.items():
        if not variable_name.startswith(PREFIX):
            continue
        name = variable_name.removeprefix(PREFIX).lower()
        if variable_name.endswith(FILE_SUFFIX):
            try:
                text = Path(text).read_text(encoding="utf-8").strip()  # noqa: PLW2901 (a file stands for its text)
            except (OSError, UnicodeDecodeError) as error:
                problems.append((name, str(error)))
                continue
            name = name.removesuffix(FILE_SUFFIX.lower())
        if name in known:
            texts[name] = text
    return texts


def _between(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name what is wrong with checked values together."""
    if values["asgi"] and values["overlay"] and not values["settings"]:
        yield "settings", f"is missing ({PREFIX}ASGI names a project)"
    if values["env"] == "production":
        yield from _open_in_production(values)


def _open_in_production(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name what production does not accept, and is a convenience elsewhere."""
    keys, hosts = values["secret_key"], values["hosts"]
    if not keys or any(len(key) < SECRET_CHARACTERS for key in keys):
        yield "secret_key", f"needs {SECRET_CHARACTERS} characters"
    if LOCAL_SECRET in keys:
        yield "secret_key", "is the one of local"
    if not hosts:
        yield "hosts", "is missing"
    if "*" in hosts:
        yield "hosts", "must name hosts, not *"
    # Here and not in a system check alone: gunicorn starts without running those (pitfalls C9).
    if values["layer_url"] == MEMORY:
        yield "layer_url", "memory:// reaches one process only; give redis://… or none://"
    for name in REQUIRED_IN_PRODUCTION:
        is_own = name == "DATABASE_URL" and values["asgi"]  # a project's own settings may name its database
        if not values[name.lower()] and not is_own:
            yield name.lower(), "is missing"


@functools.cache
def environment() -> Environment:
    """Read the process's environment, once."""
    return read(os.environ)


def assume(env: str) -> None:
    """Take `env` where PARLEY_ENV is not set: the test settings name themselves."""
    os.environ.setdefault(f"{PREFIX}ENV", env)


def settings_module() -> str:
    """Return the settings module that Django would use now: a manage.py or asgi.py may have said so itself."""
    return os.environ.get("DJANGO_SETTINGS_MODULE", "")


def was_given(text: str) -> bool:
    """Tell whether a text has an address in it that a variable of this process gives."""
    return any(value in text for value in os.environ.values() if "://" in value)


def _filled(text: str, env: Environment) -> str:
    """Put in what this process alone knows: the file is that of all processes, of two releases in a rollout."""
    return text.format(instance=env.instance, release=env.release)


def take_files(env: Environment) -> list[str]:
    """Set a project's variables to what is in their files; return one line for each that cannot be read."""
    problems: list[str] = []
    for name, path in env.files:
        try:
            text = path.read_text(encoding="utf-8").strip()
            os.environ[name] = _filled(text, env) if name in env.placed else text
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{PREFIX}FILES: {name}: {error}")
        except (LookupError, ValueError, AttributeError):  # of another parley.toml than this process was started with
            problems.append(f"{PREFIX}PLACED: {name}: {path} has another place than {{instance}} or {{release}}")
    return problems
