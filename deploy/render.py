"""Config and facts → {path: text}. Pure: it reads the checkout's templates and writes nothing."""

from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.config import ROOT, Config
from deploy.errors import BadInputError

TEMPLATES = ROOT / "nginx"
# What nginx would read as the end of a string, a variable or a pattern, even between quotes.
UNSPEAKABLE = set('"$\\*?[;{}') | {chr(code) for code in range(32)}


@dataclass(frozen=True)
class NginxSite:
    """The facts of one host that nginx's configuration needs beside Config; paths are absolute."""

    nginx_version: tuple[int, int, int]
    listen: tuple[str, ...]  # addresses with port, as `listen` takes them
    upstreams: tuple[str, ...]  # as `server` takes them, e.g. unix:/run/parley/web-1.sock
    run: str  # folder for the pid file and spooled bodies
    static: str
    certificate: str
    certificate_key: str
    access_log: str
    error_log: str
    open_files: int
    worker_connections: int
    workers: int
    user: str = ""  # only a master that is root can have one
    unlimited: tuple[str, ...] = ()  # networks that the limits per address leave out


def quoted(value: str) -> str:
    """Write a path as an nginx string; raise BadInputError where nginx has no way to say it."""
    for character in value:
        if character in UNSPEAKABLE:
            raise BadInputError(f"{value!r} holds {character!r}, which an nginx configuration cannot")
    return f'"{value}"'


def nginx(config: Config, site: NginxSite) -> dict[str, str]:
    """Render nginx/ to {file name: text}; nginx.conf includes the others by name."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (nginx syntax, not HTML; see quoted)
    )
    environment.filters["quoted"] = quoted
    values: dict[str, Any] = {"config": config, "site": site}
    names = sorted(path.name for path in TEMPLATES.iterdir() if path.suffix in {".j2", ".types"})
    return {name.removesuffix(".j2"): environment.get_template(name).render(values) for name in names}
