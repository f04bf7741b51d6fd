"""Whether a browser would take the certificate that the edge shows: a handshake for each of the site's names."""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path

from deploy.effects.client.address import Address
from deploy.model.hosts import LOOPBACK
from deploy.stacks import certificate

SECONDS = 10.0  # for all of them
HOSTS = "PARLEY_HOSTS"


def names(environment: Mapping[str, str], address: Address) -> tuple[str, ...]:
    """Give what people open, as the app is told: loopback alone where nothing else is named. Raises OSError."""
    path = environment.get(f"{HOSTS}_FILE")
    text = Path(path).read_text(encoding="utf-8") if path else environment.get(HOSTS, "")
    found = (name.strip().strip("[]") for name in text.split(","))
    return tuple(name for name in found if name and name not in LOOPBACK) or (address.hostname,)


async def refusal(address: Address, names: tuple[str, ...], own: Path | None) -> str | None:
    """Say why a browser would refuse it, or None; the one that this machine made vouches for itself.

    Raises OSError where there is nobody to shake hands with.
    """
    trust = ssl.create_default_context()
    if pem := _made_here(own):
        trust.load_verify_locations(cadata=pem)
    host, port = address.dialled
    for name in names:
        try:
            async with asyncio.timeout(SECONDS):
                _, writer = await asyncio.open_connection(host, port, ssl=trust, server_hostname=name)
        except ssl.SSLCertVerificationError as error:
            return f"{name}: {error.verify_message}"
        writer.transport.abort()
    return None


def _made_here(own: Path | None) -> str:
    """Read the certificate that this machine made; empty where there is none, or another's is in its place."""
    try:
        pem = own.read_bytes() if own else b""
        return pem.decode() if pem and certificate.made_here(pem) else ""
    except (OSError, ValueError):
        return ""
