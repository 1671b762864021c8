"""The store of PEX files: one file for each content, and a record of who stored it under a name.

Files of earlier versions have no record. Then all deployments shared one file for each name, and
they still do: such a file counts as stored by somebody who may deploy everything.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagstead.control.backend import Backend
from dagstead.errors import InvalidInputError, SignatureError
from dagstead.model.pex_names import PexName
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.pex_files import StoredPex, Uploader

_EARLIER = "an earlier version of the server"


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """Permission to store one file."""

    name: PexName
    uploader: Uploader
    #: The name of the uploader's token.
    by: str
    #: When it asked where to send the file.
    asked_at: float


@dataclass(frozen=True, slots=True)
class PexShelf:
    """Stores PEX files and finds them. Whoever calls it has checked who may."""

    backend: Backend

    def take(self, upload: Upload, path: Path) -> None:
        """Store a file that has arrived, by what it holds.

        Raises:
            InvalidInputError: when it is not the file that its name says, or when the address was
                used for another one.
        """
        sha256 = sha256_of(path)
        if upload.name.sha256 not in {None, sha256}:
            msg = (
                f"The file that arrived as {upload.name.plain} has SHA-256 {sha256}, and "
                f"{upload.name.sha256} was announced. It was changed or cut off on its way, or "
                "after it was built. Nothing was stored: build it again and send it once more."
            )
            raise InvalidInputError(msg)
        pinned = upload.name.pinned_to(sha256)
        # Also when it is there: an earlier version took any content under a name of this form.
        self.backend.store.blobs.put(_content(pinned), path)
        if not self._record(pinned, upload.uploader, upload.by, asked_at=upload.asked_at):
            msg = (
                f"Another file was stored as {upload.name.plain} since this address was given. An "
                "address is good for one content. Ask the server for a new one."
            )
            raise InvalidInputError(msg)

    def recorded(self, names: Iterable[PexName]) -> Mapping[str, Sequence[StoredPex]]:
        """What is recorded under these names, by the plain name, the newest first."""
        found: dict[str, list[StoredPex]] = defaultdict(list)
        plain = {name.plain for name in names}
        for each in self.backend.store.pex_files.named(plain) if plain else ():
            found[each.name].append(each)
        return found

    def find(
        self,
        name: PexName,
        recorded: Collection[StoredPex],
        is_usable: Callable[[Uploader], bool],
    ) -> PexName | None:
        """The content to use for a name; it is kept from now on.

        Args:
            name: if it is pinned, this content and no other.
            recorded: what is recorded under the name, the one to prefer first.
            is_usable: whether files of an uploader may be used.

        Returns:
            The pinned name; ``None`` when nothing usable is stored.
        """
        for each in recorded:
            fits = name.sha256 in {None, each.sha256} and is_usable(each.uploader)
            if fits and self.keep(each.pinned):
                return each.pinned
        earlier = self.of_earlier_version(name.plain) if is_usable(Uploader()) else None
        return earlier if earlier and name.sha256 in {None, earlier.sha256} else None

    def keep(self, pinned: PexName) -> bool:
        """Keep a content from now on; whether it is stored."""
        return self.backend.store.blobs.renew(_content(pinned))

    def address(self, pinned: PexName) -> str:
        """Where a content can be read."""
        return self.backend.store.blobs.sign(_content(pinned), "GET")

    def of_earlier_version(self, plain: str) -> PexName | None:
        """A file that an earlier version has stored: it is read once, and recorded then."""
        blobs = self.backend.store.blobs
        key = BlobKey(BlobKind.PEX, ORGANIZATION, plain)
        path = blobs.path(key)
        if path is None or PexName.of(plain).sha256 is not None:
            return None
        blobs.renew(key)
        for each in self.backend.store.pex_files.named([plain]):
            is_adopted = each.by == _EARLIER and each.uploader.is_organization
            if is_adopted and self.keep(each.pinned):
                return each.pinned
        pinned = PexName(plain, sha256_of(path))
        blobs.link(key, _content(pinned))
        self._record(pinned, Uploader(), _EARLIER, asked_at=None)
        return pinned

    def _record(
        self, pinned: PexName, uploader: Uploader, by: str, *, asked_at: float | None
    ) -> bool:
        stored = StoredPex(
            name=pinned.plain,
            sha256=pinned.sha256 or "",
            uploader=uploader,
            by=by,
            stored_at=self.backend.now(),
        )
        return self.backend.store.pex_files.add(stored, asked_at=asked_at)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file on this machine."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def note_of(token_id: int | None, asked_at: float) -> str:
    """What a signed address says of who asked for it, and when."""
    return f"{'' if token_id is None else token_id}@{asked_at!r}"


def read_note(note: str) -> tuple[int | None, float]:
    """Read what :func:`note_of` wrote.

    Raises:
        SignatureError: when the address was made for something else.
    """
    token_id, at, asked_at = note.partition("@")
    if not at:
        msg = "This address is not for sending a PEX file. Ask the server for a new one."
        raise SignatureError(msg)
    return int(token_id) if token_id else None, float(asked_at)


def _content(pinned: PexName) -> BlobKey:
    """The file of a content, which all namespaces share."""
    return BlobKey(BlobKind.PEX, ORGANIZATION, str(pinned))
