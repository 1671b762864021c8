"""A file system so small that it can be filled."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_CHUNK = bytes(65_536)

#: In memory, so a full one takes this much of it.
_MEGABYTES = 256


class SmallDisk:
    """A mounted file system."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is where it is mounted."""
        self.folder = folder
        #: What somebody does who has made room.
        self.after_freeing: Callable[[], None] | None = None
        self._filling = folder / "filling"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filling.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(_CHUNK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Free what was taken."""
        self._filling.unlink(missing_ok=True)
        if self.after_freeing is not None:
            self.after_freeing()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount one on a folder, which is made.

    Raises:
        RuntimeError: with the command that works, if this user may not mount.
    """
    if os.geteuid() != 0:
        raise RuntimeError(
            "Only root can mount the small file system that this cell fills: run it with "
            "`sudo make test-faults`, or leave out what needs it with "
            "`make test-faults PYTEST_ARGS=\"-k 'not small_disk'\"`."
        )
    folder.mkdir(parents=True)
    # Postgres' own user lives on it too.
    options = f"size={_MEGABYTES}m,mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "dagstead", str(folder)], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        # What was ended by force may hold a file open a moment longer.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
