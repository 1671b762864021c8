"""Which Python a location's PEX files are for, and where it is on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dagstead.errors import BuildError, InvalidInputError

#: What ``dagster_cloud_cli`` builds for, and the agents of today run.
SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")
OWN_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

_VERSION = re.compile(r"(?:cpython-|python)?(?P<version>3\.\d{1,2})(?:\.\d+)?(?![\w.])")
_ASK_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
_ASK_SECONDS = 20.0


def choose_python(
    folder: Path, root: Path, *, asked: str | None, search_path: str | None
) -> tuple[str, str]:
    """The version to build for, as ``3.12``, and why.

    A version that was asked for wins; then ``.python-version`` of the folder or one above it, up
    to ``root``; then the Python that runs this command, if ``requires-python`` allows it; then the
    newest allowed one that this machine has.

    Raises:
        InvalidInputError: when it is not a version, or contradicts ``requires-python``.
    """
    specifier = _requires_python(folder)
    for version, reason in _named(folder, root, asked):
        if specifier is not None and not _allows(specifier, version):
            msg = (
                f"{reason} is {version}, and requires-python of {folder.name!r} is "
                f"{str(specifier)!r}. Change one of them, or choose with --python."
            )
            raise InvalidInputError(msg)
        return version, f"{reason} says so"
    if specifier is None:
        return OWN_VERSION, "it runs this command, and nothing asks for another"
    allowed = [each for each in SUPPORTED if _allows(specifier, each)]
    reason = f"requires-python is {str(specifier)!r}"
    if OWN_VERSION in allowed:
        return OWN_VERSION, f"it runs this command, and {reason}"
    if not allowed:
        msg = f"No Python from {SUPPORTED[0]} to {SUPPORTED[-1]} fits: {reason} in {folder.name!r}."
        raise InvalidInputError(msg)
    here = [each for each in allowed if shutil.which(f"python{each}", path=search_path)]
    return (here or allowed)[-1], reason


def find_python(
    version: str, search_path: str | None, elsewhere: Callable[[str], Path | None]
) -> Path:
    """The interpreter of a version on this machine.

    Args:
        version: as ``3.12``.
        search_path: where it is looked for first.
        elsewhere: looks in other places, by version.

    Raises:
        BuildError: when there is none.
    """
    if version == OWN_VERSION:
        return Path(sys.executable)
    candidate = shutil.which(f"python{version}", path=search_path)
    # A version manager puts a file of this name on the PATH even where it cannot run it.
    if candidate and _version_of(candidate) == version:
        return Path(candidate)
    found = elsewhere(version)
    if found is not None:
        return found
    msg = (
        f"There is no working python{version} on this machine to build with. Install it "
        f"(`uv python install {version}` does), or build for another with "
        f"--python {OWN_VERSION}."
    )
    raise BuildError(msg)


def _named(folder: Path, root: Path, asked: str | None) -> Iterator[tuple[str, str]]:
    if asked is not None:
        if asked not in SUPPORTED:
            msg = f"--python {asked!r} is not one of {', '.join(SUPPORTED)}."
            raise InvalidInputError(msg)
        yield asked, "--python"
    for parent in (folder, *folder.parents):
        version = _pinned(parent / ".python-version")
        if version is not None:
            yield version, ".python-version"
        if parent == root:
            return


def _pinned(file: Path) -> str | None:
    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return None
    found = _VERSION.match(lines[0]) if lines else None
    return found["version"] if found else None


def _requires_python(folder: Path) -> SpecifierSet | None:
    try:
        document = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    project: Any = document.get("project")
    written = project.get("requires-python") if isinstance(project, dict) else None
    try:
        return SpecifierSet(written) if isinstance(written, str) else None
    except InvalidSpecifier:
        # uv reports it with the place.
        return None


def _allows(specifier: SpecifierSet, version: str) -> bool:
    # Some release of the minor: ">=3.11.4" allows 3.11, "<3.12" does not allow 3.12.
    return any(specifier.contains(f"{version}.{patch}") for patch in range(40))


def _version_of(executable: str) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 - the person's own interpreter
            [executable, "-I", "-c", _ASK_VERSION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            text=True,
            timeout=_ASK_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
