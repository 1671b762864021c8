"""The arguments of bubblewrap: a file system of its own, made of what may be reached."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.serverless.sandbox.reach import (
    SHARED_MEMORY,
    SYSTEM,
    TEMPORARY,
    computing_devices,
    secrets_of_root,
)

if TYPE_CHECKING:
    from dagstead.serverless.sandbox.reach import FileReach


@contextmanager
def inside_bubblewrap(
    program: str,
    command: Iterable[str],
    reach: FileReach,
    *,
    changes_user: bool,
    users_file: Path | None,
    memory: int | None,
) -> Iterator[tuple[list[str], int]]:
    """The command that runs another one inside, and a descriptor to hand on to it.

    Args:
        program: ``bwrap``.
        command: what runs inside.
        reach: what it finds there.
        changes_user: whether it becomes another user, which only root can.
        users_file: instead of ``/etc/passwd``.
        memory: the most bytes that it may keep in shared memory.
    """
    descriptor = os.memfd_create("bwrap", os.MFD_CLOEXEC)
    try:
        arguments = [
            *_namespaces(changes_user=changes_user),
            *_files(reach, users_file=users_file, memory=memory),
        ]
        os.write(descriptor, b"".join(os.fsencode(word) + b"\0" for word in arguments))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield [program, "--args", str(descriptor), "--", *command], descriptor
    finally:
        os.close(descriptor)


def _namespaces(*, changes_user: bool) -> Iterator[str]:
    yield from ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    if os.geteuid() != 0:
        yield "--unshare-user"
    if changes_user:
        yield from ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")


def _files(reach: FileReach, *, users_file: Path | None, memory: int | None) -> Iterator[str]:
    if reach.is_whole_machine:
        yield from ("--bind", "/", "/")
    yield from _devices_and_temporary(reach, memory)
    yield from _machine(reach)
    trees = [(path, "--ro-bind-try") for path in reach.read]
    trees += [(path, "--bind-try") for path in (*reach.written, reach.home)]
    yield from _trees(trees)
    if users_file is not None:
        yield from ("--ro-bind", str(users_file), "/etc/passwd")
    if not reach.is_whole_machine:
        # Else it could be filled, which takes memory that nobody counts.
        yield from ("--remount-ro", "/")


def _devices_and_temporary(reach: FileReach, memory: int | None) -> Iterator[str]:
    yield from ("--dev", "/dev", "--proc", "/proc")
    # Semaphores are files there, which every pool of processes makes. What bubblewrap itself puts
    # there belongs to the user that it is started as.
    yield from ("--perms", "1777")
    yield from ("--size", str(memory)) if memory else ()
    yield from ("--tmpfs", str(SHARED_MEMORY))
    for device in computing_devices():
        yield from ("--dev-bind-try", str(device), str(device))
    if reach.temporary is not None:
        for folder in TEMPORARY:
            yield from ("--bind", str(reach.temporary), str(folder))


def _machine(reach: FileReach) -> Iterator[str]:
    links = [path for path in reach.machine_read if path in SYSTEM and path.is_symlink()]
    for link in links:
        yield from ("--symlink", str(link.readlink()), str(link))
    trees = [(path, "--ro-bind-try") for path in reach.machine_read if path not in links]
    trees += [(path, "--bind-try") for path in reach.machine_written if path != Path("/")]
    yield from _trees(trees)
    secrets = secrets_of_root() if os.geteuid() == 0 and not reach.is_whole_machine else ()
    for path in (*reach.hidden, *secrets):
        if reach.is_whole_machine or any(path.is_relative_to(tree) for tree, _ in trees):
            yield from _covered(path)


def _covered(path: Path) -> Iterator[str]:
    if path.is_dir():
        yield from ("--tmpfs", str(path))
    elif path.exists():
        yield from ("--ro-bind", os.devnull, str(path))


def _trees(trees: Iterable[tuple[Path, str]]) -> Iterator[str]:
    """Those that others lie in come first, so that they do not hide them."""
    passed: set[Path] = set()
    for path, way in sorted(trees, key=lambda tree: (len(tree[0].parts), tree[1])):
        for parent in reversed(path.parents):
            # Else bubblewrap makes those that only root may pass, around what is only root's.
            if parent not in passed and not any(parent.is_relative_to(f) for f in SYSTEM):
                yield from ("--perms", "0755", "--dir", str(parent))
            passed.add(parent)
        passed.add(path)
        yield from (way, str(path), str(path))
