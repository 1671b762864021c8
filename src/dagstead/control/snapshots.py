"""Uploaded definitions in the blob store, addressed by the SHA-1 of their text.

The official client names them ``json.gz``, but they are zlib, not gzip. The SHA-1 of a job snapshot
is its snapshot id, so that a reference in a repository snapshot leads straight to its file.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass

from dagstead.errors import BlobNotFoundError, InvalidInputError, TooLargeError
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.store.blobs import BlobStore

#: Definitions of thousands of assets have some tens of megabytes; this stops a zip bomb.
_MAX_TEXT_BYTES = 1 << 30

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
        return decompress(self._blobs.get(self._key(kind, sha1))).decode()

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

    def accept(self, kind: str, sha1: str, upload_id: str, *, compressed: bool) -> int:
        """Take in an uploaded file, if its content has the given hash.

        Returns:
            The text's size in bytes.

        Raises:
            InvalidInputError: when the file is missing or damaged, or has another hash.
        """
        upload = self._upload_key(upload_id)
        try:
            data = self._blobs.get(upload)
        except BlobNotFoundError as error:
            msg = f"The snapshot {sha1} was confirmed, but never uploaded. Deploy again."
            raise InvalidInputError(msg) from error
        text = decompress(data) if compressed else data
        if hashlib.sha1(text, usedforsecurity=False).hexdigest() != sha1:
            msg = f"The uploaded snapshot does not have the SHA-1 {sha1}. Deploy again."
            raise InvalidInputError(msg)
        if not _is_text(text):
            msg = f"The uploaded snapshot with SHA-1 {sha1} is not UTF-8 text."
            raise InvalidInputError(msg)
        self._blobs.put(self._key(kind, sha1), data if compressed else zlib.compress(data))
        self._blobs.delete(upload)
        return len(text)

    def _upload_key(self, upload_id: str) -> BlobKey:
        return BlobKey(BlobKind.SNAPSHOT, self.deployment, f"uploads/{upload_id}")

    def _key(self, kind: str, sha1: str) -> BlobKey:
        if not _SHA1.fullmatch(sha1):
            msg = f"{sha1[:60]!r} is not a SHA-1 in hexadecimal."
            raise InvalidInputError(msg)
        return BlobKey(BlobKind.SNAPSHOT, self.deployment, f"{kind}/{sha1}")


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def decompress(data: bytes, limit: int = _MAX_TEXT_BYTES) -> bytes:
    """Undo zlib, for at most ``limit`` bytes.

    Raises:
        InvalidInputError: when it is not a zlib stream.
        TooLargeError: when the result is larger.
    """
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, limit)
    except zlib.error as error:
        msg = "The upload is not compressed with zlib, or is damaged. Send it again."
        raise InvalidInputError(msg) from error
    if stream.unconsumed_tail:
        msg = f"The upload holds more than {limit} bytes when unpacked."
        raise TooLargeError(msg)
    if not stream.eof:
        msg = "The upload is incomplete. Send it again."
        raise InvalidInputError(msg)
    return text
