"""What the kernel's Landlock lets user code open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import landlockpy
from landlockpy import AccessFS, AccessNet, Scope

from dagstead.serverless.sandbox.reach import SHARED_MEMORY, devices

if TYPE_CHECKING:
    from pathlib import Path

    from dagstead.serverless.sandbox.reach import FileReach

_READ = AccessFS.EXECUTE | AccessFS.READ_FILE | AccessFS.READ_DIR
_OF_FILES = (
    AccessFS.EXECUTE
    | AccessFS.READ_FILE
    | AccessFS.WRITE_FILE
    | AccessFS.TRUNCATE
    | AccessFS.IOCTL_DEV
    | AccessFS.RESOLVE_UNIX
)
_WRITE = (
    _READ
    | _OF_FILES
    | AccessFS.REMOVE_DIR
    | AccessFS.REMOVE_FILE
    | AccessFS.MAKE_DIR
    | AccessFS.MAKE_REG
    | AccessFS.MAKE_SOCK
    | AccessFS.MAKE_FIFO
    | AccessFS.MAKE_SYM
    | AccessFS.REFER
)
#: A folder that all users share, where programs put things of random names: it cannot be listed.
_DROP = (_WRITE & ~AccessFS.READ_DIR) & ~AccessFS.MAKE_DIR
#: The version of Landlock that rules signals and abstract sockets.
SCOPES = 6
_DEVICE = AccessFS.READ_FILE | AccessFS.WRITE_FILE | AccessFS.IOCTL_DEV


def landlock_version() -> int:
    """The version of Landlock that the kernel has; 0 is none, or not for this process."""
    try:
        return landlockpy.abi_version()
    except OSError:
        return 0


@contextmanager
def ruleset_of(reach: FileReach, *, files: bool) -> Iterator[int]:
    """The descriptor of a ruleset, for a process that takes it on.

    Args:
        reach: what may be opened.
        files: whether files are ruled as well. Without that it keeps signals and abstract sockets
            inside, and other processes from being looked into; needs :data:`SCOPES` of Landlock.

    Raises:
        OSError: the kernel has no Landlock.
    """
    scope = Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL
    handled = None if files else AccessFS.NONE
    with landlockpy.Ruleset(
        handled_fs=handled, handled_net=AccessNet.NONE, scoped=scope
    ) as ruleset:
        if files:
            _allow_all(ruleset, reach)
        yield ruleset.fileno()


def _allow_all(ruleset: landlockpy.Ruleset, reach: FileReach) -> None:
    own = (reach.home, *((reach.temporary,) if reach.temporary else ()))
    for access, paths in (
        (_READ, reach.read),
        (_WRITE, (*reach.written, *own)),
        (_DROP, (SHARED_MEMORY,)),
        (_DEVICE, devices()),
    ):
        for path in paths:
            _allow(ruleset, path, access)


def _allow(ruleset: landlockpy.Ruleset, path: Path, access: AccessFS) -> None:
    try:
        ruleset.allow_path(path, access if path.is_dir() else access & _OF_FILES)
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        # What is not there, or not for this user, user code cannot open either.
        return
