"""The head of an answer leaves together with its body.

uvicorn writes them one after the other. Each write wakes the client, and is most of what a short
answer costs both of them.
"""

from __future__ import annotations

import asyncio
from typing import Final

#: More than that is written at once, and never put together.
_MOST: Final = 32_768


class JoinedWrites:
    """What is written to a connection in one go, until the event loop does something else."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing is written yet.

        Args:
            transport: of the connection.
            loop: in which all of this happens.
        """
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        """Write the head now or in a moment, and what follows with it."""
        if not data:
            return
        if not self._held and len(data) < _MOST:
            self._held = data
            self._loop.call_soon(self._flush)
        elif len(self._held) + len(data) < _MOST:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        else:
            self._flush()
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection after what was written."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)
