"""Texts that come compressed with zlib: unpacked in pieces, as far as their kind allows.

A few kilobytes may unpack to gigabytes, and a text of brackets becomes many times as large when it
is read as JSON.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dagstead.control.memory import MemoryBudget
from dagstead.errors import InvalidInputError, TooLargeError

_PIECE_BYTES = 1 << 20
MEBIBYTE = 1 << 20

#: What a text costs while it is read: as bytes, as text of up to four bytes a character, …
_BYTES_PER_BYTE = 4
#: … and as values: an entry of a list or an object, with its own value, and an object itself.
_BYTES_PER_ENTRY = 128
_BYTES_PER_OBJECT = 192
#: Serialized definitions cost about ten times their length, by this estimate.
_MOST_PER_BYTE = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class TextKind:
    """A kind of text that agents upload."""

    #: In the plural.
    name: str
    most_bytes: int
    #: Which allows more.
    setting: str | None = None

    def require(self, size: int) -> None:
        """Refuse a text of more bytes than this kind may have.

        Raises:
            TooLargeError: with the limit.
        """
        if size > self.most_bytes:
            raise TooLargeError(self._message(f"{self.most_bytes // MEBIBYTE} MiB unpacked"))

    def require_cost(self, cost: int) -> None:
        """Refuse a text that needs too much memory when it is read.

        Raises:
            TooLargeError: with the limit.
        """
        most = self.most_bytes * _MOST_PER_BYTE
        if cost > most:
            raise TooLargeError(self._message(f"about {most // MEBIBYTE} MiB when they are read"))

    def _message(self, limit: str) -> str:
        raising = f", or raise {self.setting} on the server" if self.setting else ""
        return f"{self.name} may have at most {limit}. Send less at one time{raising}."


def definitions(most_mb: int = 64) -> TextKind:
    """What a location is made of."""
    return TextKind(name="Definitions", most_bytes=most_mb * MEBIBYTE, setting="max_definitions_mb")


EVENTS = TextKind(name="Events", most_bytes=32 * MEBIBYTE)
ANSWERS = TextKind(name="Answers of agents", most_bytes=64 * MEBIBYTE)
#: Stored with the location, and read whenever that is.
LOAD_ERRORS = TextKind(name="Errors of locations", most_bytes=4 * MEBIBYTE)


def cost_of(text: bytes) -> int:
    """About how many bytes of memory it takes to read a piece of JSON."""
    return (
        _BYTES_PER_BYTE * len(text)
        + _BYTES_PER_ENTRY * (text.count(b",") + text.count(b"["))
        + _BYTES_PER_OBJECT * text.count(b"{")
    )


def unpacked(pieces: Iterable[bytes], kind: TextKind) -> Iterator[bytes]:
    """The text of a compressed file, in pieces of at most a MiB.

    Raises:
        InvalidInputError: when it is not a whole zlib stream, or something follows it.
        TooLargeError: when the text, or its file, is larger than the kind allows.
    """
    stream = zlib.decompressobj()
    sent = size = 0
    for piece in pieces:
        sent += len(piece)
        # Empty blocks may make a file as long as one likes, without any text.
        kind.require(sent - _PIECE_BYTES)
        for text in _texts(stream, piece):
            size += len(text)
            kind.require(size)
            yield text
    if not stream.eof:
        msg = "The upload is incomplete. Send it again."
        raise InvalidInputError(msg)
    if stream.unused_data:
        msg = "Something follows the compressed upload. Send only that."
        raise InvalidInputError(msg)


def _texts(stream: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    """What a piece unpacks to. At the end it asks for nothing, for what zlib still holds."""
    try:
        while text := stream.decompress(piece, _PIECE_BYTES):
            yield text
            # After the end, the tail is what follows the stream.
            piece = b"" if stream.eof else stream.unconsumed_tail
    except zlib.error as error:
        msg = "The upload is not compressed with zlib, or is damaged. Send it again."
        raise InvalidInputError(msg) from error


@contextmanager
def unpacked_text(data: bytes, kind: TextKind, budget: MemoryBudget) -> Iterator[bytes]:
    """A whole text, with the memory for reading it, for the length of a block.

    Raises:
        InvalidInputError: see :func:`unpacked`.
        TooLargeError: when it is too large.
        BusyError: when other requests need the memory.
    """
    cost = 0
    for text in unpacked((data,), kind):
        cost += cost_of(text)
        kind.require_cost(cost)
    with budget.lend(cost):
        yield b"".join(unpacked((data,), kind))
