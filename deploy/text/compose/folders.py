"""Where the folders of a project are in its image."""

import hashlib
import os
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model.config import FILE, Config
from deploy.text.compose import places

DIGITS = 8  # of a volume's name
OCCUPIED = (places.PROJECT, places.HOME, places.VENV, places.OWN_VENV, places.SRV, Path("/tmp"))  # noqa: S108 (no file)
# Below these nothing of a project is to lie: what the image is made of, and what is ours in it.
CLOSED = (
    *(places.HOME, places.VENV, places.OWN_VENV, places.SRV),
    *map(Path, ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr")),
)
CODE = "*.py"


def root(config: Config) -> Path:
    """Return the folder that becomes the image's: parley.toml's, or manage.py's where that lies elsewhere."""
    found = (config.folder / config.project.path).resolve()
    return config.folder.resolve() if found.is_relative_to(config.folder.resolve()) else found


def inside(config: Config, path: str) -> str:
    """Return where a folder of the project is in its image; raise BadInputError for one that is not in it."""
    above, found = root(config), (config.folder / path).resolve()
    if not found.is_relative_to(above):
        raise BadInputError(f"{config.folder / FILE.name}: {found} is not in {above}, so it is not in the image")
    return str(places.PROJECT / found.relative_to(above))


def written(config: Config) -> dict[str, str]:
    """Return the volumes of [project].sandbox.write, {volume: folder}: a name stays, whatever else is written."""
    folders = {}
    for named in config.project.sandbox.write:
        path = _own(config, named, "project.sandbox.write")
        _require_no_code(config, named, Path(path))
        uploaded = media(config)
        if not (uploaded and Path(path).is_relative_to(uploaded)):  # it can be written anyway
            folders[f"write-{hashlib.sha256(path.encode()).hexdigest()[:DIGITS]}"] = path
    return folders


def within(config: Config) -> Config:
    """Return it as its image has it: no whole path of this host names the folders that its processes write to."""
    if config.is_own:
        return config
    project = config.project
    sandbox = project.sandbox.model_copy(update={"write": tuple(written(config).values())})
    update = {"sandbox": sandbox, **({"media": media(config)} if project.media else {})}
    return config.model_copy(update={"project": project.model_copy(update=update)})


def media(config: Config) -> str:
    """Return where the project's processes find what people uploaded; empty: it keeps nothing of that kind.

    That is where its settings say: a path below the project is below the image's, any other whole path is itself.
    """
    named = config.project.media
    if not named:
        return str(places.MEDIA) if config.project.has_uploads else ""
    return _own(config, named, "project.media")


def _own(config: Config, named: str, key: str) -> str:
    """Return where a folder is that a volume lies over; raise BadInputError for one that has the code or our files."""
    above, found = root(config), (config.folder / named).resolve()
    is_outside = Path(named).is_absolute() and not found.is_relative_to(above)
    path = Path(os.path.normpath(places.PROJECT / (named if is_outside else os.path.relpath(found, above))))
    is_closed = path != places.MEDIA and any(path.is_relative_to(one) for one in CLOSED)
    if is_closed or any(one.is_relative_to(path) for one in (*OCCUPIED, Path(inside(config, config.project.path)))):
        what = "uploaded files" if key == "project.media" else "written files"
        raise BadInputError(f"{config.folder / FILE.name}: {key}: {named!r} is no folder of {what} alone")
    return str(path)


def _require_no_code(config: Config, named: str, path: Path) -> None:
    """Raise BadInputError for a file, and for a folder with code: its volume would keep that of the first release."""
    if not path.is_relative_to(places.PROJECT):
        return
    here = root(config) / path.relative_to(places.PROJECT)
    said = f"{config.folder / FILE.name}: project.sandbox.write: {named!r}"
    if here.is_file():
        raise BadInputError(f"{said} is a file: name a folder")
    if code := next(iter(sorted(here.rglob(CODE))), None):
        found = code.relative_to(root(config))
        raise BadInputError(f"{said} has code ({found}), which no later release could change: name a folder of its own")
