"""What a project's folder has: its manage.py, what that puts on sys.path, its settings modules and its application."""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import BadInputError
from deploy.operations.adopt.sources import FOREIGN, Source, Sources, last, text

DEPTH = 5  # folders above manage.py: `src/app/django/mysite/manage.py` is the deepest that was met, and one more
VARIABLE = "DJANGO_SETTINGS_MODULE"
PRODUCTION = re.compile(r"(^|_)(production|prod|live|deploy|deployment)(_|$)")
SETTINGS = re.compile(r"(^|_)settings(_|$)")
NO_SETTINGS = {"__init__", "base", "common", "defaults"}  # of a package: what the others begin with


@dataclass(frozen=True)
class Settings:
    """The module that is used, who names it, and those that were not chosen."""

    module: str
    why: str
    others: tuple[str, ...]


def manage_folder(folder: Path) -> Path:
    """Return where manage.py is; raise BadInputError where there is none, or more than one."""
    if not folder.is_dir():
        raise BadInputError(f"{folder} is not a folder")
    if (folder / "manage.py").is_file():
        return folder
    found = sorted(_managed(folder))
    if not found:
        raise BadInputError(f"{folder} has no manage.py: name the folder of a Django project")
    if len(found) > 1:
        names = ", ".join(str(one.relative_to(folder)) for one in found)
        raise BadInputError(f"{folder} has more than one manage.py: name one of its folders: {names}")
    return found[0]


def _managed(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        path = Path(here)
        deep = len(path.relative_to(folder).parts) >= DEPTH
        folders[:] = [] if deep else [name for name in folders if name not in FOREIGN and not name.startswith(".")]
        if "manage.py" in files and (path / "manage.py").is_file():
            yield path


def more_paths(folder: Path, source: Source | None) -> list[Path]:
    """Return the folders that a module adds to sys.path, as far as it names them by a text."""
    found = []
    for node in ast.walk(source.tree) if source else ():
        if isinstance(node, ast.Call) and last(node.func) in {"append", "insert"} and "sys.path" in ast.unparse(node):
            parts = [part for one in ast.walk(node) if isinstance(one, ast.expr) and (part := text(one))]
            parts = [part for part in parts if part.strip("./")]  # what leads up to the project's folder
            path = folder.joinpath(*parts)
            if parts and path.is_dir() and path != folder:
                found.append(path)
    return found


def settings(sources: Sources) -> Settings:
    """Choose the settings module: the one named production, else the one of asgi.py, else that of manage.py."""
    named = {name: module for name in ("asgi.py", "manage.py") if (module := _named_by(sources, name))}
    if not named:
        raise BadInputError(f'{sources.roots[0] / "manage.py"} names no settings module: no {VARIABLE} = "…" in it')
    default = next(iter(named.values()))
    if sources.find(default) is None:
        raise BadInputError(f"{next(iter(named))} names the settings {default}, and the project has no such module")
    there = _beside(sources, default)
    production = [name for name in there if PRODUCTION.search(name.rpartition(".")[2])]
    chosen = min(production, key=lambda name: ("local" in name, len(name))) if production else default
    why = "named production" if production else f"of {next(iter(named))}"
    return Settings(chosen, why, tuple(name for name in there if name != chosen))


def _named_by(sources: Sources, name: str) -> str | None:
    """Return what a file gives DJANGO_SETTINGS_MODULE; the shallowest asgi.py first."""
    files = sorted(sources.all(), key=lambda source: (len(source.file.parts), source.file))
    for source in files:
        if source.file.name == name and (module := settings_variable(source)):
            return module
    return None


def settings_variable(source: Source) -> str | None:
    """Return the text that a module gives the variable, by setdefault or by an assignment."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and len(node.args) > 1 and text(node.args[0]) == VARIABLE:
            if (module := next((found for one in ast.walk(node.args[1]) if (found := _dotted(one))), None)) is not None:
                return module
        elif isinstance(node, ast.Assign) and VARIABLE in ast.unparse(node.targets[0]):
            return text(node.value)
    return None


def _dotted(node: ast.AST) -> str | None:
    found = text(node) if isinstance(node, ast.expr) else None
    return found if found and "settings" in found else None


def _beside(sources: Sources, default: str) -> list[str]:
    """Return the settings modules of the same place, the default one among them."""
    source = sources.find(default)
    assert source is not None  # noqa: S101 (the caller looked)
    package = default if source.file.name == "__init__.py" else default.rpartition(".")[0]
    in_package = SETTINGS.search(package.rpartition(".")[2]) is not None
    found = {default}
    for file in source.file.parent.glob("*.py"):
        name = f"{package}.{file.stem}".strip(".")
        if (in_package and file.stem not in NO_SETTINGS) or (not in_package and SETTINGS.search(file.stem)):
            found.add(name)
    return sorted(found)


def application(sources: Sources, module: str, said: str | None) -> str:
    """Return module:attribute of the ASGI application: as the settings say, else the asgi.py that there is."""
    candidates = [said.rpartition(".")[::2]] if said and "." in said else []
    near = module.partition(".")[0]
    files = [source for source in sources.all() if source.file.name == "asgi.py"]
    files.sort(key=lambda source: (source.name.partition(".")[0] != near, len(source.name)))
    candidates += [(source.name, "application") for source in files]
    for name, attribute in candidates:
        source = sources.find(name)
        if source is not None and (attribute in source.names or source.stars or _defines(source, attribute)):
            return f"{name}:{attribute}"
    if said:
        raise BadInputError(f"ASGI_APPLICATION is {said!r}, and the project has no such application")
    raise BadInputError(f"{sources.roots[0]} has no asgi.py with an `application`: Parley serves by ASGI alone")


def _defines(source: Source, name: str) -> bool:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) and node.name == name for node in source.tree.body)
