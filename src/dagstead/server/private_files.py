"""What our processes write is for their own user only: databases, keys, logs, user code."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import MutableMapping
from pathlib import Path, PurePath

from dagstead.server.kept_data import is_named
from dagstead.server.shutdown import LIFELINE_VARIABLE

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


#: Given to our own children: the umask that the first of our processes was started with.
UMASK_VARIABLE = "DAGSTEAD_UMASK"


def keep_files_private(environment: MutableMapping[str, str]) -> None:
    """Have this process, and what it starts, write nothing that other users can read.

    Args:
        environment: this process's own. It gets the previous umask, for user code: its files may be
            meant for others.
    """
    before = os.umask(_OTHERS)
    if LIFELINE_VARIABLE not in environment:
        # Else it was started by one of ours, which has set it.
        environment[UMASK_VARIABLE] = f"{before:03o}"


def close_to_others(folder: Path, *, user: int) -> None:
    """Remove other users' rights to the data folder, if this user owns it, and to what is in it.

    A folder of somebody else stays as it is: it may be a volume that a group gives access to. So
    does one like /tmp, which is meant for everybody. What earlier versions have written into these,
    the database among it, is closed all the same.

    Args:
        folder: of the data.
        user: the number of this process's user.

    Raises:
        OSError: when the file system does not allow it.
    """
    found = folder.stat()
    if _is_own(found, user):
        _close(folder, found)
        return
    for path in folder.iterdir():
        within = path.lstat()
        is_link = stat.S_ISLNK(within.st_mode)
        if within.st_uid == user and not is_link and is_named(PurePath(path.name)):
            _close(path, within)


def exposed(folder: Path, *, user: int) -> str | None:
    """A warning, if others may look into a data folder that ``close_to_others`` leaves as it is."""
    try:
        found = folder.stat()
    except OSError:
        # It is made later, and closed.
        return None
    if _is_own(found, user) or not _is_open(found):
        return None
    where = shlex.quote(str(folder))
    way = (
        "Choose a folder of its own with --data."
        if found.st_mode & stat.S_ISVTX
        else f"Close it as root: `chown {user} {where} && chmod 700 {where}`."
    )
    return (
        f"Other users may look into the data folder {str(folder)!r}: its mode is "
        f"{stat.S_IMODE(found.st_mode):o}, its owner is user {found.st_uid}. New files in it are "
        f"for this user only. {way}"
    )


def _close(path: Path, found: os.stat_result) -> None:
    if _is_open(found):
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)


def _is_open(found: os.stat_result) -> bool:
    # A group that may pass and see nothing is that of the pool's users.
    return found.st_mode & _OTHERS not in {0, stat.S_IXGRP}


def _is_own(found: os.stat_result, user: int) -> bool:
    return found.st_uid == user and not found.st_mode & stat.S_ISVTX
