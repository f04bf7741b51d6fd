"""[project]: the Django project that a stack runs, as its folder's parley.toml describes it."""

import re
import shlex
import string
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from deploy.model.sections import Section
from deploy.model.sockets import prefix
from deploy.model.urls import origin

MODULE = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
APPLICATION = re.compile(rf"{MODULE}:{MODULE}")
PROCESS_NAME = re.compile(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?")  # ends a unit's and a container's name
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OURS = ("PARLEY_", "PYTHON", "GUNICORN_", "UVICORN_", "DJANGO_SETTINGS_MODULE", "WEB_CONCURRENCY")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
REQUESTED = re.compile(r"/[!-\"$-~]*")  # printable ASCII without #: what stands in a request
FILE = "file:"
MEDIA_ROOT = "{media_root}"
PLACES = {
    *("database_url", "database_host", "database_port", "database_name", "database_user", "database_password"),
    *("redis_url", "layer_url", "secret_key", "host", "hosts", "origins"),
    *("static_root", "media_root", "release", "instance"),
}
LARGEST_BODY = 1_073_741_824  # as [app].body_bytes
LONGEST_GRACE = 3600  # as the times of [stop]
MOST_PROCESSES = 64  # as [app].instances


def _module(name: str) -> str:
    if name and not re.fullmatch(MODULE, name):
        raise ValueError(f"{name!r} is not a module, such as mysite.settings")
    return name


def _application(name: str) -> str:
    if name and not APPLICATION.fullmatch(name):
        raise ValueError(f"{name!r} is not module:attribute, such as mysite.asgi:application")
    return name


def _path(text: str) -> str:
    """Accept a folder's or a file's name: it may be a line of a file."""
    if not text.strip():
        raise ValueError("must name a folder or a file")
    if CONTROL.search(text):
        raise ValueError(f"{text!r} has a control character, which no folder or file can have here")
    return text


def _no_doubles(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if texts.count(text) > 1:
            raise ValueError(f"{text!r} comes twice")
    return texts


def _command(text: str) -> str:
    """Accept a command line that a shell's rules can split."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a command: {str(error).lower()}") from None
    if not words:
        raise ValueError("must be a command")
    return text


def _requested(text: str) -> str:
    """Accept what a browser asks a site for."""
    if not REQUESTED.fullmatch(text):
        raise ValueError(f"{text!r} is not a path of the site, such as /chat/lobby/")
    return text


def _release(text: str) -> str:
    if shlex.split(_command(text))[0] == "collectstatic":
        raise ValueError("Parley runs collectstatic itself: leave it out")
    return text


def _process_name(name: str) -> str:
    if not PROCESS_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a process's name: at most 32 of a-z, 0-9 and -, a letter first, no - last")
    return name


def _variable(name: str) -> str:
    if not VARIABLE.fullmatch(name):
        raise ValueError(f"{name!r} is not a variable's name, such as DATABASE_URL")
    if name.startswith(OURS):
        raise ValueError(f"{name} is set by Parley")
    return name


def _value(text: str) -> str:
    """Accept a variable's value: a text with {places}, or file:/path."""
    if text.startswith(FILE):
        if not text.removeprefix(FILE).startswith("/") or "," in text or "\0" in text:
            raise ValueError(f"{text!r} is not file:/path, a whole path without a comma")
        return text
    try:
        parsed = [parts for parts in string.Formatter().parse(text) if parts[1] is not None]
    except ValueError:
        raise ValueError("holds a brace alone: write {{ or }} for a brace") from None
    if any(spec or conversion for _, _, spec, conversion in parsed):
        raise ValueError("takes a place alone, such as {host}: nothing after its name")
    places = [name for _, name, _, _ in parsed]
    if unknown := [name for name in places if name not in PLACES]:
        raise ValueError(f"knows no {{{unknown[0]}}}: there are {', '.join(sorted(PLACES))}")
    return text


def _origins(value: Any) -> Any:
    """Accept one of three words, or a list of origins."""
    if isinstance(value, list | tuple):
        if not all(isinstance(one, str) for one in value):
            raise ValueError("must be a list of origins such as https://example.com")
        return tuple(origin(one) for one in value)
    if not isinstance(value, str) or value not in {"cookie", "same", "any"}:
        raise ValueError("must be 'cookie', 'same', 'any' or a list of origins")
    return value


def _settings(value: Any) -> Any:
    """Read `settings = "mysite.settings"` as [project.settings] with this module: TOML takes one of the two."""
    return {"module": value} if isinstance(value, str) else value


Name = Annotated[str, AfterValidator(_path)]
NoName = Annotated[str, AfterValidator(lambda text: _path(text) if text else text)]
Prefix = Annotated[str, AfterValidator(prefix)]
NoPrefix = Annotated[str, AfterValidator(lambda text: prefix(text) if text else text)]
Requested = Annotated[str, AfterValidator(_requested)]
Command = Annotated[str, AfterValidator(_command)]
NoCommand = Annotated[str, AfterValidator(lambda text: _command(text) if text else text)]
Texts = Field(strict=False)  # TOML has lists, the model tuples


class Settings(Section):
    """Which settings module is used, and whether values are laid over it."""

    module: Annotated[str, AfterValidator(_module)] = ""
    overlay: bool = True
    keep: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")], ...], Texts] = ()


class Process(Section):
    """A process beside the instances."""

    run: Command
    instances: Annotated[int, Field(ge=1, le=MOST_PROCESSES)] = 1
    grace: Annotated[int, Field(ge=1, le=LONGEST_GRACE)] = 60
    single: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.single and self.instances > 1:
            raise ValueError(
                f"single = true allows one process, and instances = {self.instances}: leave one of them out"
            )
        return self


class Job(Section):
    """A command of every day."""

    run: Command
    at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Sandbox(Section):
    """What the project's processes may do, on an installed stack."""

    internet: bool = True
    write: Annotated[tuple[Name, ...], Texts] = ()
    relax: Annotated[tuple[Literal["jit", "resources"], ...], Texts] = ()


class Hooks(Section):
    """Management commands that Parley calls; empty: it goes without."""

    probe: NoCommand = ""
    cleanup: NoCommand = "clearsessions"
    after_restore: NoCommand = ""


class Drill(Section):
    """Who is there under the faults of `drill`, and where."""

    messages: bool = False
    pages: Annotated[tuple[Requested, ...], Texts, AfterValidator(_no_doubles)] = ()
    sockets: Annotated[tuple[Requested, ...], Texts, AfterValidator(_no_doubles)] = ()


class Project(Section):
    """The table, with the defaults of a project that says nothing."""

    path: Name = "."
    paths: Annotated[tuple[Name, ...], Texts] = ()
    asgi: Annotated[str, AfterValidator(_application)] = ""
    python: Literal["", "3.11", "3.12", "3.13", "3.14"] = ""
    requirements: Annotated[tuple[Name, ...], Texts] = ("requirements.txt",)
    packages: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]+$")], ...], Texts] = ()
    build: Annotated[tuple[Command, ...], Texts] = ()
    sockets: Annotated[tuple[Prefix, ...], Texts, AfterValidator(_no_doubles)] = ("/ws/",)
    streams: Annotated[tuple[Prefix, ...], Texts, AfterValidator(_no_doubles)] = ()
    origins: Annotated[str | tuple[str, ...], BeforeValidator(_origins)] = "cookie"
    health: NoPrefix = ""
    layer: Literal["", "pubsub", "core", "none"] = ""
    database: Literal["postgres", "sqlite"] = "postgres"
    release: Annotated[tuple[Annotated[str, AfterValidator(_release)], ...], Texts] = ("migrate --noinput",)
    media: NoName = ""
    body_bytes: Annotated[int, Field(ge=0, le=LARGEST_BODY)] = 26_214_400
    settings: Annotated[Settings, BeforeValidator(_settings)] = Settings()
    env: dict[Annotated[str, AfterValidator(_variable)], Annotated[str, AfterValidator(_value)]] = Field(
        default_factory=dict
    )
    processes: dict[Annotated[str, AfterValidator(_process_name)], Process] = Field(default_factory=dict)
    schedule: dict[Annotated[str, AfterValidator(_process_name)], Job] = Field(default_factory=dict)
    sandbox: Sandbox = Sandbox()
    hooks: Hooks = Hooks()
    drill: Drill = Drill()

    @property
    def has_uploads(self) -> bool:
        """Whether it keeps what people upload: it names a folder, or a variable of it asks for one of Parley's."""
        return bool(self.media) or any(MEDIA_ROOT in text for text in self.env.values())
