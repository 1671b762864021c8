"""Files in the store's folder, and the signed addresses that let a client read or write one."""

from __future__ import annotations

import hashlib
import hmac
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from obstore.store import LocalStore

from dagstead.errors import BlobNotFoundError, InvalidInputError, SignatureError
from dagstead.plane.blobs import BLOBS_PATH, BlobKey, BlobKind
from dagstead.plane.clock import Clock
from dagstead.store.folders import (
    files_in,
    folders_in,
    put_back,
    remove_empty_folders,
    remove_older,
    renew,
)

#: Long enough for a client that retries for two minutes and then uploads a large PEX file.
_SIGNED_SECONDS = 3600

#: What the web server is receiving lies in a folder beside the files.
SPOOLED = "spooled/"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A file as it lies in the store's folder."""

    #: In the folder: the text of its key, if it has one.
    path: str
    size: int
    #: When it was stored or renewed, in seconds since 1970.
    changed_at: float


@dataclass(frozen=True, slots=True)
class SignedAddress:
    """What a signed address is for."""

    key: BlobKey
    #: What the signer wanted to know again when it is used.
    note: str


@dataclass(frozen=True, slots=True)
class BlobStore:
    """Stores and signs files. Writes are atomic: a reader sees a whole file or none."""

    store: LocalStore
    #: Where the store keeps them.
    folder: Path
    clock: Clock
    #: Is asked at the first signature: many processes never sign.
    signing_key: Callable[[], bytes]

    def put(self, key: BlobKey, data: bytes | Path | Iterator[bytes]) -> None:
        """Store a file, and replace the one with the same key."""
        self.store.put(str(key), data)
        self.renew(key)

    def renew(self, key: BlobKey) -> bool:
        """Note that a file is needed now, so that it is kept; whether it is there."""
        return self.renew_path(str(key))

    def renew_path(self, path: str) -> bool:
        """Renew a file by its path; see :meth:`renew`."""
        return renew(self.folder / path, self.clock())

    def path(self, key: BlobKey) -> Path | None:
        """Where a file lies on this machine; ``None`` when there is none."""
        path = self.folder / str(key)
        return path if path.is_file() else None

    def link(self, key: BlobKey, other: BlobKey) -> None:
        """Store a file under another key as well, without a second copy where the disk allows it.

        Raises:
            BlobNotFoundError: when there is none.
        """
        path = self.path(key)
        if path is None:
            raise self._missing(key)
        try:
            (self.folder / str(other)).hardlink_to(path)
        except FileExistsError:
            pass
        except OSError:
            self.put(other, path)

    def get(self, key: BlobKey) -> bytes:
        """A whole file.

        Raises:
            BlobNotFoundError: when there is none.
        """
        try:
            return bytes(self.store.get(str(key)).bytes())
        except FileNotFoundError as error:
            raise self._missing(key) from error

    def stream(self, key: BlobKey) -> tuple[int, Iterator[bytes]]:
        """A file's size in bytes, and its content in pieces.

        Raises:
            BlobNotFoundError: when there is none.
        """
        try:
            found = self.store.get(str(key))
        except FileNotFoundError as error:
            raise self._missing(key) from error
        return found.meta["size"], (bytes(piece) for piece in found.stream())

    def size(self, key: BlobKey) -> int | None:
        """A file's size in bytes, or ``None`` when there is none."""
        try:
            return int(self.store.head(str(key))["size"])
        except FileNotFoundError:
            return None

    def move(self, source: BlobKey, target: BlobKey) -> None:
        """Store a file under another key, in place of the file that has it.

        Raises:
            BlobNotFoundError: when there is none.
        """
        try:
            self.store.rename(str(source), str(target))
        except FileNotFoundError as error:
            raise self._missing(source) from error
        self.renew(target)

    def delete(self, key: BlobKey) -> None:
        """Remove a file; nothing happens when there is none."""
        try:
            self.store.delete(str(key))
        except FileNotFoundError:
            return

    def delete_scope(self, kind: BlobKind, scope: str) -> None:
        """Remove all files of one kind in one scope."""
        with suppress(FileNotFoundError):
            # With its folders, which the store would leave.
            shutil.rmtree(Path(str(self.store.prefix), kind, scope))

    def all(self) -> Iterator[StoredFile]:
        """Every file, also what uploads that were broken off have left."""
        for folder, prefix in ((self.folder, ""), (self._spool, SPOOLED)):
            for file in files_in(folder):
                # Something else may remove it meanwhile: another sweep, or the end of an upload.
                with suppress(FileNotFoundError):
                    facts = file.stat()
                    path = prefix + file.relative_to(folder).as_posix()
                    yield StoredFile(path=path, size=facts.st_size, changed_at=facts.st_mtime)

    def remove_older(self, path: str, *, before: float) -> bool:
        """Remove a file that was not stored or renewed since ``before``; whether it was removed."""
        if path.startswith(SPOOLED):
            return remove_older(self._spool / path.removeprefix(SPOOLED), before=before)
        return remove_older(self.folder / path, before=before)

    def tidy(self) -> None:
        """Put back or finish what a sweep that was killed has left, and remove empty folders."""
        put_back(self.folder)
        for kind in BlobKind:
            for scope in folders_in(self.folder / kind):
                remove_empty_folders(scope)

    def sign(self, key: BlobKey, method: str, note: str = "") -> str:
        """Path and query that allow one method on one file for an hour.

        Args:
            key: of the file.
            method: of HTTP.
            note: comes back with :meth:`open`; the client sees it.
        """
        expires = int(self.clock()) + _SIGNED_SECONDS
        signed = {"method": method, "expires": expires, **({"note": note} if note else {})}
        query = urlencode({**signed, "signature": self._mac(key, method, expires, note)})
        return f"{BLOBS_PATH}{quote(str(key))}?{query}"

    def verify(self, address: str, method: str) -> BlobKey:
        """The key of a signed address, if it allows this method now; see :meth:`open`."""
        return self.open(address, method).key

    def open(self, address: str, method: str) -> SignedAddress:
        """What a signed address is for, if it allows this method now.

        Raises:
            SignatureError: when it was altered, is for another method, or has expired.
        """
        parts = urlsplit(address)
        query = parse_qs(parts.query)
        try:
            key = _parse_key(unquote(parts.path).removeprefix(BLOBS_PATH))
            expires = int(query["expires"][0])
            signed_method, signature = query["method"][0], query["signature"][0]
        except (KeyError, ValueError, InvalidInputError) as error:
            msg = "This address has no valid signature. Ask the server for a new one."
            raise SignatureError(msg) from error
        note = query.get("note", [""])[0]
        expected = self._mac(key, signed_method, expires, note)
        # As bytes: compare_digest refuses text that is not ASCII, and a caller may send any.
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            msg = "The signature does not fit this address. Ask the server for a new one."
            raise SignatureError(msg)
        if signed_method != method and not (signed_method == "GET" and method == "HEAD"):
            msg = f"This address was signed for {signed_method}, not for {method}."
            raise SignatureError(msg)
        if expires < self.clock():
            msg = "This address has expired. Ask the server for a new one."
            raise SignatureError(msg)
        return SignedAddress(key, note)

    @property
    def _spool(self) -> Path:
        return self.folder.parent / "uploads"

    def _mac(self, key: BlobKey, method: str, expires: int, note: str) -> str:
        text = "\n".join([method, str(key), str(expires), *([note] if note else [])]).encode()
        return hmac.new(self.signing_key(), text, hashlib.sha256).hexdigest()

    def _missing(self, key: BlobKey) -> BlobNotFoundError:
        return BlobNotFoundError(f"There is no file {key.path!r} among the {key.kind} files.")


def open_blobs(folder: Path, *, clock: Clock, signing_key: Callable[[], bytes]) -> BlobStore:
    """Files under a folder, which is made if it is missing."""
    return BlobStore(LocalStore(prefix=folder, mkdir=True), folder, clock, signing_key)


def _parse_key(text: str) -> BlobKey:
    kind, scope, path = text.split("/", 2)
    return BlobKey(BlobKind(kind), scope, path)
