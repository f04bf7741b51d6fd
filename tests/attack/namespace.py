"""A network of its own with one client's machine in it: a network namespace with an IPv4 and an IPv6 address."""

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.programs import needed, needs_root

ROUTED = "198.18"  # for tests of network devices (RFC 2544): no network that this machine is in
LOCAL = "fd7a:7061:726c"  # a unique local prefix (RFC 4193)


@dataclass(frozen=True)
class Namespace:
    """A namespace by its name, and the addresses at both ends of its cable, by version of IP."""

    name: str
    ours: dict[str, str]
    theirs: dict[str, str]

    @property
    def entered(self) -> tuple[str, ...]:
        """What a command begins with to run there."""
        return ("ip", "netns", "exec", self.name)


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """Have a namespace while the block runs, with the other end of its cable on this machine."""
    needs_root("a network namespace")
    needed("ip", "iproute2")
    word, third = secrets.token_hex(3), secrets.randbelow(256)
    name, here, there = f"parley-{word}", f"pk{word}a", f"pk{word}b"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"this machine makes no network namespaces: {made.stderr.strip()}")
    try:
        prefix = f"{LOCAL}:{word[:4]}:"
        ours = {"v4": f"{ROUTED}.{third}.1", "v6": f"{prefix}:1"}
        theirs = {"v4": f"{ROUTED}.{third}.2", "v6": f"{prefix}:2"}
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        for version, length, more in (("v4", 30, ()), ("v6", 64, ("nodad",))):
            _ip("address", "add", f"{ours[version]}/{length}", "dev", here, *more)
            _ip("-n", name, "address", "add", f"{theirs[version]}/{length}", "dev", there, *more)
        _ip("link", "set", here, "up")
        _ip("-n", name, "link", "set", there, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield Namespace(name, ours, theirs)
    finally:
        _ip("netns", "delete", name)  # and both ends of the cable with it, once nobody is in it any more


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
