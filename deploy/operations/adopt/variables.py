"""The variables that a project's settings read from their environment, and which of them have no default."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.operations.adopt.sources import Source, last, text

# Of django-environ, whose methods know a variable of their own: env.db() reads DATABASE_URL.
KNOWN = {"db": "DATABASE_URL", "db_url": "DATABASE_URL", "cache": "CACHE_URL", "cache_url": "CACHE_URL"}
READERS = {"decouple", "environ", "environs", "prettyconf", "starlette.config"}
OF_ENVIRON = {"os.environ", "environ", "os.environ.copy()"}


@dataclass(frozen=True)
class Variable:
    """One that is read: where, and what happens without it."""

    name: str
    file: Path
    line: int
    setting: str  # that it is for, as far as that is plain
    default: bool
    fails: bool  # without it the settings do not import
    reading: str  # as it stands there

    @property
    def where(self) -> str:
        """Say where it is read, for people."""
        return f"{self.file.name}:{self.line}"


def variables(sources: Iterable[Source]) -> list[Variable]:
    """Return each variable once: with a default only where every reading of it has one."""
    found: dict[str, Variable] = {}
    for source in sources:
        for one in _Reader(source).variables():
            before = found.setdefault(one.name, one)
            setting = one.setting if one.setting == before.setting else ""  # for two of them: for none alone
            strict = one if before.default and not one.default else before
            found[one.name] = replace(strict, setting=setting)
    return sorted(found.values(), key=lambda one: (str(one.file), one.line))


class _Reader:
    """Reads one module: which of its names read variables, and where they do."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.readers: set[str] = set()  # names of decouple's and of environ's readers
        self.helpers: dict[str, bool] = {}  # functions of its own, and whether they take a default
        self.schemes: set[str] = set()  # Env(DEBUG=(bool, False))
        self._look()

    def variables(self) -> Iterator[Variable]:
        """Give each reading of a variable."""
        for setting, node in self._nodes():
            one = self._subscript(node) or self._call(node)
            if one is not None:
                name, default, fails = one
                default = default or name in self.schemes
                line, reading = node.lineno, ast.unparse(node)
                yield Variable(name, self.source.file, line, setting, default, fails and not default, reading)

    def _look(self) -> None:
        for name, bounds in self.source.names.items():
            for bound in bounds:
                if bound.module.partition(".")[0] in READERS and bound.attribute in {"config", "env"}:
                    self.readers.add(name)
                if isinstance(bound.value, ast.Call) and last(bound.value.func) in {
                    "Env",
                    "FileAwareEnv",
                    "AutoConfig",
                    "Config",
                }:
                    self.readers.add(name)
                    self.schemes |= {keyword.arg for keyword in bound.value.keywords if keyword.arg}
        for node in self.source.tree.body:
            if isinstance(node, ast.FunctionDef) and node.args.args and self._reads_its_argument(node):
                self.helpers[node.name] = len(node.args.args) > 1

    def _reads_its_argument(self, function: ast.FunctionDef) -> bool:
        first = function.args.args[0].arg
        return any(isinstance(node, ast.expr) and _is_environment(node, first) for node in ast.walk(function))

    def _nodes(self) -> Iterator[tuple[str, ast.expr]]:
        """Give each expression with the setting that it is written for."""
        for statement in ast.walk(self.source.tree):
            if isinstance(statement, ast.stmt):
                setting = _target(statement)
                for child in ast.iter_child_nodes(statement):
                    if isinstance(child, ast.expr):
                        yield from ((setting, node) for node in ast.walk(child) if isinstance(node, ast.expr))

    def _subscript(self, node: ast.expr) -> tuple[str, bool, bool] | None:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and ast.unparse(node.value) in OF_ENVIRON:
            name = text(node.slice)
            return (name, False, True) if name else None
        return None

    def _call(self, node: ast.expr) -> tuple[str, bool, bool] | None:
        if not isinstance(node, ast.Call):
            return None
        name = text(node.args[0]) if node.args else None
        default = len(node.args) > 1 or any(keyword.arg == "default" for keyword in node.keywords)
        function = ast.unparse(node.func)
        if function in {"os.getenv", "getenv"} or (
            function.removesuffix(".get") in OF_ENVIRON and function.endswith(".get")
        ):
            return (name, default, False) if name else None
        if function in self.helpers:
            return (name, default, not default) if name else None
        if function == "dj_database_url.config":
            return self._of_database_url(node)
        return self._of_reader(node, name, default)

    def _of_database_url(self, call: ast.Call) -> tuple[str, bool, bool]:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        return text(given.get("env")) or "DATABASE_URL", "default" in given, False

    def _of_reader(self, call: ast.Call, name: str | None, default: bool) -> tuple[str, bool, bool] | None:
        """Read env("X"), env.str("X") and config("X"), whose second place is a default in decouple alone."""
        root = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        if not (isinstance(root, ast.Name) and root.id in self.readers):
            return None
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if method.startswith("read_"):
            return None
        found = name or KNOWN.get(method)
        return (found, default, not default) if found else None


def _is_environment(node: ast.expr, name: str) -> bool:
    """Tell whether an expression reads the variable that a local name holds."""
    if isinstance(node, ast.Subscript):
        return ast.unparse(node) in {f"{environ}[{name}]" for environ in OF_ENVIRON}
    return isinstance(node, ast.Call) and ast.unparse(node).startswith(
        (f"os.getenv({name}", f"os.environ.get({name}", f"environ.get({name}")
    )


def _target(statement: ast.stmt) -> str:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    return next((one.id for one in targets if isinstance(one, ast.Name)), "")
