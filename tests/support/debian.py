"""Programs that come from Debian's packages, found or asked for by name; never skipped."""

from __future__ import annotations

import shutil
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
