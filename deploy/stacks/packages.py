"""The environment of a project: its packages, and Parley's own on top of them. Made once for what it is made from.

It is made under its final name, for what pip writes holds that name, and its stamp is written last: what was
interrupted is made again, and a project whose packages cannot be installed keeps the environment that it had.
"""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.effects import commands, files
from deploy.errors import BadInputError, StackError
from deploy.model.config import Config
from deploy.stacks import pythons, requirements
from deploy.stacks.pythons import Python
from deploy.stacks.requirements import OURS, Requirements, normal

STAMP = "parley.json"
LAYER = "channels-redis"
LAYER_PIN = "channels-redis~=4.3.0"  # as the reference chat has it (requirements/app.in)
DRIVERS = {"psycopg", "psycopg2", "psycopg2-binary"}
DATABASE_PIN = "psycopg[binary]~=3.3.0"  # as the reference chat has it (requirements/app.txt)
OLD_DATABASE_PIN = "psycopg2-binary"  # before Django 4.2, which knew no psycopg 3
OLDEST_CHANNELS = 3  # before it an application was called in another way, and a consumer was no ASGI application
UNREACHABLE = ("NewConnectionError", "NameResolutionError", "Temporary failure in name resolution", "ProxyError")
NOT_SAID = re.compile(r"ERROR: (Could not find a version|subprocess-exited|Failed building|ResolutionImpossible)")

Say = Callable[[str], object]


@dataclass(frozen=True)
class Needs:
    """What an environment is for, beside the project."""

    folders: tuple[str, ...] = ()  # where its Python is looked for, and nowhere below a home; none: on PATH
    has_postgres: bool = False  # whether its database is PostgreSQL
    wheels: Path | None = None  # that pip takes, and nothing else


@dataclass(frozen=True)
class Environment:
    """One that is whole."""

    folder: Path
    python: str  # its version
    versions: dict[str, str]  # of its packages

    @property
    def program(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"


def find(config: Config, folder: Path) -> Environment:
    """Return the one that was made in a folder; raise BadInputError where there is none that fits."""
    found = _Wanted.by(config, folder).made()
    if found is None:
        raise BadInputError(f"the packages of {config.folder} have not been installed: run `./parley up` first")
    return found


def ensure(config: Config, folder: Path, say: Say) -> Environment:
    """Return the one in a folder, making it where none fits; raise BadInputError for what pip refuses.

    It stays alone there: no process of `up` runs in another one.
    """
    found = made(config, folder, say, Needs())
    for other in folder.iterdir():
        if other != found.folder:
            files.remove(other)
    return found


def made(config: Config, folder: Path, say: Say, needs: Needs) -> Environment:
    """Return the one in a folder that fits, making it beside the others; raise BadInputError for what pip refuses."""
    wanted = _Wanted.by(config, folder, needs)
    found = wanted.made()
    if found is None:
        say(f"installing the packages of {config.folder} into {wanted.folder} (once; some minutes)")
        found = wanted.make(say)
    require_channels(found)
    return found


def require_python(config: Config, needs: Needs) -> None:
    """Raise BadInputError where no Python fits."""
    pythons.found(config.project.python, requirements.read(config).python, needs.folders)


def require_channels(found: Environment) -> None:
    """Raise BadInputError for a Channels that no worker here can serve."""
    version = found.versions.get("channels", str(OLDEST_CHANNELS))
    if int(version.partition(".")[0]) < OLDEST_CHANNELS:
        raise BadInputError(
            f"Channels {version} is too old: Parley serves projects with Channels {OLDEST_CHANNELS} or newer"
        )


@dataclass(frozen=True)
class _Wanted:
    """What the environment is to be made from, and where."""

    config: Config
    asked: Requirements
    pythons: Sequence[Python]
    folder: Path
    needs: Needs

    @classmethod
    def by(cls, config: Config, folder: Path, needs: Needs | None = None) -> "_Wanted":
        needs = needs or Needs()
        asked = requirements.read(config)
        found = pythons.found(config.project.python, asked.python, needs.folders)
        parts = [asked.digest(), *requirements.serving(), *(f"{one.path} {one.version}" for one in found)]
        layer = "none" if config.project.layer == "none" else ""  # any other asks for the same packages
        parts += [layer, *(["postgres"] if needs.has_postgres else [])]
        return cls(config, asked, found, folder / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16], needs)

    def made(self) -> Environment | None:
        try:
            stamp = json.loads((self.folder / STAMP).read_text(encoding="utf-8"))
            return Environment(self.folder, stamp["python"], stamp["versions"])
        except (OSError, ValueError, KeyError):
            return None

    def make(self, say: Say) -> Environment:
        """Try each Python, the newest first; raise BadInputError with what pip said of the newest."""
        files.make_folder(self.folder.parent)
        for line in requirements.said(self.asked):
            say(line)
        refusals: list[str] = []
        for python in self.pythons:
            files.remove(self.folder)
            try:
                found = self._made_with(python, say)
            except _RefusedError as refused:
                refusals.append(f"Python {python.minor}: {refused}")
                continue
            except BaseException:
                files.remove(self.folder)
                raise
            files.write(self.folder / STAMP, json.dumps({"python": found.python, "versions": found.versions}))
            return found
        files.remove(self.folder)
        others = f" (nor with {', '.join(one.minor for one in self.pythons[1:])})" if self.pythons[1:] else ""
        raise BadInputError(f"the requirements of {self.config.folder} cannot be installed: {refusals[0]}{others}")

    def _made_with(self, python: Python, say: Say) -> Environment:
        done = commands.run([str(python.path), "-I", "-m", "venv", "--without-pip", str(self.folder)])
        if done.status != 0:
            raise StackError(f"{python.path} -m venv failed: {done.output}")
        pip = _Pip(self.folder, self.config.folder, self.needs.wheels)
        if self.asked.lines:
            pip.install(self._project(), self.asked)
        before = pip.versions()
        pip.install([*requirements.serving(), *self._layer(before, say), *self._driver(before, say)])
        after = pip.versions()
        for line in _changed(before, after, self.asked.replaced):
            say(line)
        return Environment(self.folder, python.version, after)

    def _project(self) -> list[str]:
        """Write the project's lines, with its folders copied: a build writes beside its source."""
        sources = self.folder / "sources"
        for number, folder in enumerate(self.asked.folders):
            for path in requirements.copied(folder):
                target = sources / str(number) / path.relative_to(folder)
                files.make_folder(target.parent)
                files.copy(path, target)
        places = {f"{{folder:{number}}}": str(sources / str(number)) for number in range(len(self.asked.folders))}
        return [_placed(line, places) for line in self.asked.lines]

    def _layer(self, versions: dict[str, str], say: Say) -> list[str]:
        """Add channels-redis where the project uses Channels, is to have a layer, and has none for Redis."""
        if "channels" not in versions or LAYER in versions or self.config.project.layer == "none":
            return []
        if int(versions["channels"].partition(".")[0]) < OLDEST_CHANNELS:
            return []  # it is refused
        say(f"{LAYER} is added: the project uses Channels without it, and its instances could not hear each other")
        return [LAYER_PIN, f"channels=={versions['channels']}"]

    def _driver(self, versions: dict[str, str], say: Say) -> list[str]:
        """Add what talks to PostgreSQL, where the project brings none."""
        if not self.needs.has_postgres or DRIVERS & versions.keys():
            return []
        say("psycopg is added: the database is PostgreSQL")
        django = versions.get("django", "")
        return [OLD_DATABASE_PIN if re.match(r"[123]\.|4\.[01](\.|$)", django) else DATABASE_PIN]


