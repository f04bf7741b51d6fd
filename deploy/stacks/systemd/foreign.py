"""A project's release under /opt: its files, the environment that releases share, its static files, and Parley.

What is the project's own code runs as the site's user, who may write there meanwhile; at the end all of it is root's.
That code may leave links, so root follows none: what is done among its files is done as the site's user, too.
"""

import asyncio
import grp
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from deploy.effects import commands, files
from deploy.errors import BadInputError, StackError
from deploy.model.capacity import declared
from deploy.model.config import FILE, ROOT, Config, load
from deploy.model.project import FILE as BY_PATH
from deploy.stacks import packages, static
from deploy.stacks.copies import Copies
from deploy.stacks.local import application, examine, prepare
from deploy.stacks.local.application import Application, Facts
from deploy.stacks.packages import Needs
from deploy.stacks.secret_key import KEY_BYTES
from deploy.stacks.systemd import staging
from deploy.text import environment
from deploy.text.compose.site import is_sqlite
from deploy.text.systemd import foreign, places, site, words
from deploy.text.systemd.foreign import Place
from deploy.text.systemd.places import Places

PYTHONS = ("/usr/local/bin", "/usr/bin", "/bin")
WORLD = 0o755
WHOLE, COMPILED = "whole", "compiled"  # written last into an environment
KEPT = 0o770  # of a folder that the project's processes write into
OURS = 0o750  # of the folder around it, where they make none
# $1, a folder of the project, becomes a link to $2. Files that are in it are where an empty $2 begins; links are not.
MEDIA = """
if [ -d "$1" ] && [ ! -L "$1" ] && [ -z "$(ls -A -- "$2")" ]; then
    (cd -- "$1" && find . -type f -exec cp --parents --target-directory="$2" -- {} +)
fi
rm -rf -- "$1"
mkdir -p -- "$(dirname -- "$1")"
ln -s -- "$2" "$1"
"""

Say = Callable[[str], object]


@dataclass(frozen=True)
class Source:
    """A project's folder, as this host takes it."""

    copies: Copies
    release: str

    @classmethod
    def of(cls, config: Config, say: Say) -> "Source":
        """Look at it; raise BadInputError for what cannot be installed. `config` is the project's own, of no host."""
        foreign.require(config)
        copies = Copies.of(config, say)
        for folder in (config.project.path, *config.project.paths):
            _inside(copies, folder)
        text = (config.folder / FILE.name).read_text(encoding="utf-8")
        return cls(copies, copies.release(text))


def require_host(config: Config) -> None:
    """Raise BadInputError where this host lacks a Python that fits, or a file that a variable is read from."""
    packages.require_python(config, needs(config))
    for name, text in config.project.env.items():
        if text.startswith(BY_PATH) and not Path(text.removeprefix(BY_PATH)).is_file():
            file = config.folder / FILE.name
            raise BadInputError(f"{file}: project.env.{name}: {text.removeprefix(BY_PATH)} is not there")


def needs(config: Config, wheels: Path | None = None) -> Needs:
    """Return what its environment is for."""
    return Needs(PYTHONS, has_postgres=not is_sqlite(config), wheels=wheels)


def stage(source: Source, at: Places, folder: Path, wheels: Path | None, say: Say) -> None:
    """Make a release's folder; what was left there is removed first. Raises StackError, BadInputError."""
    before = os.umask(0o022)
    files.remove(folder)
    folder.mkdir(mode=WORLD)
    try:
        _fill(source, at, folder, wheels or staging.brought(ROOT), say)
    except BaseException:
        files.remove(folder)
        raise
    finally:
        os.umask(before)
    files.write(folder / places.STAMP, f"{source.release}\n", 0o644)  # last: without it the folder is no release


def put(copies: Copies, folder: Path) -> None:
    """Copy a project's files for everybody to read, but its parley.toml for root alone: it may hold a password."""
    toml = copies.config.folder.resolve() / FILE.name
    copies.put(folder / places.PROJECT, without=toml)
    (folder / places.TOML).mkdir(mode=WORLD)
    files.write(folder / places.TOML / FILE.name, toml.read_text(encoding="utf-8"))


def read(config: Config, folder: Path) -> Place:
    """Return what a release's folder says of its project."""
    said = json.loads((folder / places.FACTS).read_text(encoding="utf-8"))
    facts = Facts.of(said["facts"])
    found = application.paths(config, facts)
    return Place(said["folder"], tuple(said["more"]), found, facts.is_hashed)


