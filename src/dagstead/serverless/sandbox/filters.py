"""The filter of system calls, compiled once by libseccomp and loaded by every program."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

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
    refused, absent = pyseccomp.ERRNO(errno.EPERM), pyseccomp.ERRNO(errno.ENOSYS)
    watching = () if watching_files else ("inotify_add_watch", "fanotify_mark")
    for action, names in ((refused, (*_OTHERS, *_KEYS, *_MACHINE, *watching)), (absent, _ABSENT)):
        for name in names:
            # Not every processor has all of them, and an old libseccomp does not know the newest.
            if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) >= 0:
                rules.add_rule(action, name)
    for flag in _NAMESPACES:
        is_set = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag)
        for name in ("clone", "unshare"):
            rules.add_rule(refused, name, is_set)
    for request in _TERMINAL_REQUESTS:
        is_it = pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, request)
        rules.add_rule(refused, "ioctl", is_it)
    unknown = pyseccomp.ERRNO(errno.EAFNOSUPPORT)
    for operation, number in _other_families():
        rules.add_rule(unknown, "socket", pyseccomp.Arg(0, getattr(pyseccomp, operation), number))
    # Of the kernel's own questions only those about the network, which name no other process.
    is_netlink = pyseccomp.Arg(0, pyseccomp.EQ, socket.AF_NETLINK)
    other = pyseccomp.Arg(2, pyseccomp.NE, _NETLINK_ROUTE)
    rules.add_rule(unknown, "socket", is_netlink, other)
    descriptor = os.memfd_create("filter")
    with os.fdopen(descriptor, "r+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _other_families() -> Iterator[tuple[str, int]]:
    highest = max(_FAMILIES)
    yield "GT", highest
    for family in range(highest):
        if family not in _FAMILIES:
            yield "EQ", family