class _RefusedError(Exception):
    """pip did not install it; the text says why."""


@dataclass(frozen=True)
class _Pip:
    """Parley's own pip, on another environment: that one needs none."""

    environment: Path
    cwd: Path
    wheels: Path | None = None

    def install(self, lines: Sequence[str], asked: Requirements | None = None) -> None:
        """Install; raise _RefusedError with pip's own reason."""
        texts = {"requirements.txt": lines, "constraints.txt": asked.constraints if asked else []}
        for name, text in texts.items():
            files.write(self.environment / name, "".join(f"{line}\n" for line in text))
        options = ["--requirement", str(self.environment / "requirements.txt")]
        options += ["--constraint", str(self.environment / "constraints.txt")]
        if asked and asked.is_hashed:
            options += ["--require-hashes", "--no-deps"]  # the lock lists all; of ours its versions are left out
        if self.wheels:
            options += ["--no-index", "--find-links", str(self.wheels)]
        done = self._run("install", "--quiet", "--no-input", "--no-compile", "--no-warn-script-location", *options)
        if done.status != 0:
            files.write(self.environment.parent / "pip.log", done.output)
            reason = _reason(done.output)
            copies = (str(self.environment / name) for name in texts)
            raise _RefusedError(asked.told(reason, *copies) if asked else reason)

    def versions(self) -> dict[str, str]:
        """Return the versions of what is installed, by normal name."""
        done = self._run("list", "--format=json")
        if done.status != 0:
            raise StackError(f"pip list failed: {done.output}")
        listed = next((line for line in done.output.splitlines() if line.startswith("[")), "[]")
        return {normal(one["name"]): one["version"] for one in json.loads(listed)}

    def _run(self, command: str, *arguments: str) -> commands.Finished:
        # -I: the folder is the project's, and what is called pip there is not to run.
        pip = [sys.executable, "-I", "-m", "pip", "--python", str(self.environment / "bin" / "python"), command]
        return commands.run([*pip, "--disable-pip-version-check", *arguments], cwd=self.cwd)


def _placed(line: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        line = line.replace(name, place) if line.startswith(name) else line
    return line


def _changed(before: dict[str, str], after: dict[str, str], replaced: Sequence[str]) -> list[str]:
    """Say whose versions are not those that the project asked for."""
    lines = [
        f"{line} of the project: Parley's {name} {after[name]} stands over it"
        for line in dict.fromkeys(replaced)
        if (name := requirements.named(line)) in after and any(sign in line for sign in "=<>~")
    ]
    lines += [
        f"{name} {version} of the project: {after[name]} stands over it, which Parley's packages need"
        for name, version in before.items()
        if name not in OURS and after.get(name, version) != version
    ]
    return lines


def _reason(output: str) -> str:
    """Take pip's reason out of what it wrote."""
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    plain = [line for line in errors if not NOT_SAID.match(f"ERROR: {line}")]
    git = [line.strip() for line in output.splitlines() if line.strip().startswith("fatal: ")]
    said = (plain or git or errors or output.splitlines()[-1:] or ["pip said nothing"])[0].strip().removesuffix(".")
    away = " (the package index cannot be reached)" if any(word in output for word in UNREACHABLE) else ""
    return f"{said}{away}"
