"""What a project keeps in the memory of a process: with two instances, each would have another half of it."""

import ast
from collections.abc import Iterator

from deploy.operations.adopt.layer import Place, consumers
from deploy.operations.adopt.sources import Source, Sources, dotted, last

CONTAINERS = {"dict", "list", "set", "defaultdict", "deque", "Counter", "OrderedDict", "WeakSet", "WeakValueDictionary"}
CHANGES = {"add", "append", "appendleft", "update", "pop", "popleft", "popitem", "remove", "discard", "setdefault"}
CHANGES |= {"extend", "insert", "clear"}
STARTS = {
    "Thread",
    "Timer",
    "Process",
    "Popen",
    "create_task",
    "ensure_future",
    "run_in_executor",
    "start",
    "start_new_thread",
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def state(sources: Sources) -> list[Place]:
    """Return the containers that code which serves sockets writes to, and the work that starts with the process."""
    everything = list(sources.all())
    classes = consumers(everything)
    serving = {
        reached.file: reached
        for source in everything
        if any(isinstance(node, ast.ClassDef) and node.name in classes for node in source.tree.body)
        for reached in sources.reachable(source)
    }
    found = {
        (owner.file, name): Place(name, owner, line)
        for source in serving.values()
        for owner, name, line in _written(sources, source)
    }
    return [*found.values(), *(place for source in everything for place in _started(source))]


def _written(sources: Sources, source: Source) -> Iterator[tuple[Source, str, int]]:
    """Give the containers that the functions of a module write to: its own, its classes' and imported ones."""
    for node in source.tree.body:
        if isinstance(node, FUNCTIONS):
            yield from _by_function(sources, source, node)
        elif isinstance(node, ast.ClassDef):
            own = dict(_containers(node.body))
            for inner in node.body:
                if isinstance(inner, FUNCTIONS):
                    yield from _by_function(sources, source, inner)
                    kept = own.keys() - _of_instance(node)
                    changed = {
                        parts[1]
                        for parts in _changed(inner)
                        if len(parts) > 1 and parts[0] in {"self", "cls", node.name}
                    }
                    yield from ((source, f"{node.name}.{name}", own[name]) for name in sorted(kept & changed))


def _by_function(sources: Sources, source: Source, function: ast.AST) -> Iterator[tuple[Source, str, int]]:
    local = {
        node.id if isinstance(node, ast.Name) else node.arg
        for node in ast.walk(function)
        if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }
    shared = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    for name in sorted(shared & local):
        yield source, name, function.lineno if isinstance(function, ast.stmt) else 0
    for parts in _changed(function):
        if parts[0] not in local - shared:
            yield from _container(sources, source, parts)


def _container(sources: Sources, source: Source, parts: list[str]) -> Iterator[tuple[Source, str, int]]:
    """Find the module that a name's container is made in; `global` alone says it too."""
    value: ast.expr = ast.Name(parts[0])
    for part in parts[1:]:
        value = ast.Attribute(value, part)
    for owner, made in sources.resolve(source, value):
        if _is_container(made):
            yield owner, parts[-1], made.lineno


def _changed(function: ast.AST) -> Iterator[list[str]]:
    """Give the names of what a function changes in place: x[…] = …, x.add(…), del x[…], x += …"""
    for node in ast.walk(function):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = [one.value for one in node.targets if isinstance(one, ast.Subscript)]
        elif isinstance(node, ast.AugAssign):
            targets = [node.target.value if isinstance(node.target, ast.Subscript) else node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            targets = [node.func.value]
        for target in targets:
            inner = target
            while isinstance(inner, ast.Subscript):  # users[room].add(name)
                inner = inner.value
            if parts := dotted(inner):
                yield parts


def _containers(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_container(node.value):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    yield target.id, node.lineno


def _of_instance(node: ast.ClassDef) -> set[str]:
    """Return the attributes that the methods give each object for itself: self.users = …"""
    return {
        target.attr
        for inner in ast.walk(node)
        if isinstance(inner, ast.Assign)
        for target in inner.targets
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"
    }


def _is_container(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return last(value.func) in CONTAINERS
    return isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)


def _started(source: Source) -> Iterator[Place]:
    """Give the work that an AppConfig's ready() starts."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and any("AppConfig" in ast.unparse(base) for base in node.bases):
            for inner in node.body:
                if isinstance(inner, FUNCTIONS) and inner.name == "ready":
                    calls = [one for one in ast.walk(inner) if isinstance(one, ast.Call) and last(one.func) in STARTS]
                    yield from (Place(f"{node.name}.ready starts work", source, one.lineno) for one in calls[:1])