def _fill(source: Source, at: Places, folder: Path, wheels: Path | None, say: Say) -> None:
    copies, config = source.copies, source.copies.config
    staging.copy(ROOT, folder)
    files.link(folder / ".venv", _environment(at, wheels))
    home = folder / places.PROJECT
    put(copies, folder)
    made = packages.made(config, at.environments, say, needs(config, wheels))
    files.link(folder / places.ENVIRONMENT, made.folder)
    (folder / places.SERVING).mkdir(mode=WORLD)
    files.link(folder / places.SERVING / "parley_serving", Path("../app/parley_serving"))
    place = Place(_inside(copies, config.project.path), tuple(_inside(copies, one) for one in config.project.paths))
    files.link(folder / places.WORK, home / place.folder)
    for name in config.project.sandbox.write:
        keep(home / _inside(copies, name), at.kept / name, at)  # before any code of the project has run
    (folder / places.COLLECTED).mkdir(mode=WORLD)
    _give(folder, at.name)
    facts = _run(source, at, folder, place, say)
    if media := media_root(copies, at, folder, facts):
        keep_media(media, at)
    compile_project(folder, at.name)
    _give(folder, "root")
    static.require_no_links(folder / places.COLLECTED)
    said = {"folder": place.folder, "more": place.more, "facts": msgspec.to_builtins(facts)}
    files.write(folder / places.FACTS, json.dumps(said), 0o644)
    _compile(folder, made.folder)


def _environment(at: Places, wheels: Path | None) -> Path:
    """Return Parley's own environment, which releases with the same lock share; it is made where there is none."""
    lock, python = (ROOT / staging.LOCK).read_bytes(), commands.output([staging.PYTHON, "--version"])
    venv = at.environments / f"parley-{hashlib.sha256(lock + python.encode()).hexdigest()[:16]}"
    if not (venv / WHOLE).is_file():
        files.remove(venv)
        staging.install(ROOT, venv, wheels)
        files.write(venv / WHOLE, "", 0o644)
    return venv


def _run(source: Source, at: Places, folder: Path, place: Place, say: Say) -> Facts:
    """Run its build commands, look at it, and collect its static files."""
    # The host's own file says names and numbers; of the project this is what is being installed.
    config = source.copies.config
    env = {**environment.clean(os.environ), **_told(config, at, folder, source.release, place)}
    env["PATH"] = f"{folder / places.ENVIRONMENT / 'bin'}:{env.get('PATH', '/usr/bin:/bin')}"
    prefix = _as(at.name)
    for command in config.project.build:
        done = commands.run([*prefix, "bash", "-euo", "pipefail", "-c", command], env=env, cwd=folder / places.PROJECT)
        if done.status != 0:
            last = (done.output.splitlines() or ["it said nothing"])[-1]
            raise BadInputError(f"project.build: `{command}` failed: {last}")
    by = Application(
        is_own=False,
        python=folder / words.PROJECT.python,
        folder=folder / places.WORK,
        server=(),
        manage=words.PROJECT.manage,
        prefix=prefix,
    )
    facts = asyncio.run(examine.examine(by, env, say))
    is_hashed = facts.has_static and asyncio.run(prepare.collect(by, env, say))
    return replace(facts, is_hashed=is_hashed)


def _told(config: Config, at: Places, folder: Path, release: str, place: Place) -> dict[str, str]:
    """Return the environment in which it is made: nothing of it is secret, and no address is a true one."""
    named = config.model_copy(update={"site": config.site.model_copy(update={"name": at.name})})
    size = declared(named)
    told: dict[str, Any] = site.shared(named, size, release, place)
    own = foreign.unused(named, site.app(named, size, release), told)
    for name in ("SECRET_KEY", "DATABASE_URL", "LAYER_URL"):
        told.pop(f"PARLEY_{name}_FILE", None)
    told |= {
        "PARLEY_SECRET_KEY": secrets.token_urlsafe(KEY_BYTES),
        "PARLEY_DATABASE_URL": "sqlite://" if is_sqlite(named) else foreign.UNUSED_DATABASE,
        "PARLEY_LAYER_URL": foreign.UNUSED_REDIS,
        "PARLEY_STATIC_ROOT": str(folder / places.COLLECTED),
    }
    return {**own, **told}


