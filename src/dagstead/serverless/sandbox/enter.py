"""Puts up the walls around itself, then becomes a program of user code.

Run as ``python -I -S enter.py FD``, where FD is a file with an order (:mod:`.orders`). It is
started with none of user code's environment variables, as ``LD_PRELOAD`` is one of them, and has
what the standard library has: nothing else is there in a sandbox.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

# linux/prctl.h, linux/seccomp.h, linux/capability.h
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION = 0x20080522
_CAPABILITIES = 64
#: The same on every architecture.
_LANDLOCK_RESTRICT_SELF = 446

#: What a shell says of a command that it cannot start.
_CANNOT_START = 126

_libc = ctypes.CDLL(None, use_errno=True)


class _FilterProgram(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def main() -> None:
    """Carry out the order, and become its program."""
    descriptor = int(sys.argv[1])
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        order = json.load(file)
    try:
        _enter(order)
        os.execve(order["argv"][0], order["argv"], order["environment"])  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"The sandbox cannot start {order['argv'][0]}: {error}\n")
        sys.exit(_CANNOT_START)


def _enter(order: dict[str, Any]) -> None:
    _take_limits(order)
    filters = None if order["filter"] is None else os.pread(order["filter"], 1 << 20, 0)
    _become_user(order)
    if order["umask"] >= 0:
        os.umask(order["umask"])
    if order["folder"] is not None:
        os.chdir(order["folder"])
    if order["no_new_privileges"]:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if order["ruleset"] is not None:
        _check(_libc.syscall(_LANDLOCK_RESTRICT_SELF, order["ruleset"], 0))
        os.close(order["ruleset"])
    if filters is not None:
        os.close(order["filter"])
        _load_filter(filters)


def _take_limits(order: dict[str, Any]) -> None:
    for file in order["cgroups"]:
        Path(file).write_text(str(os.getpid()), encoding="ascii")
    if order["likely_victim"]:
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(
                str(order["likely_victim"]), encoding="ascii"
            )
    # bwrap stays around its program: an interrupt is for that, and must not end bwrap.
    signal.signal(signal.SIGINT, signal.SIG_IGN if order["waits"] else signal.SIG_DFL)
    os.nice(order["niceness"])
    for name, most in order["limits"].items():
        _limit(name, most)


def _become_user(order: dict[str, Any]) -> None:
    if order["groups"]:
        os.setgroups(order["groups"])
    user = order["user"]
    if user is not None:
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    if order["drop_capabilities"]:
        _drop_capabilities()


def _limit(name: str, most: int) -> None:
    number = getattr(resource, f"RLIMIT_{name}")
    _, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(number, (most, most))


def _drop_capabilities() -> None:
    """Give up root's rights for good, where no other user can be had."""
    for capability in range(_CAPABILITIES):
        # The last ones do not exist; and whoever has no rights cannot drop any.
        with suppress(OSError):
            _prctl(_PR_CAPBSET_DROP, capability)
    with suppress(OSError):
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("II", _CAPABILITY_VERSION, 0)
    _check(_libc.capset(header, bytes(24)))


def _load_filter(program: bytes) -> None:
    memory = ctypes.create_string_buffer(program, len(program))
    whole = _FilterProgram(len(program) // 8, ctypes.cast(memory, ctypes.c_void_p))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(whole))


def _prctl(*numbers: int) -> None:
    padded = (*numbers, 0, 0, 0, 0)[:5]
    _check(_libc.prctl(*map(ctypes.c_ulong, padded)))


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main()
