"""parley.toml, typed: the one model that nginx and the app's environment are rendered from."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from deploy.errors import BadInputError
from deploy.hosts import host

ROOT = Path(__file__).resolve().parent.parent
PINGS_BEFORE_CUT = 3

Host = Annotated[str, AfterValidator(host)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Seconds = Annotated[int, Field(ge=1, le=3600)]


class Section(BaseModel):
    """A table of parley.toml: frozen, exact about types, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Site(Section):
    """Where people find the site."""

    hosts: Annotated[tuple[Host, ...], Field(strict=False)] = ()
    port: Port = 8443


class App(Section):
    """What every instance is told; app/config/env.py has the same names."""

    instances: Annotated[int, Field(ge=1, le=64)] = 2
    guests: bool = True
    sockets: Annotated[int, Field(ge=1, le=1_000_000)] = 4096
    sockets_per_user: Count = 0
    sockets_per_address: Count = 0
    frames_per_second: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    frame_bytes: Annotated[int, Field(ge=1024, le=16_777_216)] = 65_536
    body_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = 1_048_576
    ping_seconds: Annotated[int, Field(ge=1, le=600)] = 20
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = 0


class Stop(Section):
    """The shutdown chain, in seconds (pitfalls L2: the times add up)."""

    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 5
    close_seconds: Seconds = 2
    uvicorn_seconds: Annotated[int, Field(ge=1, le=600)] = 3
    graceful_seconds: Seconds = 12
    worker_timeout: Annotated[int, Field(ge=2, le=600)] = 15


class Nginx(Section):
    """nginx's own numbers."""

    workers: Annotated[int, Field(ge=1, le=256)] = 2
    worker_shutdown_seconds: Seconds = 10
    sockets_per_address: Count = 200
    handshakes_per_second: Annotated[int, Field(ge=0, le=10_000)] = 20
    handshakes_burst: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    hsts_seconds: Annotated[int, Field(ge=0, le=63_072_000)] = 0


class Config(Section):
    """All of parley.toml."""

    site: Site = Site()
    app: App = App()
    stop: Stop = Stop()
    nginx: Nginx = Nginx()

    @property
    def proxy_read_seconds(self) -> int:
        """How long nginx waits for a silent socket."""
        return self.app.ping_seconds * PINGS_BEFORE_CUT


def parse(text: str, source: str, overrides: dict[str, dict[str, Any]] | None = None) -> Config:
    """Read parley.toml's text, with the command line's {section: {key: value}} on top.

    Raises BadInputError with one line that names source and the key's path.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{source}: {error}") from None
    try:
        Config.model_validate(data)  # alone first, so that a wrong file is not blamed on the command line
    except ValidationError as error:
        raise BadInputError(f"{source}: {_sentence(error)}") from None
    for section, values in (overrides or {}).items():
        data.setdefault(section, {}).update(values)
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise BadInputError(_sentence(error)) from None


def load(overrides: dict[str, dict[str, Any]] | None = None, path: Path = ROOT / "parley.toml") -> Config:
    """Read parley.toml from the checkout; raise BadInputError with one line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: {error}") from None
    return parse(text, path.name, overrides)


def _sentence(error: ValidationError) -> str:
    """Name the first wrong key by its path, and say what is wrong with it."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {'unknown key' if first['type'] == 'extra_forbidden' else message}"
