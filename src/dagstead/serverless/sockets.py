"""Where code servers listen: paths to sockets have to be short."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dagstead.errors import ConfigurationError

#: A path to a socket has 108 bytes at most (sys/un.h); grpc needs a few of them.
_LONGEST_PATH = 100
#: Every system has it, and its path is short.
_ALWAYS_SHORT = Path("/tmp")  # noqa: S108 - only a folder made by mkdtemp in it is used
_PREFIX = "dagstead-"


def socket_in(folder: Path, handle: str) -> Path:
    """The path of a code server's socket: in a folder of its own, which belongs to its user."""
    return folder / handle[:12] / "s"


def folder_for_sockets(preferred: Path) -> Path:
    """The preferred folder, or a new temporary one where sockets in it would have long paths.

    Raises:
        ConfigurationError: no folder with a short path can be made.
    """
    if _is_short(preferred):
        return preferred
    temporary = Path(tempfile.gettempdir())
    parent = temporary if _is_short(temporary / f"{_PREFIX}12345678") else _ALWAYS_SHORT
    try:
        return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError as error:
        msg = (
            f"Sockets of code servers need a short path. {preferred} and {temporary} are too long, "
            f"and no folder can be made in {parent}: {error.strerror}. "
            "Set TMPDIR to a folder whose path is shorter than 60 characters."
        )
        raise ConfigurationError(msg) from error


def _is_short(folder: Path) -> bool:
    return len(bytes(socket_in(folder, "x" * 32))) <= _LONGEST_PATH
