"""Programs that come from Debian's packages, found or asked for by name; never skipped."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_CONTAINER_PACKAGES = "docker.io docker-compose docker-registry iptables"


def postgres_program(name: str) -> Path:
    """A program of the newest installed Postgres server, such as ``initdb``.

    Raises:
        RuntimeError: with the command that installs it.
    """
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: int(path.parts[-3]),
    )
    if versions:
        return versions[-1]
    found = shutil.which(name)
    if found is None:
        raise _missing(f"Postgres' {name}", "postgresql")
    return Path(found)


def chromium() -> Path:
    """Debian's Chromium.

    Raises:
        RuntimeError: with the command that installs it.
    """
    return _found("chromium", "Chromium", "chromium")


def node() -> Path:
    """Node, 18 or newer.

    Raises:
        RuntimeError: with the command that installs it.
    """
    return _found("node", "Node", "nodejs")


def npm() -> Path:
    """The installer of Node's packages.

    Raises:
        RuntimeError: with the command that installs it.
    """
    return _found("npm", "npm", "npm")


def bubblewrap() -> Path:
    """bubblewrap, which makes file systems for single programs.

    Raises:
        RuntimeError: with the command that installs it.
    """
    return _found("bwrap", "bubblewrap", "bubblewrap")


def promtool() -> Path:
    """Prometheus' program that evaluates rules.

    Raises:
        RuntimeError: with the command that installs it.
    """
    return _found("promtool", "promtool", "prometheus")


def nginx() -> Path:
    """The proxy nginx.

    Raises:
        RuntimeError: with the command that installs it.
    """
    return _found("nginx", "nginx", "nginx")


def nftables() -> Path:
    """The program that sets rules for packets.

    Raises:
        RuntimeError: with the command that installs it.
    """
    return _found("nft", "nftables", "nftables")


def reachable_python() -> Path:
    """An interpreter of this one's version that users without rights can start.

    Raises:
        RuntimeError: with the command that installs it.
    """
    own = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in own.parents):
        return Path(sys.executable)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    system = Path(f"/usr/bin/python{version}")
    if not system.is_file():
        raise _missing(f"Python {version} for all users", f"python{version}")
    return system


def _found(program: str, what: str, package: str) -> Path:
    found = shutil.which(program)
    if found is None:
        raise _missing(what, package)
    return Path(found)


def container_program(path: str) -> Path:
    """A program of Debian's Docker packages, by its full path.

    Raises:
        RuntimeError: with the command that installs it.
    """
    program = Path(path)
    if not program.exists():
        raise _missing(path, _CONTAINER_PACKAGES, target="test-containers")
    return program


def _missing(what: str, package: str, target: str = "test-tools") -> RuntimeError:
    return RuntimeError(
        f"{what} is not installed, and these tests are not skipped without it. "
        f"Install it with `apt-get install -y {package}` as root, or run `make {target}`."
    )
