"""Hostile user code: it tries to get what is not its own, and prints what came of every attempt.

It is run by the interpreter of a code location, and has nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_SYSCALLS = {"open_by_handle_at": 304, "process_vm_readv": 310, "bpf": 321, "keyctl": 250}
_PTRACE_ATTACH = 16
_CLONE_NEWUSER, _CLONE_NEWNS = 0x10000000, 0x20000
#: A page of the one that is looked into is mapped here in any program, or the attempt is refused.
_SECONDS = 3


def checked(result: int) -> int:
    """A system call's result.

    Raises:
        OSError: it was refused.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(name: str, *arguments: Any) -> int:
    """One that Python has no function for, by its number on x86-64."""
    return checked(_libc.syscall(_SYSCALLS[name], *arguments))


def read(path: str) -> object:
    """The content of a file, or the names in a folder."""
    place = Path(path)
    return (
        sorted(path.name for path in place.iterdir())
        if place.is_dir()
        else place.read_bytes()[:64].decode("latin1")
    )


def write(path: str) -> str:
    """A file in a folder, made and removed."""
    target = Path(path, "written-by-the-probe")
    target.write_text("here")
    target.unlink()
    return "written"


def write_temporary() -> str:
    """A file where libraries put theirs."""
    with tempfile.NamedTemporaryFile() as file:
        return "written" if file.name else ""


def share_memory() -> str:
    """What pools of processes do: locks, and memory that several of them have."""
    with multiprocessing.get_context("spawn").Lock():
        memory = SharedMemory(create=True, size=1 << 16)
        assert memory.buf is not None
        memory.buf[0] = 1
        memory.close()
        memory.unlink()
    return "shared"


def through_link(path: str, own: str) -> object:
    """What a link in a folder of one's own leads to."""
    link = Path(own, "link")
    link.symlink_to(path)
    try:
        return read(str(link))
    finally:
        link.unlink()


def by_hard_link(path: str, own: str) -> object:
    """A second name for a file, in a folder of one's own."""
    link = Path(own, "hard")
    os.link(path, link)
    try:
        return read(str(link))
    finally:
        link.unlink()


def in_new_namespaces(path: str) -> object:
    """As root of a user namespace of one's own."""
    checked(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS))
    return read(path)


def as_root(path: str) -> object:
    """As the user that owns it."""
    os.setresuid(0, 0, 0)
    return read(path)


def from_outside(path: str) -> object:
    """From the root folder of the first process."""
    return read(f"/proc/1/root{path}")


def opened_by(pid: int) -> str:
    """What a process has open, which could be opened once more."""
    return str(Path(f"/proc/{pid}/fd/1").readlink())


def attach(pid: int) -> str:
    """Trace a process."""
    checked(_libc.ptrace(_PTRACE_ATTACH, pid, None, None))
    return "attached"


def peek(pid: int) -> str:
    """Read a process's memory without stopping it."""
    buffer = ctypes.create_string_buffer(8)

    class Span(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    local = Span(ctypes.cast(buffer, ctypes.c_void_p), 8)
    remote = Span(ctypes.c_void_p(0x400000), 8)
    syscall("process_vm_readv", pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    return "read"


def signal_to(pid: int) -> str:
    """Whether one could end a process; it is not done."""
    os.kill(pid, 0)
    return "may be ended"


def connect(port: int) -> str:
    """A connection to another program of this machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS):
        return "connected"


def connect_own() -> str:
    """A connection to itself, as libraries make them to processes of their own."""
    with socket.create_server(("127.0.0.1", 0)) as own:
        return connect(own.getsockname()[1])


def send(port: int) -> str:
    """A message without a connection, and its answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(_SECONDS)
        client.connect(("127.0.0.1", port))
        client.send(b"ping")
        return client.recv(16).decode()


def connect_unix(address: str) -> str:
    """A connection to a socket with a path, or without one (it begins with @)."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_SECONDS)
        client.connect(f"\0{address[1:]}" if address.startswith("@") else address)
    return "connected"


def sockets_in_sight(below: str) -> list[str]:
    """All sockets below a folder that the kernel shows and that answer."""
    lines = Path("/proc/net/unix").read_text(encoding="latin1").splitlines()
    paths = {line.split()[-1] for line in lines if below in line}
    answering = []
    for path in sorted(paths):
        try:
            connect_unix(path)
        except OSError:
            continue
        answering.append(path)
    if not answering:
        raise PermissionError(f"none of {len(paths)} answers")
    return answering


def open_descriptors() -> list[str]:
    """What it has inherited beside its three streams."""
    found = []
    for number in range(3, 256):
        try:
            found.append(f"{number} {Path('/proc/self/fd', str(number)).readlink()}")
        except OSError:
            continue
    if not found:
        raise FileNotFoundError("nothing")
    return found


def by_handle() -> str:
    """Open a file by its number on the disk, past all folders."""
    syscall("open_by_handle_at", -100, None, 0)
    return "opened"


def vsock() -> str:
    """Speak to the host of a virtual machine."""
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
    return "a socket"


def watch(path: str) -> str:
    """Be notified of new names in a folder."""
    descriptor = checked(_libc.inotify_init1(0))
    try:
        checked(_libc.inotify_add_watch(descriptor, path.encode(), 0x100))
    finally:
        os.close(descriptor)
    return "watching"


def make_device(own: str) -> str:
    """A device file of one's own: the disk's."""
    os.mknod(f"{own}/disk", 0o600 | 0o060000, os.makedev(254, 0))
    return "made"


def keyring() -> str:
    """The kernel's keys of this user."""
    syscall("keyctl", 0, -4, 1)
    return "opened"


ATTEMPTS: dict[str, Callable[..., object]] = {
    value.__name__: value
    for value in (
        *(read, write, through_link, by_hard_link, in_new_namespaces, as_root, from_outside),
        *(attach, peek, signal_to, connect, connect_unix, sockets_in_sight, open_descriptors),
        *(write_temporary, share_memory, connect_own, send, by_handle, opened_by, vsock, watch),
        *(make_device, keyring),
    )
}


def main() -> None:
    """Carry out the attempts of the argument: names to [function, arguments...]."""
    results: dict[str, Any] = {}
    for name, (function, *arguments) in json.loads(sys.argv[1]).items():
        try:
            results[name] = {"got": ATTEMPTS[function](*arguments)}
        except (OSError, ValueError) as error:
            results[name] = {"refused": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
