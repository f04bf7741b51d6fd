"""One shape for every log line: console for people, JSON for machines; times in UTC."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from parley_serving.ids import bound

OWN = frozenset(
    {"event", "exception", "logger", "level", "timestamp"}
)  # a line's; what is given by such a name is `name_`
KNOWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}  # a record's own; the rest is `extra`
LEVEL_COLUMNS = 9  # no level has more letters
EVENT_COLUMNS = 30
QUOTED = frozenset(" \t=\r\n\"'")  # what a value without quotes may not have


def configuration(*, style: str, level: str) -> dict[str, Any]:
    """Return a logging.dictConfig; also what gunicorn is given, so that master and worker write alike."""
    # uvicorn writes one line per handshake, with its query string: nginx does that, without (pitfalls N14).
    quiet = {"uvicorn.error": "WARNING", "uvicorn.access": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": LineFormatter, "write": as_json if style == "json" else as_columns}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            name: {"handlers": ["stderr"], "level": quiet.get(name, level.upper()), "propagate": False}
            for name in ("gunicorn.error", "gunicorn.access", "uvicorn.error", "uvicorn.access")
        }
        | {"django": {"handlers": []}},  # Django's own handler would write each line a second time in DEBUG
    }


class LineFormatter(logging.Formatter):
    """Gathers what a line has; `write` says how it looks."""

    def __init__(self, write: Callable[[dict[str, Any]], str]) -> None:
        super().__init__()
        self.write = write

    def format(self, record: logging.LogRecord) -> str:
        """Gather, in this order: event, what was given with it, ids, logger, level, timestamp, reason or exception."""
        line: dict[str, Any] = {"event": record.getMessage()}
        if record.stack_info:
            line["stack_info"] = record.stack_info
        line |= {
            f"{name}_" if name in OWN else name: value for name, value in record.__dict__.items() if name not in KNOWN
        }
        if not isinstance(line.get("request"), str):
            line.pop("request", None)  # Django logs with the object, whose text has the query string (pitfalls N14)
        for name, value in bound().items():
            line.setdefault(name, value)
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        line |= {"logger": record.name, "level": record.levelname.lower(), "timestamp": time.replace("+00:00", "Z")}
        if record.exc_info and record.exc_info[1]:
            self._explain(line, record.exc_info)
        return self.write(line)

    def _explain(self, line: dict[str, Any], caught: Any) -> None:
        """Give the reason of an answer 4xx in its line, without a traceback: a visitor causes it, and no code is wrong.

        Django logs these with the exception (403, a form that cannot be read, a Host that is not ours): 50 lines for
        each request of a scanner, between which nobody finds the traceback of a 500.
        """
        status = line.get("status_code")
        if not isinstance(status, int) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            line["exception"] = self.formatException(caught)
            return
        reason = " ".join(str(caught[1]).split())
        if reason and reason not in line["event"]:
            line["reason"] = reason


def as_json(line: dict[str, Any]) -> str:
    """Write one object; what JSON does not know, as Python writes it."""
    try:
        return json.dumps(line, default=repr)
    except (TypeError, ValueError):  # keys that are no texts, or what contains itself
        return json.dumps({name: value if isinstance(value, str) else repr(value) for name, value in line.items()})


def as_columns(line: dict[str, Any]) -> str:
    """Write columns, then what was given with the event, by name, and a traceback below."""
    below = line.pop("exception", None)
    time, level, logger = (line.pop(name) for name in ("timestamp", "level", "logger"))
    columns = f"{time} [{level:{LEVEL_COLUMNS}}] {line.pop('event'):{EVENT_COLUMNS}} [{logger}]"
    text = " ".join([columns, *(f"{name}={_shown(line[name])}" for name in sorted(line))]).rstrip(" ")
    return text if below is None else f"{text}\n{below}"


def _shown(value: object) -> str:
    """Leave a plain word as it is."""
    return value if isinstance(value, str) and not QUOTED & set(value) else repr(value)
