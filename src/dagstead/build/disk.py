"""Recognises a full disk, in our errors and in those of programs that we start."""

from __future__ import annotations

import errno
import re

from dagstead.errors import BuildError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SAID = re.compile(r"no space left on device|disk quota exceeded|file too large", re.IGNORECASE)


def says_full(text: str) -> bool:
    """Whether a program failed because it could not write."""
    return _SAID.search(text) is not None


def no_room(where: str | None = None) -> BuildError:
    """The error of a disk that is full."""
    place = f" ({where})" if where else ""
    return BuildError(
        f"There is no room left on the disk{place}. Make some, or choose another disk with --cache "
        "and --output; programs also write to TMPDIR."
    )


def from_os(error: OSError) -> BuildError:
    """What the system says about a file, as an error of a build."""
    where = str(error.filename) if error.filename else None
    if error.errno in _FULL:
        return no_room(where)
    place = f" ({where})" if where else ""
    return BuildError(
        f"A file could not be read or written{place}: {error.strerror or error}. Look at its "
        "permissions, and build again."
    )
