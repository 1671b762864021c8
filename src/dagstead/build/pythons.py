"""Which Python a location's PEX files are for, and where it is on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dagstead.errors import InvalidInputError
from dagstead.repository.files.toml_files import TomlFiles
from dagstead.repository.python.demands import DemandReader, PythonDemand, fitting, none_fits
from dagstead.repository.python.pins import PythonPins

OWN_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

_ASK_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
_ASK_SECONDS = 20.0


class Pythons:
    """The interpreters of this machine. Each version is looked for once."""

    def __init__(self, environment: Mapping[str, str], uv: Path | None = None) -> None:
        """Take the variables that programs get: ``PATH`` is where interpreters are looked for.

        Args:
            environment: the variables.
            uv: knows of others than those on the ``PATH``; it downloads none.
        """
        self._environment = dict(environment)
        self._uv = uv
        self._found: dict[str, Path | None] = {OWN_VERSION: Path(sys.executable)}

    def find(self, version: str) -> Path | None:
        """The interpreter of a version, as ``3.12``; ``None`` where there is none that works."""
        if version not in self._found:
            self._found[version] = self._search(version)
        return self._found[version]

    def _search(self, version: str) -> Path | None:
        for candidate in self._candidates(f"python{version}"):
            # A version manager puts a file of this name on the PATH even where it cannot run it.
            if self._ask(str(candidate), "-I", "-c", _ASK_VERSION) == version:
                return candidate
        if self._uv is None:
            return None
        words = ("python", "find", "--managed-python", "--no-python-downloads", "--no-config")
        found = self._ask(str(self._uv), *words, version)
        return Path(found.splitlines()[-1]) if found else None

    def _candidates(self, name: str) -> Iterator[Path]:
        for folder in self._environment.get("PATH", os.defpath).split(os.pathsep):
            found = shutil.which(name, path=folder) if folder else None
            if found is not None:
                yield Path(found)
                # pyenv has more than those that it has made active.
                versions = Path(folder).parent / "versions"
                yield from sorted(versions.glob(f"{name.removeprefix('python')}.*/bin/{name}"))

    def _ask(self, *command: str) -> str | None:
        try:
            answer = subprocess.run(  # noqa: S603 - the person's own programs
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                text=True,
                timeout=_ASK_SECONDS,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return answer.stdout.strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenPython:
    """What a folder is built for."""

    #: As ``3.12``.
    version: str
    #: Without a full stop.
    reason: str
    #: Whether nothing asks for one.
    is_default: bool = False


class PythonChooser:
    """Chooses the Python that folders are built for. Every file is read once."""

    def __init__(self, pythons: Pythons, documents: TomlFiles) -> None:
        """Choose from the interpreters of a machine; ``documents`` is what was read already."""
        self._pythons = pythons
        self._demands = DemandReader(documents)
        self._pins = PythonPins()

    def choose(self, folder: Path, root: Path, *, asked: str | None) -> ChosenPython:
        """The version to build a folder for, and why.

        A version that was asked for wins; then ``.python-version`` of the folder or one above it,
        up to ``root``; then the Python that runs this command; then the nearest one to it that is
        here. Only ``--python`` may go against what an environment is made of, and nothing against
        what a package demands; a ``.python-version`` that does is passed over.

        Raises:
            InvalidInputError: when no Python fits, or the one that was asked for does not.
        """
        names = frozenset(os.listdir(folder))  # noqa: PTH208 - names, of every location
        demands = self._demands.of_package(folder, names)
        if asked is not None:
            return _asked(asked, demands, folder)
        environments = self._demands.of_environments(folder, names)
        demands, allowed = _allowed(demands, environments, folder)
        reasons = " and ".join(map(str, demands))
        preferred = self._pins.nearest(folder, root)
        if preferred in allowed:
            return ChosenPython(version=str(preferred), reason=".python-version says so")
        passed = f"; .python-version says {preferred}, which does not fit" if preferred else ""
        if OWN_VERSION in allowed:
            why = reasons or "nothing asks for another"
            reason = f"it runs this command, and {why}{passed}"
            is_default = not (reasons or passed)
            return ChosenPython(version=OWN_VERSION, reason=reason, is_default=is_default)
        near = sorted(allowed, key=_distance)
        here = (each for each in near if self._pythons.find(each) is not None)
        return ChosenPython(version=next(here, near[0]), reason=f"{reasons}{passed}")


def _asked(asked: str, demands: tuple[PythonDemand, ...], folder: Path) -> ChosenPython:
    for each in demands:
        if not each.allows(asked):
            msg = (
                f"--python is {asked}, and {each} in {folder.name!r}. Change one of them, or leave "
                "--python out."
            )
            raise InvalidInputError(msg)
    return ChosenPython(version=asked, reason="--python says so")


def _allowed(
    binding: tuple[PythonDemand, ...], others: tuple[PythonDemand, ...], folder: Path
) -> tuple[tuple[PythonDemand, ...], list[str]]:
    """The demands that count, and the versions that fit all of them: one at least."""
    demands, allowed = fitting(binding, others)
    if not allowed:
        message, way_out = none_fits(binding, others, folder.name)
        raise InvalidInputError(f"{message}. {way_out}.")
    return demands, allowed


def _distance(version: str) -> int:
    """How many minors lie between a version and the one that runs this command."""
    own, other = (int(each.partition(".")[2]) for each in (OWN_VERSION, version))
    return abs(own - other)
