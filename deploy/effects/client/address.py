"""Where a client dials, and the site it believes it is talking to."""

import ipaddress
import socket
import ssl
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from deploy.model import hosts, urls
from deploy.model.sections import Site


@dataclass(frozen=True)
class Address:
    """A site (`origin`, e.g. https://localhost:8443) and the way to it: itself, an instance past nginx, or a proxy."""

    origin: str
    path: Path | None = None
    via: tuple[str, int] | None = None
    plain: bool = False  # what is dialled speaks no TLS: an instance, or an nginx that has a proxy with TLS in front

    @classmethod
    def at(cls, url: str) -> "Address":
        """Give the address of a site by its URL; whatever follows host and port is dropped."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not hosts.encodable(parts.hostname):
            raise ValueError(f"not an http or https address: {url!r}")
        urls.port(parts)
        return cls(f"{parts.scheme}://{parts.netloc}")

    @classmethod
    def of(cls, site: Site) -> "Address":
        """Give the address of this machine's own site, past any proxy in front of it."""
        return cls.edge(site.origin("localhost"), site.port, tls=site.has_tls)

    @classmethod
    def edge(cls, url: str, port: int, *, tls: bool) -> "Address":
        """Give the address of a site whose nginx listens at this port of this machine, whatever the URL's port is."""
        found = cls.at(url)
        if not tls:
            return found.bound(f"localhost:{port}")
        return found if found.port == port else found.through("localhost", port)

    def instance(self, path: Path) -> "Address":
        """Give the same site, dialled at one instance's unix socket, past nginx."""
        return replace(self, path=path, via=None, plain=False)

    def bound(self, bind: str) -> "Address":
        """Give the same site, dialled at one instance as PARLEY_BIND writes it: unix:/path or host:port."""
        if bind.startswith("unix:/"):
            return self.instance(Path(bind.removeprefix("unix:")))
        host, _, port = bind.rpartition(":")
        if not host or not port.isdecimal() or len(port) > 5 or not 1 <= int(port) <= 65_535:
            raise ValueError(f"neither unix:/path nor host:port: {bind!r}")
        return replace(self, path=None, via=(host.strip("[]"), int(port)), plain=True)

    def through(self, host: str, port: int) -> "Address":
        """Give the same site, dialled through a TCP proxy."""
        return replace(self, path=None, via=(host, port))

    @property
    def host(self) -> str:
        """Host and port, as the Host header has them."""
        return urlsplit(self.origin).netloc

    @property
    def hostname(self) -> str:
        """The name alone, as the certificate has it."""
        return urlsplit(self.origin).hostname or ""

    @property
    def port(self) -> int:
        """The port of the site, by its scheme where the URL has none."""
        return urlsplit(self.origin).port or (443 if self.secure else 80)

    @property
    def secure(self) -> bool:
        """Whether the site is https."""
        return self.origin.startswith("https://")

    @property
    def dialled(self) -> tuple[str, int]:
        """The host and the port of the connection, which is no unix socket's."""
        return self.via or (self.hostname, self.port)

    @property
    def is_believed(self) -> bool:
        """Whether what is dialled believes us in how a visitor came: an instance, or an nginx behind a proxy."""
        return self.plain or self.path is not None

    @property
    def tls(self) -> ssl.SSLContext | None:
        """The TLS context of the dialled connection; None for plain http."""
        return _context(_loopback(self.hostname)) if self.secure and not self.is_believed else None

    @property
    def forwarded(self) -> dict[str, str]:
        """What would have been added on the way: an instance trusts it over its unix socket (pitfalls G11)."""
        if not self.is_believed:
            return {}
        return {"X-Forwarded-Proto": "https" if self.secure else "http", "X-Forwarded-For": "127.0.0.1"}

    def dial(self, timeout: float) -> socket.socket:
        """Open a blocking connection, with TLS where the site has it; raises OSError."""
        if self.path is not None:
            plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            plain.settimeout(timeout)
        else:
            plain = socket.create_connection(self.dialled, timeout)
        try:
            if self.path is not None:
                plain.connect(str(self.path))
            return self.tls.wrap_socket(plain, server_hostname=self.hostname) if self.tls else plain
        except OSError:
            plain.close()
            raise


def _loopback(hostname: str) -> bool:
    if hostname == "localhost" or hostname.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=2)
def _context(loopback: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if loopback:  # the certificate of `up` is self-signed, and nobody can sit in between on loopback
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
