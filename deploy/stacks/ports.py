"""Ports: checked before anything is made, so that a port in use is one line and nothing half done."""

import errno
import socket
from collections.abc import Sequence

from deploy.effects import procfs
from deploy.errors import BadInputError
from deploy.model.hosts import in_url

LONGEST = 200  # of a command line


def _bind(address: str, port: int) -> socket.socket:
    """Bind and return the socket, as a server would; raise OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
    except OSError:
        listener.close()
        raise
    return listener


def available(addresses: Sequence[str], port: int) -> tuple[str, ...]:
    """Return the addresses that this machine has, as `listen` takes them.

    Raises BadInputError where the port is in use or not allowed on one of them.
    """
    usable = []
    for address in addresses:
        try:
            _bind(address, port).close()
        except OSError as error:
            if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:  # no IPv6 here
                continue
            if error.errno == errno.EADDRINUSE:
                raise BadInputError(f"port {port} is in use on {address} by {_holder(port)}: choose another") from None
            raise BadInputError(f"port {port} on {address}: {error.strerror}") from None
        usable.append(f"{in_url(address)}:{port}")
    if not usable:
        raise BadInputError(f"port {port}: this machine has none of {', '.join(addresses)}")
    return tuple(usable)


def _holder(port: int) -> str:
    """Say who has a port: of an nginx of Parley's, its command line has the folder of the site."""
    pid = procfs.listener(port)
    return f"process {pid}, {procfs.title(pid)[:LONGEST]}" if pid else "a process of another user"


def metrics(base: int, count: int) -> tuple[int, ...]:
    """Return a loopback port per instance: base and the following, or any free ones where base is 0."""
    if base:
        for port in range(base, base + count):
            available(("127.0.0.1",), port)
        return tuple(range(base, base + count))
    listeners = [_bind("127.0.0.1", 0) for _ in range(count)]  # all at once, so that none comes twice
    try:
        return tuple(listener.getsockname()[1] for listener in listeners)
    finally:
        for listener in listeners:
            listener.close()
