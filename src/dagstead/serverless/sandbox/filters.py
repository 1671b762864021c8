"""The filter of system calls, compiled once by libseccomp and loaded by every program."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from functools import cache
from typing import Any

#: Looking into other processes, and taking what they have open.
_OTHERS = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp"),
    *("pidfd_getfd", "perf_event_open", "userfaultfd", "open_by_handle_at", "name_to_handle_at"),
)
#: The kernel's keys belong to a user, which locations may share.
_KEYS = ("add_key", "keyctl", "request_key")
#: What is the machine's.
_MACHINE = (
    *("mount", "umount2", "pivot_root", "chroot", "setns", "move_mount", "open_tree", "fsopen"),
    *("fsconfig", "fsmount", "fspick", "mount_setattr", "swapon", "swapoff", "reboot", "acct"),
    *("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "bpf"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "syslog", "quotactl"),
    *("vhangup", "sethostname", "setdomainname", "iopl", "ioperm"),
)
#: Here programs have another way when these do not exist. ``clone3`` hides its flags from a filter.
_ABSENT = ("clone3", "io_uring_setup", "io_uring_enter", "io_uring_register")
#: linux/sched.h: time, mount, cgroup, UTS, IPC, user, PID and network namespaces.
_NAMESPACES = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
#: asm-generic/ioctls.h: putting letters into somebody's terminal.
_TERMINAL_REQUESTS = (0x5412, 0x541C)
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
_NETLINK_ROUTE = 0


def compiled_filter(*, watching_files: bool) -> bytes | None:
    """The filter as a program of the kernel; ``None`` without libseccomp.

    Args:
        watching_files: whether user code may be notified of what happens in a folder. The names of
            files in a folder that it may not list would come with that.
    """
    try:
        import pyseccomp  # noqa: PLC0415 - it raises where the system has no libseccomp
    except (ImportError, RuntimeError, OSError, AttributeError):
        return None
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for action, name, *compared in _rules(pyseccomp, watching_files=watching_files):
        # Not every processor has all of them, and an old libseccomp does not know the newest.
        if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) >= 0:
            rules.add_rule(action, name, *compared)
    descriptor = os.memfd_create("filter")
    with os.fdopen(descriptor, "r+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


@cache
def filter_file(*, watching_files: bool) -> int | None:
    """A descriptor of the filter in a file that nobody can change; the same for this whole process.

    Official agents make a launcher for every launch, and never close it.

    Args:
        watching_files: see :func:`compiled_filter`.
    """
    program = compiled_filter(watching_files=watching_files)
    if program is None:
        return None
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(descriptor, program)
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def _rules(library: Any, *, watching_files: bool) -> Iterator[tuple[Any, ...]]:
    """The action, the system call, and comparisons of its arguments."""
    refused, absent = library.ERRNO(errno.EPERM), library.ERRNO(errno.ENOSYS)
    watching = () if watching_files else ("inotify_add_watch", "fanotify_mark")
    yield from ((refused, name) for name in (*_OTHERS, *_KEYS, *_MACHINE, *watching))
    yield from ((absent, name) for name in _ABSENT)
    for flag in _NAMESPACES:
        is_set = library.Arg(0, library.MASKED_EQ, flag, flag)
        yield from ((refused, name, is_set) for name in ("clone", "unshare"))
    for request in _TERMINAL_REQUESTS:
        yield refused, "ioctl", library.Arg(1, library.MASKED_EQ, 0xFFFFFFFF, request)
    unknown = library.ERRNO(errno.EAFNOSUPPORT)
    for operation, number in _other_families():
        yield unknown, "socket", library.Arg(0, getattr(library, operation), number)
    # Of the kernel's own questions only those about the network, which name no other process.
    yield (
        *(unknown, "socket", library.Arg(0, library.EQ, socket.AF_NETLINK)),
        library.Arg(2, library.NE, _NETLINK_ROUTE),
    )


def _other_families() -> Iterator[tuple[str, int]]:
    highest = max(_FAMILIES)
    yield "GT", highest
    for family in range(highest):
        if family not in _FAMILIES:
            yield "EQ", family
