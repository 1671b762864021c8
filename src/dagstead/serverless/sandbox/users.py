"""Users of the pool: one per code location, and a group per tree of files that some share.

They have numbers only, in a range that no other user of this machine is in. Nobody signs in as one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.errors import PexError
from dagstead.serverless.home import read_json, write_json

if TYPE_CHECKING:
    from dagstead.serverless.home import PoolHome

#: What of a umask takes rights from the group, through which locations share outputs.
_GROUP = 0o070
_NOBODY_ELSE = 0o007


class PoolUsers:
    """The numbers in use, kept in a file. Safe to use from several threads and processes."""

    def __init__(self, home: PoolHome, numbers: tuple[int, int]) -> None:
        """Take the pool's folder, and the first and the last number."""
        self._home = home
        self._first, self._last = numbers

    @property
    def everyone(self) -> int:
        """The group of all of them, who may pass through the folders of the pool."""
        return self._first

    def number(self, kind: str, name: str) -> int:
        """The number of a location or a tree, which stays the same.

        Raises:
            PexError: there are no more numbers.
        """
        key = f"{kind}:{name}"
        with self._home.lock("users"):
            known = self._known()
            if key in known:
                return known[key]
            taken = set(known.values())
            number = next((n for n in range(self._first + 1, self._last) if n not in taken), None)
            if number is None:
                msg = (
                    f"All users of the pool, {self._first} to {self._last}, are in use. Give it "
                    "more with the setting pool_users, and start it again."
                )
                raise PexError(msg)
            write_json(self._home.users, {**known, key: number})
            return number

    def forget(self, kind: str, names: Collection[str]) -> None:
        """Free the numbers of what is gone, with all its files."""
        gone = {f"{kind}:{name}" for name in names}
        with self._home.lock("users"):
            known = self._known()
            if gone & known.keys():
                write_json(self._home.users, {k: n for k, n in known.items() if k not in gone})

    def _known(self) -> dict[str, int]:
        known = read_json(self._home.users) or {}
        # Of another range, which was set before.
        return {k: n for k, n in known.items() if self._first < n <= self._last}


def let_pass(folder: Path, group: int) -> None:
    """Let a group pass through a folder, and see nothing of what is in it."""
    os.chown(folder, -1, group)
    folder.chmod(0o710)


def own(folder: Path, user: int) -> None:
    """Give a folder to a user alone. What it lies in must not be that user's."""
    os.chown(folder, user, user)
    folder.chmod(0o700)


def share(folder: Path, group: int) -> None:
    """Give a folder with all that is in it to a group, which may write; what is new comes to it."""
    found = folder.lstat()
    if found.st_gid == group and found.st_mode & stat.S_ISGID:
        return
    for _, folders, files, around in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            with suppress(OSError):
                _share_one(name, around, group)
    # Last: its group says that the rest is done.
    os.chown(folder, -1, group)
    folder.chmod(0o2770)


def let_read(path: Path, group: int) -> None:
    """Let a group, and nobody else, read a file, or a tree of which all could read the inside."""
    os.chown(path, 0, group)
    path.chmod(0o750 if path.is_dir() else 0o640)


def take_back(folder: Path) -> None:
    """Have root own a folder with all that is in it: code now runs as root, without its rights.

    So it is when a pool that had users is started where none can be had.
    """
    if os.geteuid() != 0 or folder.lstat().st_uid == folder.lstat().st_gid == 0:
        return
    for _, folders, files, around in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            with suppress(OSError):
                found = os.stat(name, dir_fd=around, follow_symlinks=False)
                # A second name may be of a file elsewhere.
                if stat.S_ISDIR(found.st_mode) or found.st_nlink == 1:
                    os.chown(name, 0, 0, dir_fd=around, follow_symlinks=False)
    os.chown(folder, 0, 0)


def shared_umask(umask: int) -> int:
    """The umask of user code whose files a group shares."""
    return _NOBODY_ELSE if umask < 0 else umask & ~_GROUP


def _share_one(name: str, around: int, group: int) -> None:
    # By descriptors, which do not follow: who may write here may put a link in place meanwhile.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=around)
    try:
        found = os.fstat(descriptor)
        is_folder = stat.S_ISDIR(found.st_mode)
        if not is_folder and (not stat.S_ISREG(found.st_mode) or found.st_nlink > 1):
            return
        more = (stat.S_ISGID | 0o070) if is_folder else 0o060
        os.fchown(descriptor, -1, group)
        os.fchmod(descriptor, (stat.S_IMODE(found.st_mode) | more) & ~_NOBODY_ELSE)
    finally:
        os.close(descriptor)
