"""What `watch` serves as /metrics, in a registry of its own."""

import datetime as dt
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

Reason = Literal["login", "connect", "handshake", "refused", "late", "certificate"]
SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Figures:
    """The tries so far. Before the first one nothing is served."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._up = Gauge(
            "parley_probe_up", "1 while the last message of `watch` came back through the edge.", registry=self.registry
        )
        self._seconds = Histogram(
            "parley_probe_seconds",
            "From a probe's handshake until its message came back.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._failures = Counter(
            "parley_probe_failures",
            "Messages of `watch` that did not come back, by what went wrong.",
            ["reason"],
            registry=self.registry,
        )
        self._expires = Gauge(
            "parley_probe_certificate_expires_seconds",
            "When the certificate that the edge shows ends, in Unix time.",
            registry=self.registry,
        )
        self._expires.set(math.nan)  # until one was seen
        for reason in get_args(Reason):
            self._failures.labels(reason)

    def came_back(self, seconds: float) -> None:
        """Count a message that did."""
        self._up.set(1)
        self._seconds.observe(seconds)

    def failed(self, reason: Reason) -> None:
        """Count one that did not."""
        self._up.set(0)
        self._failures.labels(reason).inc()

    def certificate(self, ends: dt.datetime) -> None:
        """Note the one that was shown."""
        self._expires.set(ends.timestamp())

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[int]:
        """Serve them while the block runs, and give the port; 0 takes any free one. Raises OSError."""
        server, thread = start_http_server(port, host, self.registry)
        try:
            yield int(server.server_port)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
