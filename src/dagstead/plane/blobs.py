"""Keys of stored files: every kind of file has a namespace that its keys cannot leave."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from dagstead.errors import InvalidInputError

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=+@ -]*")
_KEY_MAX = 900

#: The first path segment of signed addresses.
BLOBS_PATH = "/blobs/"


class BlobKind(StrEnum):
    """The kind of a file, which is the first part of its key."""

    #: Uploaded definitions, addressed by their SHA-1 (the protocol's choice).
    SNAPSHOT = "snapshot"
    #: PEX files of serverless locations.
    PEX = "pex"
    #: Files such as dbt manifests and component state, stored by key.
    ARTIFACT = "artifact"
    #: Captured stdout and stderr.
    LOG = "log"


@dataclass(frozen=True, slots=True)
class BlobKey:
    """A checked key: ``kind/scope/path``. ``scope`` is a deployment, or :data:`ORGANIZATION`."""

    kind: BlobKind
    scope: str
    path: str

    def __post_init__(self) -> None:
        for part in (self.scope, *self.path.split("/")):
            if not _SEGMENT.fullmatch(part) or ".." in part:
                msg = (
                    f"{self.path[:80]!r} cannot be a file's key. Use letters, digits and "
                    "_ - . = + @ in parts separated by single slashes; '..' is not allowed."
                )
                raise InvalidInputError(msg)
        if len(self.path) > _KEY_MAX:
            msg = f"A file's key has {len(self.path)} characters; at most {_KEY_MAX} are allowed."
            raise InvalidInputError(msg)

    def __str__(self) -> str:
        return f"{self.kind}/{self.scope}/{self.path}"
