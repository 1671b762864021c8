"""Names of PEX files: as builders give them, and pinned to the content that is meant.

A builder names a file by a hash of what went into it, ``source-<hash>.pex``. Whoever sends the file
chooses the name, so the name proves nothing. A pinned name has the SHA-256 of the whole file as
well, ``source-<hash>+<sha256>.pex``: it stands for one content, wherever it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

PEX_SUFFIX = ".pex"
_TAG_PREFIX = "files="
_PINNED = re.compile(r"(?P<stem>.+)\+(?P<sha256>[0-9a-f]{64})\.pex")


@dataclass(frozen=True, slots=True)
class PexName:
    """The name of a PEX file, and the SHA-256 of its content if the name is pinned."""

    #: As the builder gave it.
    plain: str
    sha256: str | None = None

    @classmethod
    def of(cls, name: str) -> Self:
        """Read a name; one that does not have the form of a pinned name is plain."""
        pinned = _PINNED.fullmatch(name)
        return cls(f"{pinned['stem']}{PEX_SUFFIX}", pinned["sha256"]) if pinned else cls(name)

    def pinned_to(self, sha256: str) -> PexName:
        """The same name, pinned to a content."""
        return PexName(self.plain, sha256)

    def __str__(self) -> str:
        if self.sha256 is None:
            return self.plain
        return f"{self.plain.removesuffix(PEX_SUFFIX)}+{self.sha256}{PEX_SUFFIX}"


def names_in_tag(tag: str) -> list[str]:
    """The names in a tag of the official CLI: ``files=deps-….pex:source-….pex``."""
    return tag.removeprefix(_TAG_PREFIX).split(":")


def tag_of(names: Iterable[str]) -> str:
    """The tag of a deploy with these files, in the order in which they are searched."""
    return _TAG_PREFIX + ":".join(names)
