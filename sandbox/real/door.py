"""The one way into a real node's network: a port of the machine's loopback that leads to the same port on the node's.

Run in the node's network namespace with a socket that already listens on the machine: door.py DESCRIPTOR PORT.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress

_PIECE = 65536


def main() -> None:
    """Pass connections on until killed."""
    descriptor, port = map(int, sys.argv[1:])
    asyncio.run(serve(socket.socket(fileno=descriptor), port))


async def serve(listening: socket.socket, port: int) -> None:
    """Connect everybody who comes with the port on the loopback of this namespace."""

    async def connect(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(
                "127.0.0.1", port
            )
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = await asyncio.start_server(connect, sock=listening)
    async with server:
        await server.serve_forever()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction of a connection until its end."""
    with suppress(OSError):
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        return
    writer.close()


if __name__ == "__main__":
    main()
