"""Sends any bytes to a server, and reads what it answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

_SECONDS = 60.0
_OWN_ADDRESSES = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A request, in the words of HTTP or not at all."""

    number: int
    caller: str
    method: str
    path: str
    headers: tuple[tuple[str, bytes], ...] = ()
    body: bytes = b""
    #: Instead of all this.
    raw: bytes | None = None
    #: What follows on a websocket.
    messages: tuple[bytes, ...] = ()

    @property
    def data(self) -> bytes:
        """All of it."""
        if self.raw is not None:
            return self.raw
        head = f"{self.method} {quote(self.path, safe='/?&=%:+,;@!$*()')} HTTP/1.1\r\n".encode()
        lines = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in self.headers)
        return head + lines + b"\r\n" + self.body


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What came back; status 0 is nothing."""

    sent: Sent
    status: int


async def answer_to(sent: Sent, address: tuple[str, int]) -> Answered:
    """Send a request on a connection of its own, and wait for the end of the answer.

    Raises:
        TimeoutError: when there is none within a minute.
    """
    async with asyncio.timeout(_SECONDS):
        # Ports of one address could run out.
        own = (f"127.0.0.{sent.number % _OWN_ADDRESSES + 2}", 0)
        reader, writer = await asyncio.open_connection(*address, local_addr=own)
        received = b""
        try:
            with suppress(ConnectionError):
                writer.write(sent.data)
                await writer.drain()
                if sent.messages:
                    received = await _converse(reader, writer, sent.messages)
                if writer.can_write_eof() and sent.raw is not None:
                    writer.write_eof()
            with suppress(ConnectionError):
                received += await reader.read(-1)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
    words = received[:100].split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return Answered(sent=sent, status=status)


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, messages: tuple[bytes, ...]
) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " in head.split(b"\r\n", 1)[0]:
        for message in messages:
            writer.write(message)
        # A frame that closes, so that the server ends what is under way.
        writer.write(frame(b"\x03\xe8", opcode=8))
        await writer.drain()
    return head


def frame(payload: bytes, *, opcode: int = 1) -> bytes:
    """A masked frame of a websocket; the mask is zero, so that it changes nothing."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload
