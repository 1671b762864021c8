"""One ``dagstead up`` per data folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagstead.errors import ConflictError

LOCK_FILE = "up.lock"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the data folder for this process; the lock ends with it, however it ends.

    Raises:
        ConflictError: when another process holds it.
    """
    with (folder / LOCK_FILE).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            msg = (
                f"Dagstead is running on {str(folder)!r} already (process {holder}). "
                "Stop it first, or choose another folder with --data."
            )
            raise ConflictError(msg) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
