"""Lets containers reach a control plane that listens on this machine's loopback only."""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
from dataclasses import dataclass

logger = logging.getLogger("dagstead.serverless.docker")

_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Relay:
    """Forwards connections from the address of a network of containers."""

    #: Where it listens: the machine's address in the network.
    host: str
    port: int
    #: The control plane's own.
    to_host: str
    to_port: int

    def start(self) -> None:
        """Listen, in a thread of its own, until the process ends.

        Nothing happens when somebody listens there already: the control plane itself does where it
        listens on all addresses.

        Raises:
            OSError: the address is none of this machine's.
        """
        ready = threading.Event()
        problems: list[OSError] = []

        async def listen() -> None:
            try:
                server = await asyncio.start_server(self._forward, self.host, self.port)
            except OSError as error:
                problems.append(error)
                ready.set()
                return
            ready.set()
            async with server:
                await server.serve_forever()

        threading.Thread(
            target=lambda: asyncio.run(listen()), name="docker-relay", daemon=True
        ).start()
        ready.wait()
        if problems and problems[0].errno != errno.EADDRINUSE:
            raise problems[0]
        if not problems:
            logger.info("Containers reach the control plane at %s:%d.", self.host, self.port)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_reader, to_writer = await asyncio.open_connection(self.to_host, self.to_port)
        except OSError:
            # The caller tries again, as when the control plane is away.
            writer.close()
            return
        try:
            await asyncio.gather(_copy(reader, to_writer), _copy(to_reader, writer))
        finally:
            to_writer.close()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        # One of both is gone: so is the other, for whoever it forwards to.
        writer.close()
