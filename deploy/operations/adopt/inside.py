"""Imports a project and prints what it is made of, as JSON: runs by itself in the project's own interpreter.

It is given one JSON text. The project may write nothing in its folder, start nothing and connect to nothing meanwhile.
"""

import importlib
import json
import os
import sys
import traceback
from types import TracebackType
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod"}
STARTS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "socket.connect"}
WRAPPED = ("inner", "application", "app", "asgi_app", "wrapped")  # where middlewares keep what is below them
DEEPEST = 30  # middlewares and routers within each other


def main() -> None:
    """Answer on stdout; what the project prints goes to stderr."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asked = json.loads(sys.argv[1])
    sys.path[:0] = asked["path"]
    sys.addaudithook(_guard(os.path.realpath(asked["folder"]) + os.sep))
    found: dict[str, Any] = {}
    try:
        _settings(asked, found)
        _application(asked, found)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (the project's own, whatever it is)
        found["error"] = _described(error, asked["path"])
    answer.write(json.dumps(found))
    answer.flush()
    os._exit(0)  # whatever threads the project has started


def _settings(asked: dict[str, Any], found: dict[str, Any]) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = asked["settings"]
    module = importlib.import_module(asked["settings"])
    found["settings"] = {name: _plain(getattr(module, name)) for name in asked["names"] if hasattr(module, name)}
    default = getattr(module, "DATABASES", {}).get("default", {})
    found["database"] = {name: str(default.get(name, "")) for name in ("ENGINE", "NAME", "HOST")}
    conf = importlib.import_module("django.conf").settings
    conf.LOGGING_CONFIG = None  # whose files would be opened
    for database in conf.DATABASES.values():
        database.update(
            ENGINE="django.db.backends.sqlite3", NAME=":memory:", OPTIONS={}
        )  # no look into the project's own


def _application(asked: dict[str, Any], found: dict[str, Any]) -> None:
    importlib.import_module("django").setup()
    module, _, attribute = asked["asgi"].partition(":")
    application = getattr(importlib.import_module(module), attribute)
    if not callable(application):
        raise TypeError(f"{asked['asgi']} is no ASGI application")
    protocols = _below(application, "application_mapping")
    mapping = protocols.application_mapping if protocols else {}
    found["sockets"] = _routes(mapping["websocket"], []) if "websocket" in mapping else []
    found["has_router"] = protocols is not None
    if "channels" in sys.modules:
        found["channels"] = str(getattr(sys.modules["channels"], "__version__", ""))


def _below(one: Any, attribute: str) -> Any:
    """Return the first object with this attribute, below middlewares and inside functions."""
    waiting = [one]
    for _ in range(DEEPEST):
        if not waiting:
            break
        found = waiting.pop(0)
        if hasattr(found, attribute):
            return found
        if not hasattr(found, "consumer_class"):
            waiting += [getattr(found, name) for name in WRAPPED if callable(getattr(found, name, None))]
            cells = getattr(found, "__closure__", None) or ()
            waiting += [cell.cell_contents for cell in cells if callable(cell.cell_contents)]
    return None


def _routes(one: Any, above: list[list[str]]) -> list[list[list[str]]]:
    """Return the chain of patterns that leads to each consumer."""
    router = _below(one, "routes")
    if router is None or len(above) > DEEPEST:
        return [above]
    found = []
    for route in router.routes:
        pattern = route.pattern
        kind = "path" if hasattr(pattern, "_route") else "re_path"
        said = str(pattern._route if kind == "path" else pattern._regex)  # noqa: SLF001 (there is no public name)
        found += _routes(route.callback, [*above, [kind, said]])
    return found


def _plain(value: Any) -> str | None:
    return None if value is None else str(value)


def _guard(folder: str) -> Any:
    """Return the hook that refuses what would change the project, or reach anybody."""

    def guard(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STARTS:
            raise PermissionError(f"{event} while adopt looks at the project")
        if event == "open":
            path, mode, flags = arguments
            changes = any(one in mode for one in "wax+") if isinstance(mode, str) else bool((flags or 0) & WRITES)
        else:
            path, changes = (arguments or (None,))[0], event in CHANGES or event == "sqlite3.connect"
        if changes and isinstance(path, str | bytes | os.PathLike):
            whole = os.path.realpath(os.fsdecode(path))
            if whole.startswith(folder):
                raise PermissionError(f"{whole} is not to be changed while adopt looks at the project")

    return guard


def _described(error: BaseException, path: list[str]) -> str:
    """Say what went wrong, with the last line of the project's own that it went through."""
    if isinstance(error, SyntaxError) and error.filename:
        line = f":{error.lineno}" if error.lineno else ""  # of an unknown encoding there is none
        return f"{error.filename}{line}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__ if isinstance(error.__traceback__, TracebackType) else None)
    own = [
        frame
        for frame in frames
        if any(frame.filename.startswith(one + os.sep) for one in path) and "site-packages" not in frame.filename
    ]
    where = f"{own[-1].filename}:{own[-1].lineno}: " if own else ""
    first = str(error).strip().splitlines()[:1]
    return f"{where}{type(error).__name__}: {first[0] if first else ''}"


if __name__ == "__main__":
    main()
