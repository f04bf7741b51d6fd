"""The folder that a project's image is built from: copies of its files and of what it needs of Parley.

Nothing is written beside the project's own files, and Docker sees no file that does not ship.
"""

import json
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
from deploy.stacks import packages, pythons, requirements
from deploy.stacks.copies import PROGRAM, READABLE, Copies, put
from deploy.stacks.requirements import Requirements
from deploy.text.compose import folders, places, site

DOCKERFILE = ROOT / "Dockerfile.project"
INSTALL = ROOT / "compose" / "install.sh"
IMAGE = "3.13"  # the Python of Dockerfile: a project's too, unless it asks for another
ASKED, RUN = "asked", "requirements/run.txt"  # what pip is asked for: by the project, and by Parley itself
LINES, CONSTRAINTS = "requirements.txt", "constraints.txt"  # as compose/install.sh names them to pip

Say = Callable[[str], object]


@dataclass(frozen=True)
class Context:
    """What a project's image is made of."""

    config: Config
    copies: Copies  # of the folder that becomes /opt/project
    python: str
    release: str

    @classmethod
    def of(cls, config: Config, say: Say) -> "Context":
        """Look at a project's folder; raise BadInputError for what cannot be in an image."""
        copies = Copies.of(config, say)
        python = _python(config, copies.asked)
        project = config.project.model_dump_json(exclude={"drill"})  # no process reads that
        release = copies.release(python, project, DOCKERFILE.read_text(), INSTALL.read_text())
        return cls(config, copies, python, release)

    @property
    def asked(self) -> Requirements:
        """What pip is asked for."""
        return self.copies.asked

    @property
    def paths(self) -> list[Path]:
        """The project's files that are copied."""
        return self.copies.paths

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
        put(ROOT / RUN, folder / RUN)
        for path in releases.shipped():
            part = path.relative_to(ROOT)
            if part.parts[0] != "app" or part.parts[1] == "parley_serving":
                put(path, folder / "parley" / part)
        self.copies.put(folder / "project")

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
                put(path, folder / "sources" / str(number) / path.relative_to(source))
            lines = [line.replace(f"{{folder:{number}}}", f"{home}/sources/{number}") for line in lines]
        project = self.config.project
        return {
            "install.sh": INSTALL.read_text(encoding="utf-8"),
            LINES: "".join(f"{line}\n" for line in lines),
            CONSTRAINTS: "".join(f"{line}\n" for line in self.asked.constraints),
            "serving.txt": "".join(f"{line}\n" for line in requirements.serving()),
            **({"hashed": ""} if self.asked.is_hashed else {}),
            **({"layer.txt": f"{packages.LAYER_PIN}\n"} if project.layer != "none" else {}),
            **({"database.txt": f"{packages.DATABASE_PIN}\n"} if project.database == "postgres" else {}),
        }


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
