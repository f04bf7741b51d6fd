"""LOGGING: what a project writes to the console is in our shape; its levels, filters and other handlers stay."""

import logging
import os
from pathlib import Path
from typing import Any

from parley_serving import logs
from parley_serving.environment import Environment

log = logging.getLogger(__name__)

FORMATTER = "parley_line"
CONSOLE = "logging.StreamHandler"


def finish(namespace: dict[str, Any], env: Environment) -> None:
    """Set it where the project has none, and extend what it has."""
    ours = logs.configuration(style=env.log_format, level=env.log_level)
    theirs = namespace.get("LOGGING")
    if namespace.get("LOGGING_CONFIG", "") is None:
        return  # the project does it by itself
    namespace["LOGGING"] = extended(theirs, ours) if isinstance(theirs, dict) and theirs else ours


def extended(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """Return the project's configuration, with our lines on the console."""
    [line] = ours["formatters"].values()
    handlers = {name: _handler(name, one) for name, one in theirs.get("handlers", {}).items()}
    console = {name for name, one in theirs.get("handlers", {}).items() if _is_console(one)}
    moved = {name for name, one in handlers.items() if _is_console(one)} - console

    def once(logger: Any) -> Any:
        """Leave out a file that became the console where the logger writes there already: no line comes twice."""
        names = logger.get("handlers", ()) if isinstance(logger, dict) else ()
        return {**logger, "handlers": [one for one in names if one not in moved]} if console & {*names} else logger

    return {
        **theirs,
        **({"root": once(theirs["root"])} if "root" in theirs else {}),
        "loggers": {name: once(one) for name, one in theirs.get("loggers", {}).items()},
        "disable_existing_loggers": False,  # gunicorn's and ours exist by now
        "formatters": {**theirs.get("formatters", {}), FORMATTER: line},
        "handlers": handlers,
    }


def _handler(name: str, theirs: Any) -> Any:
    """Return a handler that writes to the console in our shape; a file of the project's is the console, too."""
    if not isinstance(theirs, dict):
        return theirs
    if theirs.get("class") == CONSOLE:
        return {**theirs, "formatter": FORMATTER}
    file = theirs.get("filename")
    if file and not _is_writable(Path(file)):
        log.warning("LOGGING: %s writes to the console, as the project's folder is not written to", name)
        kept = {key: theirs[key] for key in ("level", "filters") if key in theirs}
        return {"class": CONSOLE, "formatter": FORMATTER, **kept}
    return theirs


def _is_console(handler: Any) -> bool:
    return isinstance(handler, dict) and handler.get("class") == CONSOLE


def _is_writable(file: Path) -> bool:
    """Tell whether a file is outside the project's folder, where this process may write."""
    folder = file.absolute().parent
    return not folder.is_relative_to(Path.cwd()) and os.access(folder, os.W_OK)
