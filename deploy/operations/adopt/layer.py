"""Which channel layer a project needs: the light one, unless it does what that one does not do."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deploy.operations.adopt.sources import Source, dotted

CONSUMER = "Consumer"


@dataclass(frozen=True)
class Place:
    """Something in a project's code, and where it is."""

    what: str
    source: Source
    line: int

    def __str__(self) -> str:
        """Name it by the path of its module."""
        return f"{self.what} ({self.source.name.replace('.', '/')}.py:{self.line})"


@dataclass(frozen=True)
class Layer:
    """What was found about the channel layer."""

    is_used: bool
    core: tuple[Place, ...]  # what only channels-redis' core layer does
    memory: tuple[Place, ...]  # what only the layer in memory has


def consumers(sources: Iterable[Source]) -> set[str]:
    """Return the names of all classes that are consumers, also by way of a class of the project's own."""
    bases = {
        node.name: {parts[-1] for base in node.bases if (parts := dotted(base))}
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    }
    found: set[str] = set()
    while more := {
        name
        for name, of in bases.items()
        if name not in found and any(base in found or base.endswith(CONSUMER) for base in of)
    }:
        found |= more
    return found


def layer(sources: list[Source]) -> Layer:
    """Look at every use of a channel layer."""
    classes = consumers(sources)
    used = False
    core: list[Place] = []
    memory: list[Place] = []
    for source in sources:
        for node, inside in _attributes(source.tree, classes, inside=False):
            if not _is_layer(node.value):
                continue
            used = True
            if node.attr in {"groups", "channels"}:
                memory.append(Place(f"channel_layer.{node.attr}", source, node.lineno))
            elif node.attr == "send" or (node.attr == "group_add" and not inside):
                what = "send to a channel" if node.attr == "send" else "group_add outside a consumer"
                core.append(Place(what, source, node.lineno))
    return Layer(used, tuple(core), tuple(memory))


def _attributes(node: ast.AST, classes: set[str], *, inside: bool) -> Iterator[tuple[ast.Attribute, bool]]:
    """Give each attribute, and whether it stands in a consumer."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Attribute):
            yield child, inside
        in_consumer = inside or (isinstance(child, ast.ClassDef) and child.name in classes)
        yield from _attributes(child, classes, inside=in_consumer)


def _is_layer(value: ast.expr) -> bool:
    """Tell whether an expression is a channel layer, by its name or by the function that gives it."""
    if isinstance(value, ast.Call):
        return _is_layer(value.func)
    parts = dotted(value)
    return parts is not None and (parts[-1] in {"get_channel_layer", "layer"} or "channel_layer" in parts[-1])
