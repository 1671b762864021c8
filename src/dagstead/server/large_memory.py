"""Memory of large requests goes back to the system after them."""

from __future__ import annotations

import ctypes
from contextlib import suppress

#: Of ``malloc.h``. Blocks of at least so many bytes are asked of the system, one by one; without
#: this, glibc raises the number to 32 MiB as it sees large blocks, and keeps them.
_MMAP_THRESHOLD = -3
_LARGE_BYTES = 1 << 20
#: Every thread would have a heap of its own, up to eight per core, and each keeps what it had.
_ARENA_MAX = -8
_ARENAS = 2


def use_memory_sparingly() -> None:
    """Have the C library give back what large requests have needed, where it is glibc."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        library.mallopt(_ARENA_MAX, _ARENAS)
