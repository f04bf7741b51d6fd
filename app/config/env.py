"""The environment, typed: the only reader of os.environ in the app.

A wrong or missing variable ends the process with one message that lists every problem at once, so that an
operator does not find them one restart at a time.
"""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from config import sentinels

PREFIX = "PARLEY_"
FILE_SUFFIX = "_FILE"
SECRET_CHARACTERS = 50  # what Django's own deployment check (security.W009) asks for
REQUIRED_IN_PRODUCTION = ("ORIGINS", "DATABASE_URL", "LAYER_URL", "STATIC_ROOT")
MEMORY = "memory://"  # a layer that reaches one process and looks well
LAYERS = ("redis://", "rediss://", "unix://", sentinels.SCHEME, MEMORY, "none://")
LOCAL_SECRET = "local-only-" + "0" * 50  # never accepted in production, see Environment.production_is_closed


def _split(value: Any) -> Any:
    """Read a comma list: "a, b" is ("a", "b")."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _lines(value: Any) -> Any:
    """Read a text's lines."""
    return tuple(line.strip() for line in value.splitlines() if line.strip()) if isinstance(value, str) else value


def _layer(url: str) -> str:
    """Accept a URL that layers.from_url knows, or none."""
    if url and not url.startswith(LAYERS):
        raise ValueError(f"must begin with {', '.join(LAYERS[:-1])} or {LAYERS[-1]}")
    if url.startswith(sentinels.SCHEME):
        sentinels.parse(url, {})
    return url


def _origin(value: str) -> str:
    """Accept scheme://host[:port] and nothing more: an Origin header has no path."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"{value!r} is not an origin such as https://chat.example.com")
    return value


Lines = Annotated[tuple[str, ...], BeforeValidator(_lines)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Origins = Annotated[tuple[Annotated[str, BeforeValidator(_origin)], ...], BeforeValidator(_split)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Environment(BaseModel):
    """Every variable the app reads, without its PARLEY_ prefix; NAME_FILE gives any of them by file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: Literal["local", "test", "production"]
    name: str = Field(default="parley", pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    secret_key: Lines = ()  # the first one signs; what the others signed is still believed
    hosts: Names = ()
    origins: Origins = ()
    database_url: str = ""
    layer_url: Annotated[str, BeforeValidator(_layer)] = ""
    static_root: Annotated[Path | None, BeforeValidator(lambda text: text or None)] = None
    instance: str = Field(default="web-1", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    release: str = "0.1.0"
    bind: str = "127.0.0.1:8000"
    metrics_bind: str = Field(default="", pattern=r"^(|[^:]+:\d+)$")
    edge: str = Field(default="", pattern=r"^(|unix:/.+|[^:/]+:\d+)$")
    trusted_proxies: str = "127.0.0.1"
    guests: bool = True
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    frames_per_second: int = Field(default=100, ge=1)
    burst: int = Field(default=200, ge=1)
    sockets: int = Field(default=4096, ge=1)
    sockets_per_user: int = Field(default=0, ge=0)
    sockets_per_address: int = Field(default=0, ge=0)
    instances: int = Field(default=1, ge=1, le=64)  # that share one Redis
    frame_bytes: int = Field(default=65_536, ge=65_536)  # clients are promised so much (docs/protocol.md)
    body_bytes: int = Field(default=1_048_576, ge=1024)
    database_pool: int = Field(default=4, ge=3)
    ping_seconds: Seconds = 20
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 5
    close_seconds: Seconds = 2
    uvicorn_graceful_seconds: Annotated[int, Field(ge=1, le=600)] = 3
    graceful_seconds: Annotated[int, Field(ge=1, le=3600)] = 12
    worker_timeout: Annotated[int, Field(ge=2, le=600)] = 15

    @model_validator(mode="after")
    def production_is_closed(self) -> Self:
        """Refuse in production what is a convenience elsewhere, all of it in one message."""
        if self.env != "production":
            return self
        problems = _open_in_production(self.model_dump())
        if problems:
            raise ValueError("\n".join(problems))
        return self


def _open_in_production(values: Mapping[str, Any]) -> list[str]:
    """Name what production does not accept, of checked values or of texts as they were found."""
    keys, hosts = _lines(values.get("secret_key", "")), _split(values.get("hosts", ""))
    short = not keys or any(len(key) < SECRET_CHARACTERS for key in keys)
    problems = (
        ("SECRET_KEY", short, f"needs {SECRET_CHARACTERS} characters"),
        ("SECRET_KEY", LOCAL_SECRET in keys, "is the one of local"),
        ("HOSTS", not hosts, "is missing"),
        ("HOSTS", hosts and "*" in hosts, "must name hosts, not *"),
        # Here and not in a system check alone: gunicorn starts without running those (pitfalls C9).
        (
            "LAYER_URL",
            values.get("layer_url") == MEMORY,
            "memory:// reaches one process only; give redis://… or none://",
        ),
        *((name, not values.get(name.lower()), "is missing") for name in REQUIRED_IN_PRODUCTION),
    )
    return [f"{PREFIX}{name}: {why}" for name, wrong, why in problems if wrong]


class WrongEnvironmentError(SystemExit):
    """The environment cannot be used; the message lists every variable that is missing or wrong."""


def read(variables: Mapping[str, str]) -> Environment:
    """Build the environment from variables, files included; raise WrongEnvironmentError with every problem."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, text in variables.items():
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX)
        if key.endswith(FILE_SUFFIX):
            try:
                text = Path(text).read_text(encoding="utf-8").strip()  # noqa: PLW2901 (a file stands for its text)
            except (OSError, UnicodeDecodeError) as error:
                problems.append(f"{name}: {error}")
                continue
            key = key.removesuffix(FILE_SUFFIX)
        if key.lower() in Environment.model_fields:
            values[key.lower()] = text
    try:
        environment = Environment(**values)
    except ValidationError as error:
        problems.extend(_sentences(error))
        # With a wrong field pydantic does not come to what spans fields: nobody should find that one restart later.
        if values.get("env") == "production" and any(item["loc"] for item in error.errors()):
            problems.extend(_open_in_production(values))
    else:
        if not problems:
            return environment
    raise WrongEnvironmentError("The environment cannot be used:\n  " + "\n  ".join(problems))


def _sentences(error: ValidationError) -> list[str]:
    """Turn pydantic's errors into one line per variable."""
    lines: list[str] = []
    for item in error.errors():
        message = item["msg"].removeprefix("Value error, ")
        if item["loc"]:
            lines.append(f"{PREFIX}{str(item['loc'][0]).upper()}: {message}")
        else:
            lines.extend(message.splitlines())
    return lines


@functools.cache
def environment() -> Environment:
    """Read the process's environment, once."""
    return read(os.environ)


def assume(env: str) -> None:
    """Take `env` where PARLEY_ENV is not set: the test settings name themselves."""
    os.environ.setdefault(f"{PREFIX}ENV", env)


def select_settings() -> None:
    """Point Django at the settings module that PARLEY_ENV names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"config.settings.{environment().env}")
