"""Asks for /readyz, over an instance's unix socket and through nginx over TLS, until it says yes."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

from deploy.model.health import READY

ATTEMPT_SECONDS = 5.0
PAUSE = 0.05
REQUEST = f"GET {READY} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


async def _status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Send the request and return the answer's status; 0 for no answer."""
    try:
        writer.write(REQUEST)
        await writer.drain()
        words = (await reader.readline()).split()
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _through_socket(path: Path) -> int:
    return await _status(*await asyncio.open_unix_connection(path))


async def _through_nginx(address: str, port: int, certificate: bytes | None) -> int:
    """Ask over TLS; 0 too where another certificate is shown: one of somebody's own need not name localhost."""
    if certificate is None:
        return await _status(*await asyncio.open_connection(address, port))
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE  # it has to be this very one
    reader, writer = await asyncio.open_connection(address, port, ssl=trust, server_hostname="localhost")
    if writer.get_extra_info("ssl_object").getpeercert(binary_form=True) != certificate:
        writer.transport.abort()
        return 0
    return await _status(reader, writer)


async def instance(path: Path) -> None:
    """Return once the instance behind a unix socket is ready."""
    while True:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(ATTEMPT_SECONDS):
                if await _through_socket(path) == 200:
                    return
        await asyncio.sleep(PAUSE)


async def site(address: str, port: int, certificate: bytes | None) -> None:
    """Return once /readyz answers through nginx, with this certificate (DER) and no other; None: over plain http."""
    while True:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(ATTEMPT_SECONDS):
                if await _through_nginx(address, port, certificate) == 200:
                    return
        await asyncio.sleep(PAUSE)


async def socket(path: Path) -> None:
    """Return once something accepts connections on a unix socket."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_unix_connection(path)
            writer.close()
            return
        await asyncio.sleep(PAUSE)


async def port(number: int) -> None:
    """Return once something accepts connections on a port of loopback."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", number)
            writer.close()
            return
        await asyncio.sleep(PAUSE)
