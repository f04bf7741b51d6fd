"""Carries connections from a listening socket of one network into another: run under `nsenter --net`.

The socket was made before, and stays in its network; what is dialled here is in the new one.
"""

import asyncio
import contextlib
import socket
import sys


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction to its end, and pass the end on."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry one connection; one that nobody takes over there is closed."""
    try:
        there, back = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.transport.abort()
        return
    await asyncio.gather(pump(reader, back), pump(there, writer))
    for one in (writer, back):
        one.transport.abort()


async def serve(descriptor: int, port: int) -> None:
    """Take connections for ever."""
    listener = socket.socket(fileno=descriptor)
    server = await asyncio.start_server(lambda reader, writer: carry(reader, writer, port), sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
