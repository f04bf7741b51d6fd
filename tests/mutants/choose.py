"""Which mutants: one for each place that one of cosmic-ray's operators changes, and of these a draw by a seed."""

import ast
import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.mutants.removal import RemoveStatement
from tests.mutants.which import JUDGES

PACKAGES = ("app/parley_serving", "app/realtime", "app/chat/log", "deploy/operations/rollout")
LEFT_OUT = ("BitOr", "VariableReplacer", "VariableInserter")  # `|` is mostly of types; the others ask for names


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    line: int
    operator: str
    code: str

    @property
    def package(self) -> str:
        """Give the package that it changes."""
        return next(package for package in PACKAGES if self.path.startswith(f"{package}/"))


def mutants(root: Path, *, seed: int) -> Iterator[Mutant]:
    """Give one mutant for each place that can be changed, in an order that the seed decides."""
    draw = random.Random(seed)
    found: list[tuple[Path, int, str, Any, int]] = []
    for path in sorted(root / name for name in JUDGES):
        nodes = list(ast_nodes(get_ast(path.read_text())))
        places: dict[tuple[object, ...], list[tuple[Path, int, str, Any, int]]] = {}
        for name, operator in _operators():
            positions = (position for node in nodes for position in operator.mutation_positions(node))
            for occurrence, (start, end) in enumerate(positions):
                kind = name.partition("_")[0]
                places.setdefault((kind, start, end), []).append((path, start[0], name, operator, occurrence))
        found += [draw.choice(choices) for choices in places.values()]
    draw.shuffle(found)
    for path, line, name, operator, occurrence in found:
        source = path.read_text()
        with contextlib.suppress(AttributeError):  # of cosmic-ray: it knows no `except package.Error`
            code = mutate_code(source, operator, occurrence)
            if code is not None and _differs(code, source):
                yield Mutant(str(path.relative_to(root)), line, name, code)


def _operators() -> Iterator[tuple[str, Any]]:
    for name in sorted(operator_names()):
        if not any(part in name for part in LEFT_OUT):
            yield name.removeprefix("core/"), get_operator(name)()
    yield "RemoveStatement", RemoveStatement()


def _differs(code: str, source: str) -> bool:
    """Say whether it compiles, and to something else."""
    try:
        return ast.dump(ast.parse(code)) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False