def keep(path: Path, target: Path, at: Places) -> None:
    """Have a folder of a release, in which no code of the project has run yet, be one that stays.

    What the release has of it is where a new one begins. Raises StackError where a link lies in its place: the
    folders around it are root's, for the project's processes are not to put one there.
    """
    _own_one(at.kept, at.name, OURS)
    for above in reversed(target.relative_to(at.kept).parents[:-1]):
        (at.kept / above).mkdir(mode=WORLD, exist_ok=True)
        _own_one(at.kept / above, "root", WORLD)
    if not os.path.lexists(target):
        new = target.with_name(f".{target.name}.new")
        files.remove(new)
        if path.is_dir():
            shutil.copytree(path, new, symlinks=True)
        else:
            new.mkdir()
        _own(new, at.name)
        new.rename(target)
    _own_one(target, at.name, KEPT)
    files.remove(path)
    files.make_folder(path.parent, WORLD)
    files.link(path, target)


def keep_media(path: Path, at: Places) -> None:
    """Have a folder of the release be that of uploaded files, as the site's user; raise StackError where it fails."""
    done = commands.run([*_as(at.name), "sh", "-euc", MEDIA, "sh", str(path), str(at.media)], cwd=Path("/"))
    if done.status != 0:
        raise StackError(f"{path} cannot become a link to {at.media}: {done.output}")


def media_root(copies: Copies, at: Places, folder: Path, facts: Facts) -> Path | None:
    """Return the folder of a release that is to be a link to the uploaded files, if there is one.

    Raises BadInputError where the project would write them elsewhere.
    """
    config = copies.config
    if not config.project.has_uploads or not facts.media_root:
        return None
    home, work = folder / places.PROJECT, (folder / places.WORK).resolve()
    found = Path(os.path.normpath(work / facts.media_root))
    if found == at.media:
        return None
    if not found.is_relative_to(home) or work.is_relative_to(found):
        raise BadInputError(
            f"{config.folder / FILE.name}: project.media: MEDIA_ROOT is {found}, and uploaded files are in {at.media}:"
            " give it a folder inside the project, or {media_root} by a variable of [project.env]"
        )
    for name in config.project.sandbox.write:
        if foreign.within(found, home / _inside(copies, name)):
            raise BadInputError(
                f"{config.folder / FILE.name}: project.sandbox.write: {name!r}: MEDIA_ROOT ({facts.media_root}) and it"
                " are one inside the other: uploaded files can be written anyway"
            )
    return found


def _inside(copies: Copies, path: str) -> str:
    """Return where a folder of the project is below its root; raise BadInputError for one that is not."""
    above, found = copies.root, (copies.config.folder / path).resolve()
    if not found.is_relative_to(above):
        raise BadInputError(f"{copies.config.folder / FILE.name}: {found} is not in {above}, so it is in no release")
    return str(found.relative_to(above))


def _give(folder: Path, user: str) -> None:
    """Give what the project's code may write while the release is made to a user."""
    for path in (folder / places.PROJECT, folder / places.COLLECTED):
        _own(path, user)
        if user == "root":
            commands.output(["chmod", "-R", "u+rwX,go=rX", str(path)])


def _as(user: str) -> tuple[str, ...]:
    """Return what starts a program as the site's user."""
    return ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs", "--")


def _own_one(path: Path, group: str, mode: int) -> None:
    """Have a folder be root's and a group's; raise StackError for a link, and for what is no folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise StackError(f"{path} is to be a folder, and no link: {error.strerror}") from None
    try:
        os.fchown(descriptor, 0, grp.getgrnam(group).gr_gid)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _own(path: Path, user: str) -> None:
    """Give a folder with all in it to a user and the group of the same name; links lead nowhere here."""
    commands.output(["chown", "-R", "-P", f"{user}:{user}", str(path)])


def compile_project(folder: Path, user: str) -> None:
    """Compile its files as the site's user: `__pycache__` may be a link. What no Python can read stays as it is."""
    python = str(folder / words.PROJECT.python)
    command = [*_as(user), python, "-I", "-m", "compileall", "-q", places.PROJECT]
    commands.run(command, env=environment.clean(os.environ), cwd=folder)


def _compile(folder: Path, made: Path) -> None:
    """Compile the rest, which is root's."""
    python = str(folder / words.PROJECT.python)
    env = environment.clean(os.environ)
    commands.output([str(folder / places.PYTHON), "-I", "-m", "compileall", "-q", "deploy"], env=env, cwd=folder)
    every = ["app"]
    stamp = made / COMPILED
    if not stamp.exists():
        every.append(str(made / "lib"))
    commands.run([python, "-I", "-m", "compileall", "-q", *every], env=env, cwd=folder)
    files.write(stamp, "", 0o644)


def of(folder: Path, env: str, say: Say) -> Source:
    """Look at a project's folder with an [env.NAME]."""
    return Source.of(load(env=env, project=folder), say)
