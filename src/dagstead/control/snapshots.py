"""Uploaded definitions in the blob store, addressed by the SHA-1 of their text.

The official client names them ``json.gz``, but they are zlib, not gzip. The SHA-1 of a job snapshot
is its snapshot id, so that a reference in a repository snapshot leads straight to its file.

A text is compared with its SHA-1 when it arrives, and only then: errors are stored without the
secrets that they quote, under the SHA-1 of what was sent.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dagstead.control.unpacking import TextKind, cost_of, unpacked
from dagstead.errors import BlobNotFoundError, InvalidInputError
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.store.blobs import BlobStore

_SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A place for an upload: the key of the file, and a signed address (a path of this server)."""

    key: str
    address: str


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The definitions of a deployment's locations."""

    _blobs: BlobStore
    deployment: str

    def has(self, kind: str, sha1: str) -> bool:
        """Whether the text of that hash is stored; if it is, it is kept from now on."""
        return self._blobs.renew(self._key(kind, sha1))

    def read(self, kind: str, sha1: str) -> str:
        """The stored text.

        Raises:
            BlobNotFoundError: when it was never uploaded.
        """
        return text_of(self._blobs, self._key(kind, sha1))

    def write(self, kind: str, text: str) -> str:
        """Store a text; returns its SHA-1."""
        data = text.encode()
        sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        self._blobs.put(self._key(kind, sha1), zlib.compress(data))
        return sha1

    def replace(self, kind: str, sha1: str, text: str) -> None:
        """Store another text under the hash of one that was uploaded, which must not be kept."""
        self._blobs.put(self._key(kind, sha1), zlib.compress(text.encode()))

    def offer(self, upload_id: str) -> Offer:
        """Offer a place for an upload, which :meth:`accept` then takes in."""
        key = self._upload_key(upload_id)
        return Offer(key=str(key), address=self._blobs.sign(key, "PUT"))

    def accept(
        self, kind: str, sha1: str, upload_id: str, *, compressed: bool, limit: TextKind
    ) -> int:
        """Take in an uploaded file, if its content has the given hash.

        Returns:
            The text's size in bytes.

        Raises:
            InvalidInputError: when the file is missing or damaged, or has another hash.
            TooLargeError: when the text is larger than a text of its kind may be.
        """
        upload = self._upload_key(upload_id)
        try:
            size, pieces = self._blobs.stream(upload)
        except BlobNotFoundError as error:
            msg = f"The snapshot {sha1} was confirmed, but never uploaded. Deploy again."
            raise InvalidInputError(msg) from error
        key = self._key(kind, sha1)
        if compressed:
            found = _Content.of(unpacked(pieces, limit), limit)
            found.require(sha1)
            self._blobs.move(upload, key)
        else:
            limit.require(size)
            found = _Content.of(pieces, limit)
            found.require(sha1)
            self._blobs.put(key, _compressed(self._blobs.stream(upload)[1]))
            self._blobs.delete(upload)
        return found.size

    def discard(self, upload_id: str) -> None:
        """Remove an upload that is not needed: its text is stored already."""
        self._blobs.delete(self._upload_key(upload_id))

    def cost(self, kind: str, sha1: str) -> int:
        """About how many bytes of memory it takes to read a stored text.

        Raises:
            BlobNotFoundError: when it was never uploaded.
        """
        _, pieces = self._blobs.stream(self._key(kind, sha1))
        return sum(map(cost_of, unpacked(pieces, _STORED)))

    def _upload_key(self, upload_id: str) -> BlobKey:
        return BlobKey(BlobKind.SNAPSHOT, self.deployment, f"uploads/{upload_id}")

    def _key(self, kind: str, sha1: str) -> BlobKey:
        if not _SHA1.fullmatch(sha1):
            msg = f"{sha1[:60]!r} is not a SHA-1 in hexadecimal."
            raise InvalidInputError(msg)
        return BlobKey(BlobKind.SNAPSHOT, self.deployment, f"{kind}/{sha1}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Content:
    """What an upload proved to be, of which only a piece was ever in memory."""

    sha1: str
    size: int
    is_text: bool

    @classmethod
    def of(cls, pieces: Iterable[bytes], limit: TextKind) -> _Content:
        sha1 = hashlib.sha1(usedforsecurity=False)
        decoder = codecs.getincrementaldecoder("utf-8")()
        size = cost = 0
        is_text = True
        for piece in pieces:
            sha1.update(piece)
            size += len(piece)
            cost += cost_of(piece)
            limit.require_cost(cost)
            is_text = is_text and _continues(decoder, piece)
        is_text = is_text and _continues(decoder, b"", final=True)
        return cls(sha1=sha1.hexdigest(), size=size, is_text=is_text)

    def require(self, sha1: str) -> None:
        if self.sha1 != sha1:
            msg = f"The uploaded snapshot does not have the SHA-1 {sha1}. Deploy again."
            raise InvalidInputError(msg)
        if not self.is_text:
            msg = f"The uploaded snapshot with SHA-1 {sha1} is not UTF-8 text."
            raise InvalidInputError(msg)


def _continues(decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(piece, final=final)
    except UnicodeDecodeError:
        return False
    return True


def _compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    stream = zlib.compressobj()
    for piece in pieces:
        yield stream.compress(piece)
    yield stream.flush()


def text_of(blobs: BlobStore, key: BlobKey) -> str:
    """The text of stored definitions, whose size was checked when they came.

    Raises:
        BlobNotFoundError: when there are none.
    """
    _, pieces = blobs.stream(key)
    return b"".join(unpacked(pieces, _STORED)).decode()


_STORED = TextKind(name="Stored definitions", most_bytes=sys.maxsize)
