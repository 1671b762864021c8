"""A Docker daemon of the tests' own, and what it leaves on the machine taken back."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from dagstead.testing.waiting import eventually
from tests.support.debian import container_program
from tests.support.environments import REPOSITORY
from tests.support.processes import ChildProcess

#: The only address that the official agent's launcher pulls images through: it ignores DOCKER_HOST.
SOCKET = Path("/var/run/docker.sock")

#: Images and layers are kept from one run of the tests to the next.
_DATA = REPOSITORY / ".cache" / "containers" / "docker"

#: One run of these tests at a time on a machine: there is one socket.
_LOCK = Path("/var/lock/dagstead-container-tests")

_KEPT_LAYERS = "6GB"

_START_SECONDS = 60.0
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_TABLES = ("filter", "nat")


@contextmanager
def docker_daemon() -> Iterator[Path]:
    """The socket of a running Docker daemon: one that is served already, or one of our own.

    Raises:
        RuntimeError: when something else than a usable daemon has the socket.
    """
    with ExitStack() as stack:
        stack.enter_context(_alone())
        if not _served(SOCKET):
            stack.enter_context(_own_daemon())
        _assert_usable()
        yield SOCKET


@contextmanager
def small_daemon(folder: Path, megabytes: int) -> Iterator[Path]:
    """The socket of one more daemon, on a disk of its own in memory.

    Args:
        folder: receives its log, and the socket.
        megabytes: the size of that disk.
    """
    data, path = folder / "data", folder / "small.sock"
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", data], check=True)
    command: list[str | Path] = [
        *(container_program("/usr/sbin/dockerd"), "--host", f"unix://{path}"),
        *("--data-root", data, "--exec-root", folder / "exec", "--pidfile", folder / "pid"),
        *("--bridge", "none", "--iptables=false", "--ip-forward=false"),
    ]
    try:
        with ChildProcess(command, log=folder / "small.log") as daemon:
            eventually(lambda: _served(path) or _died(daemon), _START_SECONDS, "dockerd")
            yield path
            _docker_quietly(f"--host=unix://{path}", "network", "prune", "--force")
            daemon.stop(60)
    finally:
        _remove(folder / "exec")
        subprocess.run(["umount", "--lazy", data], check=False)


def docker_program() -> Path:
    """Debian's Docker client; another one in front of it in PATH may lack BuildKit."""
    return container_program("/usr/bin/docker")


@contextmanager
def _alone() -> Iterator[None]:
    with _LOCK.open("w") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("Waiting for another run of the container tests to end.\n")
            flock(lock, LOCK_EX)
        yield


@contextmanager
def _own_daemon() -> Iterator[None]:
    firewall = _Firewall()
    _DATA.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="dagstead-docker-"))
    command: list[str | Path] = [
        *(container_program("/usr/sbin/dockerd"), "--host", f"unix://{SOCKET}"),
        *("--data-root", _DATA, "--exec-root", folder / "exec"),
        *("--pidfile", folder / "pid"),
        # Published ports stay on this machine.
        *("--ip", "127.0.0.1"),
    ]
    try:
        with ChildProcess(command, log=folder / "log") as daemon:
            eventually(lambda: _served(SOCKET) or _died(daemon), _START_SECONDS, "dockerd")
            # A run that was killed may have left some.
            _tidy()
            try:
                yield
            finally:
                _tidy()
                daemon.stop(60)
    finally:
        _remove(folder)
        SOCKET.unlink(missing_ok=True)
        firewall.restore()


def _died(daemon: ChildProcess) -> bool:
    if daemon.exit_code is not None:
        message = f"dockerd ended with {daemon.exit_code}.\n{daemon.log_tail()}"
        raise AssertionError(message)
    return False


def _served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True


def _assert_usable() -> None:
    ended = subprocess.run(
        [docker_program(), "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        message = (
            f"{SOCKET} is served by something that does not answer as Docker does: "
            f"{ended.stderr.strip()} Stop it, or let this user use it; the tests need that socket."
        )
        raise RuntimeError(message)


def _tidy() -> None:
    """Remove everything of our own daemon but images that have a name, and some layers."""
    listed: list[str | Path] = [docker_program(), "container", "ls", "--quiet", "--all"]
    ids = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.split()
    if ids:
        _docker_quietly("container", "rm", "--force", "--volumes", *ids)
    for kind in ("network", "volume", "image"):
        _docker_quietly(kind, "prune", "--force")
    _docker_quietly("builder", "prune", "--force", f"--keep-storage={_KEPT_LAYERS}")


def _docker_quietly(*arguments: str) -> None:
    subprocess.run([docker_program(), *arguments], capture_output=True, check=False)


def _remove(folder: Path) -> None:
    """Delete the daemon's folder; it leaves a namespace mounted there."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        mounted = line.split()[1]
        if mounted.startswith(f"{folder}/"):
            subprocess.run(["umount", "--lazy", mounted], check=False)
    shutil.rmtree(folder, ignore_errors=True)


class _Firewall:
    """The rules, bridges and forwarding of the machine, as they were before the daemon."""

    def __init__(self) -> None:
        self._bridges = _bridges()
        self._forwarding = _FORWARDING.read_text(encoding="ascii")
        self._policies = {table: _policies(_saved(table)) for table in _TABLES}

    def restore(self) -> None:
        """Take away Docker's part; rules that others have made meanwhile stay."""
        new = _bridges() - self._bridges
        for table in _TABLES:
            before = self._policies[table]
            kept = []
            for line in _saved(table).splitlines():
                name = line[1:].split(" ", 1)[0]
                if "DOCKER" in line or any(re.search(rf"\b{each}\b", line) for each in new):
                    continue
                kept.append(before.get(name, line) if line.startswith(":") else line)
            subprocess.run(
                [container_program("/usr/sbin/iptables-restore"), f"--table={table}"],
                input="\n".join([*kept, ""]),
                text=True,
                check=True,
            )
        for name in new:
            subprocess.run(["ip", "link", "delete", name], check=False)
        _FORWARDING.write_text(self._forwarding, encoding="ascii")


def _saved(table: str) -> str:
    command: list[str | Path] = [container_program("/usr/sbin/iptables-save"), "--table", table]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _policies(saved: str) -> dict[str, str]:
    """The lines of chains, such as ``:FORWARD ACCEPT [0:0]``, by the chain's name."""
    lines = [line for line in saved.splitlines() if line.startswith(":")]
    return {line[1:].split(" ", 1)[0]: line for line in lines}


def _bridges() -> set[str]:
    return {
        path.name
        for path in Path("/sys/class/net").iterdir()
        if path.name == "docker0" or path.name.startswith("br-")
    }
