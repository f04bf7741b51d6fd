"""The folder that a project's image is built from: copies of its files and of what it needs of Parley.

Nothing is written beside the project's own files, and Docker sees no file that does not ship.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.effects import files
from deploy.errors import BadInputError
from deploy.model import release as releases
from deploy.model.capacity import declared
from deploy.model.config import ROOT, Config
from deploy.stacks import packages, pythons, requirements, shipped
from deploy.stacks.local import application
from deploy.stacks.requirements import Requirements
from deploy.text.compose import folders, places, site

DOCKERFILE = ROOT / "Dockerfile.project"
INSTALL = ROOT / "compose" / "install.sh"
IMAGE = "3.13"  # the Python of Dockerfile: a project's too, unless it asks for another
DATABASE_PIN = "psycopg[binary]~=3.3.0"  # as the reference chat has it (requirements/app.txt)
ASKED, RUN = "asked", "requirements/run.txt"  # what pip is asked for: by the project, and by Parley itself
LINES, CONSTRAINTS = "requirements.txt", "constraints.txt"  # as compose/install.sh names them to pip
READABLE, PROGRAM = 0o644, 0o755

Say = Callable[[str], object]


@dataclass(frozen=True)
class Context:
    """What a project's image is made of."""

    config: Config
    root: Path  # the folder that becomes /opt/project
    paths: list[Path]
    asked: Requirements
    python: str
    release: str

    @classmethod
    def of(cls, config: Config, say: Say) -> "Context":
        """Look at a project's folder; raise BadInputError for what cannot be in an image."""
        application.require(config)
        root = folders.root(config)
        paths, lines = shipped.found(root, _media(config))
        asked = requirements.read(config)
        for line in [*lines, *requirements.said(asked)]:
            say(line)
        python = _python(config, asked)
        digest = hashlib.sha256(f"{releases.release()}\0{python}\0{asked.digest()}\0".encode())
        for text in (
            config.project.model_dump_json(exclude={"drill"}),  # no process reads it
            *requirements.serving(),
            DOCKERFILE.read_text(),
            INSTALL.read_text(),
        ):
            digest.update(f"{text}\0".encode())
        for path in paths:
            digest.update(f"{path.relative_to(root)}\0{path.stat().st_mode & 0o100}\0".encode(errors="surrogateescape"))
            digest.update(path.read_bytes())
        version = releases.release().rpartition("-")[0]
        return cls(config, root, paths, asked, python, f"{version}-{digest.hexdigest()[: releases.DIGITS]}")

    @contextmanager
    def written(self) -> Iterator[Path]:
        """Give the folder for as long as it is needed."""
        with tempfile.TemporaryDirectory(prefix="parley-") as folder:
            inside = Path(folder, "context")  # the folder itself stays ours: write() removes what it replaces
            self.write(inside)
            yield inside

    def told(self, said: str) -> str:
        """Write what pip said in the build with the project's own files and lines (compose/install.sh)."""
        return self.asked.told(said, LINES, CONSTRAINTS)

    def write(self, folder: Path) -> None:
        """Write it; another one's in this folder is replaced."""
        if folder.exists() and not (folder / "build.json").is_file():
            raise BadInputError(f"{folder} is there and is none of Parley's: name another folder to --out")
        files.remove(folder)
        files.make_folder(folder)
        text = DOCKERFILE.read_text(encoding="utf-8")
        _put(folder / "Dockerfile", text.replace(f"ARG PYTHON={IMAGE}", f"ARG PYTHON={self.python}", 1))
        _put(folder / "packages.txt", "".join(f"{name}\n" for name in self.config.project.packages))
        media = folders.media(self.config)
        owned = [*([media] if media else []), *folders.written(self.config).values()]
        _put(folder / "owned.txt", "".join(f"{path}\n" for path in owned))
        _put(folder / "RELEASE", f"{self.release}\n")
        _put(folder / "build.json", json.dumps(self._build()))
        for name, text in self._requirements(folder / ASKED).items():
            _put(folder / ASKED / name, text)
        _copy(ROOT / RUN, folder / RUN)
        for path in releases.shipped():
            part = path.relative_to(ROOT)
            if part.parts[0] != "app" or part.parts[1] == "parley_serving":
                _copy(path, folder / "parley" / part)
        for path in self.paths:
            _copy(path, folder / "project" / path.relative_to(self.root))

    def _build(self) -> dict[str, object]:
        return {
            "folder": folders.inside(self.config, self.config.project.path),
            "root": str(places.PROJECT),
            "commands": list(self.config.project.build),
            "media": folders.media(self.config),
            "env": site.build(self.config, declared(self.config)),
        }

    def _requirements(self, folder: Path) -> dict[str, str]:
        """Return the files of pip, and copy the folders that it builds in."""
        home = places.HOME.parent / ASKED
        lines = list(self.asked.lines)
        for number, source in enumerate(self.asked.folders):
            for path in requirements.copied(source):
                _copy(path, folder / "sources" / str(number) / path.relative_to(source))
            lines = [line.replace(f"{{folder:{number}}}", f"{home}/sources/{number}") for line in lines]
        project = self.config.project
        return {
            "install.sh": INSTALL.read_text(encoding="utf-8"),
            LINES: "".join(f"{line}\n" for line in lines),
            CONSTRAINTS: "".join(f"{line}\n" for line in self.asked.constraints),
            "serving.txt": "".join(f"{line}\n" for line in requirements.serving()),
            **({"hashed": ""} if self.asked.is_hashed else {}),
            **({"layer.txt": f"{packages.LAYER_PIN}\n"} if project.layer != "none" else {}),
            **({"database.txt": f"{DATABASE_PIN}\n"} if project.database == "postgres" else {}),
        }


def _media(config: Config) -> Path | None:
    named = config.project.media
    return (config.folder / named).resolve() if named else None


def _python(config: Config, asked: Requirements) -> str:
    """Choose the image's Python: the project's, else ours, else the newest that its requirements allow."""
    wanted = config.project.python
    choice = [wanted] if wanted else [IMAGE, *pythons.VERSIONS]
    fitting = [one for one in choice if pythons.allows(asked.python, f"{one}.99")]
    if not fitting:
        raise BadInputError(f"the project needs Python {asked.python}; there are {', '.join(pythons.VERSIONS)}")
    return fitting[0]


def _put(path: Path, text: str) -> None:
    files.make_folder(path.parent, PROGRAM)
    files.write(path, text, READABLE)


def _copy(source: Path, target: Path) -> None:
    files.make_folder(target.parent, PROGRAM)
    shutil.copyfile(source, target)  # and not safe from power loss, as others are: it is made anew
    target.chmod(PROGRAM if source.stat().st_mode & 0o100 else READABLE)
