"""One shape for every log line: console for people, JSON for machines; times in UTC."""

from http import HTTPStatus
from typing import Any

import structlog


def configuration(*, style: str, level: str) -> dict[str, Any]:
    """Return a logging.dictConfig; also what gunicorn is given, so that master and worker write alike."""
    shared: list[Any] = [
        structlog.stdlib.ExtraAdder(),
        _without_request,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _refusal_in_one_line,
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # uvicorn writes one line per handshake, with its query string: nginx does that, without (pitfalls N14).
    quiet = {"uvicorn.error": "WARNING", "uvicorn.access": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            name: {"handlers": ["stderr"], "level": quiet.get(name, level.upper()), "propagate": False}
            for name in ("gunicorn.error", "gunicorn.access", "uvicorn.error", "uvicorn.access")
        }
        | {"django": {"handlers": []}},  # Django's own handler would write each line a second time in DEBUG
    }


def _without_request(_: object, __: str, event: Any) -> Any:
    """Leave out the request object that Django logs with: its text has the query string (pitfalls N14)."""
    if not isinstance(event.get("request"), str):
        event.pop("request", None)
    return event


def _refusal_in_one_line(_: object, __: str, event: Any) -> Any:
    """Give the reason of an answer 4xx in its line, without a traceback: a visitor causes it, and no code is wrong.

    Django logs these with the exception (403, a form that cannot be read, a Host that is not ours): 50 lines for each
    request of a scanner, between which nobody finds the traceback of a 500.
    """
    status, caught = event.get("status_code"), event.get("exc_info")
    if isinstance(status, int) and status < HTTPStatus.INTERNAL_SERVER_ERROR and isinstance(caught, tuple):
        del event["exc_info"]
        reason = " ".join(str(caught[1]).split())
        if reason and reason not in event["event"]:
            event["reason"] = reason
    return event
