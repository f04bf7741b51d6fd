"""The paths of sockets and of streams, read from the routing and the URLs of a project."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.operations.adopt.layer import consumers
from deploy.operations.adopt.prefixes import of_regex, of_route
from deploy.operations.adopt.sources import Source, Sources, dotted, last, text

ROUTES = {"path": of_route, "re_path": of_regex, "url": of_regex}
STREAM = "text/event-stream"
STREAMING = {"StreamingHttpResponse", "EventSourceResponse", "ServerSentEventResponse"}


@dataclass(frozen=True)
class Application:
    """What the ASGI application is made of."""

    routes_sockets: bool  # it has a ProtocolTypeRouter with "websocket"
    takes_sockets: bool  # it asks for the scope's type itself
    sockets: tuple[str, ...]  # fixed beginnings of paths
    channels: tuple[str, ...]  # names of a ChannelNameRouter
    bare: tuple[str, ...]  # consumers without as_asgi(): Channels 2


def application(sources: Sources, source: Source, attribute: str) -> Application:
    """Read the application that a module has under this name."""
    routers = [
        (where, call)
        for where, value in sources.resolve(source, ast.Name(attribute))
        for call in ast.walk(value)
        if isinstance(call, ast.Call) and last(call.func) == "ProtocolTypeRouter" and call.args
    ]
    walk = _Walk(sources, consumers=consumers(sources.all()))
    begins: list[str] = []
    channels: list[str] = []
    protocols = [found for where, call in routers for found in _entries(sources, where, call.args[0])]
    for where, key, value in protocols:
        if key == "websocket":
            begins += walk.routes(where, value)
        elif key == "channel":
            channels += [name for at, one in _calls(sources, where, value) for _, name, _ in _entries(sources, at, one)]
    asked = any(text(node) == "websocket" for node in ast.walk(source.tree) if isinstance(node, ast.Constant))
    return Application(
        any(key == "websocket" for _, key, _ in protocols),
        asked and not routers,
        tuple(dict.fromkeys(begins)),
        tuple(dict.fromkeys(channels)),
        tuple(walk.bare),
    )


def streams(sources: Sources, urlconf: Source) -> tuple[list[str], list[str]]:
    """Return where the views lie that stream, and the names of those that no URL was found for."""
    views = {name for source in sources.all() for name in _streaming(source)}
    walk = _Walk(sources, views)
    begins = walk.routes(urlconf, ast.Name("urlpatterns"))
    return list(dict.fromkeys(begins)), sorted(views - walk.met)


def _streaming(source: Source) -> Iterator[str]:
    """Name the views of a module that answer with a stream of events."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in source.tree.body:
        if isinstance(node, kinds) and not source.name.rpartition(".")[2].startswith("test"):
            parts = list(ast.walk(node))
            answers = any(isinstance(one, ast.Call) and last(one.func) in STREAMING for one in parts)
            events = any(isinstance(one, ast.expr) and STREAM in (text(one) or "") for one in parts)
            if answers and events:
                yield f"{source.name}.{node.name}"


def _entries(sources: Sources, source: Source, value: ast.expr) -> Iterator[tuple[Source, str, ast.expr]]:
    """Give the items of a dictionary, wherever it is written."""
    for where, found in sources.resolve(source, value):
        if isinstance(found, ast.Dict):
            for key, item in zip(found.keys, found.values, strict=True):
                if (name := text(key)) is not None:
                    yield where, name, item
        elif isinstance(found, ast.Call) and last(found.func) == "dict":
            for keyword in found.keywords:
                if keyword.arg:
                    yield where, keyword.arg, keyword.value


def _calls(sources: Sources, source: Source, value: ast.expr) -> Iterator[tuple[Source, ast.expr]]:
    """Give the first argument of each ChannelNameRouter(…)."""
    for where, found in sources.resolve(source, value):
        if isinstance(found, ast.Call) and found.args:
            yield where, found.args[0]


class _Walk:
    """A walk through lists of path(), re_path() and url(), through URLRouter and include()."""

    def __init__(
        self, sources: Sources, views: set[str] | None = None, *, consumers: set[str] | frozenset[str] = frozenset()
    ) -> None:
        self.sources = sources
        self.views = views  # only paths to these; None: to everything
        self.met: set[str] = set()
        self.consumers = consumers
        self.bare: list[str] = []
        self._open: set[int] = set()  # lists that the walk is inside of: one may be named in itself

    def routes(self, source: Source, value: ast.expr) -> list[str]:
        """Return the fixed beginnings of what a list of patterns, or an application around it, serves."""
        found: list[str] = []
        for where, one in self.sources.resolve(source, value):
            if id(one) in self._open:
                continue
            self._open.add(id(one))
            found += self._inside(where, one)
            self._open.discard(id(one))
        return found

    def _inside(self, source: Source, one: ast.expr) -> list[str]:
        if isinstance(one, ast.Call) and last(one.func) in ROUTES and one.args:
            return self._route(source, one)
        found = [begin for inner in _parts(one) for begin in self.routes(source, inner)]
        if isinstance(one, ast.Call) and last(one.func) == "include":
            found += self._included(one)
        return found

    def _route(self, source: Source, call: ast.Call) -> list[str]:
        pattern = next((found for _, one in self.sources.resolve(source, call.args[0]) if (found := text(one))), "")
        begin, is_whole = ROUTES[last(call.func)](pattern)
        inner = self.routes(source, call.args[1]) if len(call.args) > 1 else []
        if len(call.args) > 1 and (dotted(call.args[1]) or [""])[-1] in self.consumers:
            self.bare.append(f"{source.name.replace('.', '/')}.py:{call.lineno}")
        if inner:
            return [begin + one for one in inner] if is_whole else [begin]
        return [begin] if self._is_wanted(source, call) else []

    def _is_wanted(self, source: Source, call: ast.Call) -> bool:
        if self.views is None:
            return True
        for node in ast.walk(call):
            name = self.sources.module(source, node) if isinstance(node, ast.expr) else ""
            for view in self.views:
                if name in {view, f"{view}.as_view"} or f"{source.name}.{name}" == view:
                    self.met.add(view)
                    return True
        return False

    def _included(self, call: ast.Call) -> list[str]:
        """Follow include("chat.urls")."""
        named = call.args[0] if call.args else None
        module = text(named.elts[0] if isinstance(named, ast.Tuple) and named.elts else named)
        found = self.sources.find(module) if module else None
        return self.routes(found, ast.Name("urlpatterns")) if found else []


def _parts(value: ast.expr) -> list[ast.expr]:
    """Return what may hold patterns inside an expression."""
    if isinstance(value, ast.List | ast.Tuple):
        return value.elts
    if isinstance(value, ast.BinOp):
        return [value.left, value.right]
    if isinstance(value, ast.Starred):
        return [value.value]
    if isinstance(value, ast.Call):
        return [*value.args, *(keyword.value for keyword in value.keywords)]
    return []
