"""Finding the Python that a PEX file was built for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.errors import PexError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASK_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
_ASK_SECONDS = 20.0
#: What the official builder, and ours, builds for.
_USUAL = ("3.10", "3.11", "3.12", "3.13", "3.14")
OWN_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


class Interpreters:
    """The Pythons of this machine. Safe to use from several threads."""

    def __init__(self, *, named: Mapping[str, str], search_path: str | None) -> None:
        """Take the interpreters by version, and the ``PATH`` to search for others."""
        self._named = dict(named)
        self._search_path = search_path
        self._found: dict[str, Path] = {OWN_VERSION: Path(sys.executable)}

    def available(self) -> tuple[str, ...]:
        """The versions that PEX files may be built for and that are here, in their order."""
        return tuple(each for each in _USUAL if self._is_here(each))

    def _is_here(self, version: str) -> bool:
        try:
            self.find(version)
        except PexError:
            return False
        return True

    def find(self, version: str | None) -> Path:
        """The interpreter of ``version`` (``3.12``); ``None`` is the pool's own version.

        Raises:
            PexError: There is none on this machine.
        """
        if version is None:
            return self._found[OWN_VERSION]
        if version not in self._found or version in self._named:
            self._found[version] = self._search(version)
        return self._found[version]

    def _search(self, version: str) -> Path:
        candidate = self._named.get(version) or shutil.which(
            f"python{version}", path=self._search_path
        )
        # A version manager puts a file of this name on the PATH even where it cannot run it.
        if candidate and _version_of(candidate) == version:
            return Path(candidate)
        msg = (
            f"The PEX files were built for Python {version}, and the managed pool's machine has "
            f"no working python{version} (the pool itself runs Python {OWN_VERSION}). Build with "
            f"`--python-version={OWN_VERSION}` and deploy again, or install python{version} on "
            "the pool's machine."
        )
        raise PexError(msg)


def _version_of(executable: str) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 - the operator's own interpreter
            [executable, "-I", "-c", _ASK_VERSION],
            capture_output=True,
            check=True,
            text=True,
            timeout=_ASK_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
