"""What `watch` serves as /metrics, in a registry of its own."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

from cryptography import x509
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from deploy.stacks import certificate

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
            "When the edge's certificate expires, in Unix time.",
            registry=self.registry,
        )
        self._lifetime = Gauge(
            "parley_probe_certificate_lifetime_seconds",
            "The whole time for which the edge's certificate is valid.",
            registry=self.registry,
        )
        self._accepted = Gauge(
            "parley_probe_certificate_accepted",
            "1 while a browser would accept the edge's certificate for each name of the site.",
            registry=self.registry,
        )
        for gauge in (self._expires, self._lifetime, self._accepted):
            gauge.set(math.nan)  # until one was seen
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

    def certificate(self, shown: x509.Certificate) -> None:
        """Note the one that was shown."""
        self._expires.set(shown.not_valid_after_utc.timestamp())
        self._lifetime.set(certificate.lifetime(shown).total_seconds())

    def accepted(self, *, accepted: bool) -> None:
        """Note whether a browser would take it."""
        self._accepted.set(accepted)

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
