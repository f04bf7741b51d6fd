"""A worker with the obvious fix for a cleanup that hangs, and gunicorn's own clock forgotten."""

from uvicorn_worker import UvicornWorker


class Worker(UvicornWorker):  # type: ignore[misc]  # it ships no types
    """uvicorn's graceful timeout is set, and longer than gunicorn's `timeout`."""

    CONFIG_KWARGS = {**UvicornWorker.CONFIG_KWARGS, "timeout_graceful_shutdown": 30, "lifespan": "off"}  # noqa: RUF012
