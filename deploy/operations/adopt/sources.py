"""A project's Python files, parsed and never imported: which module is where, and what a name in it stands for."""

import ast
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model import reading

# Folders that hold other people's code, or nothing that serves.
FOREIGN = {"node_modules", "site-packages", "__pycache__", "tests", "test", "migrations"}
MOST_FILES = 5000  # of one project: the largest Django sites have fewer, and a home folder has more
DEEPEST = 20  # names that lead to names: real ones take four

Found = tuple["Source", ast.expr]


@dataclass(frozen=True, eq=False)
class Source:
    """One module."""

    name: str
    file: Path
    tree: ast.Module
    names: dict[str, list["Bound"]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)  # modules of `from x import *`

    @property
    def package(self) -> str:
        """The package that its relative imports begin in."""
        return self.name if self.file.name == "__init__.py" else self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Bound:
    """What a name was given at a module's top level: an expression, or something of another module."""

    value: ast.expr | None = None
    module: str = ""
    attribute: str = ""


class Sources:
    """The modules below the folders that a project has on sys.path."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = list(roots)
        self._parsed: dict[Path, Source] = {}
        self.broken: dict[Path, str] = {}  # files that are no Python, and why

    def find(self, name: str) -> Source | None:
        """Return a module of the project, or None where it is none of its own."""
        for root in self.roots:
            path = root.joinpath(*name.split("."))
            for file in (path / "__init__.py", path.with_suffix(".py")):
                if file.is_file():
                    return self._parse(file, name)
        return None

    def all(self) -> Iterator[Source]:
        """Give every module, in the order of their paths; a file that cannot be parsed is left out."""
        for root in self.roots[:1]:
            for number, file in enumerate(_python_files(root)):
                if number == MOST_FILES:
                    raise BadInputError(
                        f"{root} has more than {MOST_FILES} Python files: name the project's own folder"
                    )
                try:
                    above = max((one for one in self.roots if one in file.parents), key=lambda one: len(one.parts))
                    yield self._parse(file, _module_name(file.relative_to(above)))
                except BadInputError as error:
                    self.broken[file] = str(error)

    def resolve(self, source: Source, value: ast.expr, depth: int = 0) -> Iterator[Found]:
        """Follow names, through imports too, to the expressions that they were given."""
        parts = dotted(value)
        if parts is None or depth > DEEPEST:
            yield source, value
            return
        first, rest = parts[0], parts[1:]
        for bound in source.names.get(first, []):
            if bound.value is None:
                yield from self._imported(bound, rest, depth)
            elif not rest:
                yield from self.resolve(source, bound.value, depth + 1)
        if first not in source.names:
            for star in source.stars:
                if other := self.find(star):
                    yield from self.resolve(other, value, depth + 1)

    def module(self, source: Source, value: ast.expr) -> str:
        """Return the whole dotted name that an expression has, `channels.routing.URLRouter`, or ""."""
        parts = dotted(value)
        if parts is None:
            return ""
        for bound in source.names.get(parts[0], []):
            if bound.value is None:
                return ".".join(filter(None, [bound.module, bound.attribute, *parts[1:]]))
        return ".".join(parts)

    def imported(self, source: Source) -> Iterator["Source"]:
        """Give the project's own modules that this one imports."""
        for node in ast.walk(source.tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = absolute(source, node)
                names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
            for name in names:
                if name and (found := self.find(name)):
                    yield found

    def reachable(self, first: Source) -> list[Source]:
        """Give a module and all of the project's own that it leads to."""
        seen = {first.file: first}
        waiting = [first]
        while waiting:
            for one in self.imported(waiting.pop()):
                if one.file not in seen:
                    seen[one.file] = one
                    waiting.append(one)
        return list(seen.values())

    def _imported(self, bound: Bound, rest: list[str], depth: int) -> Iterator[Found]:
        """Find what is left of a dotted name in the longest module that it begins with."""
        parts = [*bound.module.split("."), *filter(None, [bound.attribute]), *rest]
        for end in range(len(parts) - 1, 0, -1):
            if other := self.find(".".join(parts[:end])):
                yield from self.resolve(other, _name(parts[end:]), depth + 1)
                return

    def _parse(self, file: Path, name: str) -> Source:
        if file not in self._parsed:
            tree = _tree(file, reading.content(file))
            source = Source(name, file, tree)
            for node in top_level(tree.body):
                _bind(source, node)
            self._parsed[file] = source
        return self._parsed[file]


def _tree(file: Path, content: bytes) -> ast.Module:
    """Parse a file; raise BadInputError with the line where it is no Python, as far as that is known."""
    if b"\0" in content:  # of which Python names no line
        raise BadInputError(f"{file}:{content[: content.index(0)].count(10) + 1}: it has a NUL byte")
    try:
        return ast.parse(content, str(file))
    except SyntaxError as error:
        raise BadInputError(f"{file}:{f'{error.lineno}:' if error.lineno else ''} {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{file}: {error}") from None


def dotted(value: ast.expr) -> list[str] | None:
    """Split `a.b.c`; None for what is no such name."""
    if isinstance(value, ast.Name):
        return [value.id]
    if isinstance(value, ast.Attribute):
        below = dotted(value.value)
        return [*below, value.attr] if below else None
    return None


def last(value: ast.expr) -> str:
    """Return the last name of a call's function, `path` of `urls.path(…)`."""
    if isinstance(value, ast.Attribute):
        return value.attr
    return value.id if isinstance(value, ast.Name) else ""


def text(value: ast.expr | None) -> str | None:
    """Return a constant text."""
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def top_level(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Give what runs when the module is imported, also inside `if`, `try` and `with`."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "handlers", "finalbody"):
                for inner in getattr(node, part, []):
                    yield from top_level(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def absolute(source: Source, node: ast.ImportFrom) -> str:
    """Return the whole name of the module that `from … import` names."""
    if not node.level:
        return node.module or ""
    package = source.package.split(".")
    kept = package[: len(package) - node.level + 1]
    return ".".join(filter(None, [*kept, node.module]))


def _bind(source: Source, node: ast.stmt) -> None:
    """Note what one statement gives its names."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                source.names.setdefault(target.id, []).append(Bound(node.value))
    elif isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            source.names.setdefault(name, []).append(Bound(module=alias.name if alias.asname else name))
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            if alias.name == "*":
                source.stars.append(absolute(source, node))
            else:
                bound = Bound(module=absolute(source, node), attribute=alias.name)
                source.names.setdefault(alias.asname or alias.name, []).append(bound)


def _name(parts: list[str]) -> ast.expr:
    value: ast.expr = ast.Name(parts[0])
    for part in parts[1:]:
        value = ast.Attribute(value, part)
    return value


def _python_files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in FOREIGN and not name.startswith(".") and not (here / name / "pyvenv.cfg").exists()
        )
        # A FIFO or a device may have such a name, too: it would never come to its end.
        yield from (here / name for name in sorted(files) if name.endswith(".py") and (here / name).is_file())


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
