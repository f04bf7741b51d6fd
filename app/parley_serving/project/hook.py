"""An import hook over a project's settings: values are laid where the settings assign them.

After each top-level statement of a settings module, also inside `if`, `try`, `with` and loops, one call looks at the
module's names. So it does not matter how a name came to its value (an assignment, a star import, `exec`), what is
computed from it follows (`SIGNING_KEY = SECRET_KEY`, `if DEBUG:`), and tracebacks have the project's own lines.
"""

import ast
import importlib.util
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any, Protocol

CALL = "__parley_lay__"  # a name of the module while its statements run, and no longer
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class Layer(Protocol):
    """What lays values over names."""

    @property
    def names(self) -> Container[str]:
        """Return the names that values are laid over."""

    def lay(self, namespace: dict[str, Any]) -> None:
        """Lay values over the names that are there; to do it again changes nothing."""

    def finish(self, namespace: dict[str, Any]) -> None:
        """Lay them, and set what was never assigned."""


class Hook:
    """A finder that lets the others find, and wraps the loaders of settings modules.

    A settings module is one that `is_settings` names, and one that a settings module imports settings from.
    """

    def __init__(self, layer: Layer, is_settings: Callable[[str], bool]) -> None:
        self.layer = layer
        self.is_settings = is_settings
        self.sources: set[str] = set()  # modules that settings import settings from

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find what the other finders find."""
        if name not in self.sources and not self.is_settings(name):
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: ModuleSpec | None = find(name, path, target)
            if spec is not None:
                if spec.loader is not None:  # a folder without __init__.py has none
                    spec.loader = Loader(spec.loader, self)  # type: ignore[assignment]  # a loader by what it does
                return spec
        return None


class Loader:
    """Loads as the wrapped loader does, from the source, with the calls in it."""

    def __init__(self, inner: Any, hook: Hook) -> None:
        self.inner = inner
        self.hook = hook

    def __getattr__(self, name: str) -> Any:
        """Have everything else from the wrapped loader: tracebacks ask for the source."""
        if name == "inner":  # of a copy that is being made
            raise AttributeError(name)
        return getattr(self.inner, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make it as always."""
        made: ModuleType | None = self.inner.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Run it, and lay what is left."""
        namespace = module.__dict__
        layer = self.hook.layer
        code = self._code(module)
        if code is None:
            self.inner.exec_module(module)
        else:
            namespace[CALL] = lambda: layer.lay(namespace)
            try:
                exec(code, namespace)  # noqa: S102 (as every loader does)
            finally:
                namespace.pop(CALL, None)
        if self.hook.is_settings(module.__name__):
            layer.finish(namespace)
        else:
            layer.lay(namespace)

    def _code(self, module: ModuleType) -> CodeType | None:
        """Compile it under its own file name; None for what has no source, which is laid over at its end."""
        get_source = getattr(self.inner, "get_source", None)
        source = get_source(module.__name__) if get_source else None
        if source is None:
            return None
        file = self.inner.get_filename(module.__name__)
        tree = ast.parse(source, file)
        self.hook.sources.update(_sources(tree, module, self.hook.layer.names))
        tree.body = _with_calls(tree.body)
        return compile(tree, file, "exec", dont_inherit=True)


def _sources(tree: ast.Module, module: ModuleType, names: Container[str]) -> Iterator[str]:
    """Name the modules from which a settings module imports settings, all of them or by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(one.name == "*" or one.name in names for one in node.names):
            relative = "." * node.level + (node.module or "")
            package = module.__package__ or ""
            if package or not node.level:
                yield importlib.util.resolve_name(relative, package)


def _with_calls(body: list[ast.stmt]) -> list[ast.stmt]:
    """Add a call after each statement, on the same line."""
    added: list[ast.stmt] = []
    for statement in body:
        if not isinstance(statement, SCOPES):
            _into(statement)
        added.append(statement)
        if not _has_to_be_first(statement):
            call = ast.Expr(ast.Call(ast.Name(CALL, ast.Load()), [], []))
            added.append(ast.fix_missing_locations(ast.copy_location(call, statement)))
    return added


def _into(statement: ast.stmt) -> None:
    """Add calls inside a compound statement."""
    for field in ("body", "orelse", "finalbody"):
        if inner := getattr(statement, field, None):
            setattr(statement, field, _with_calls(inner))
    for part in [*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]:
        part.body = _with_calls(part.body)


def _has_to_be_first(statement: ast.stmt) -> bool:
    """Tell whether only its like may come before it: a docstring, and what is imported from the future."""
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text or (isinstance(statement, ast.ImportFrom) and statement.module == "__future__")
