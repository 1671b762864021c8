"""uv, which resolves, fetches and builds packages for us."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagstead.build.model import Platform
from dagstead.build.programs import OnLine, Programs
from dagstead.build.uv_failures import advice, error_lines, own_package_advice, why_stale
from dagstead.errors import BuildError, BuildStepError, StaleLockError

#: Old enough for the machines that agents run on, new enough for today's wheels.
_MANYLINUX = "manylinux_2_28"

#: Not for our uses of uv: they would send it elsewhere, or have it leave no files behind.
_REMOVED: Mapping[str, str | None] = {
    "UV_NO_CACHE": None,
    "UV_PYTHON": None,
    "UV_LINK_MODE": None,
    "UV_FROZEN": None,
    "VIRTUAL_ENV": None,
    "PYTHONPATH": None,
    "PYTHONHOME": None,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonTarget:
    """What packages are chosen for."""

    #: An interpreter of the right version on this machine.
    python: Path
    #: As ``3.12``.
    version: str
    #: ``None`` is this machine.
    platform: Platform | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether its packages cannot run here."""
        return self.platform is not None and not _is_here(self.platform)

    @property
    def identity(self) -> tuple[str, str]:
        """What makes packages different ones."""
        libc = "".join(platform.libc_ver())
        here = f"{platform.machine()}-{sys.platform}-{libc}"
        return self.version, str(self.platform) if self.is_elsewhere else here


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementFiles:
    """The files that say what a folder needs."""

    #: Where they are: the folder itself, or a copy of it.
    folder: Path
    names: tuple[str, ...]
    #: Another one, which asks for nothing.
    constraints: Path
    #: Whether a package is taken from whichever index has the best version, as pip does; else from
    #: the first index that has any.
    is_union: bool


class Uv:
    """The commands of uv that a build needs."""

    def __init__(self, program: Path, programs: Programs, on_line: OnLine | None = None) -> None:
        self._program = program
        self._programs = programs
        self._on_line = on_line

    def resolve(
        self, directory: Path, asked: RequirementFiles, target: PythonTarget, lock: Path
    ) -> None:
        """Write a lock of what some files of a folder ask for."""
        names = asked.names
        union = asked.is_union and "UV_INDEX_STRATEGY" not in self._programs.environment
        self._run(
            "The dependencies of {folder!r} cannot be resolved",
            directory,
            *("pip", "compile", *names, "--constraints", str(asked.constraints)),
            *(("--all-extras",) if "pyproject.toml" in names else ()),
            *(("--index-strategy", "unsafe-best-match") if union else ()),
            *("--format", "pylock.toml", "--no-header", "--output-file", str(lock)),
            *self._for(target),
            by_hand=("pip", "compile", *names, "--python", target.version),
            inside=asked.folder,
        )

    def export(self, directory: Path, target: PythonTarget, lock: Path) -> None:
        """Write a lock of what ``uv.lock`` says about a folder.

        Raises:
            StaleLockError: when it does not fit, or cannot be read.
        """
        try:
            self._run(
                "uv.lock of {folder!r} cannot be used",
                directory,
                *("export", "--locked", "--no-dev", "--all-extras", "--format", "pylock.toml"),
                *("--no-header", "--output-file", str(lock), "--python", str(target.python)),
                by_hand=("lock", "--check"),
            )
        except BuildStepError as error:
            why = why_stale(error.output)
            if why is None:
                raise
            msg = f"uv.lock of {directory.name!r} cannot be used: {why}."
            raise StaleLockError(msg) from error

    def fetch(self, directory: Path, lock: Path, target: PythonTarget, into: Path) -> None:
        """Fetch the packages of a lock, and link them into a folder.

        uv keeps each wheel unpacked as a whole, and links go there: that is how
        :mod:`dagstead.build.wheels` finds it.
        """
        self._run(
            "The dependencies of {folder!r} cannot be fetched",
            directory,
            *("pip", "install", "--no-deps", "--requirements", str(lock)),
            *("--target", str(into), "--link-mode", "symlink"),
            *self._for(target),
        )

    def build_wheel(
        self, folder: Path, target: PythonTarget, into: Path, *, inside: Path | None = None
    ) -> None:
        """Build the wheel of a package of the repository, or of a copy of it that is ``inside``."""
        self._run(
            "The package in {folder!r} cannot be built",
            folder,
            *("build", "--wheel", "--no-create-gitignore", "--out-dir", str(into)),
            *("--python", str(target.python), "."),
            by_hand=("build", "--wheel", "--python", target.version),
            is_quiet=False,
            inside=inside,
        )

    def _for(self, target: PythonTarget) -> list[str]:
        words = ["--python", str(target.python)]
        if target.platform is not None and target.is_elsewhere:
            words += ["--python-platform", f"{target.platform}-{_MANYLINUX}"]
            words += ["--only-binary", ":all:"]
        return words

    def _run(
        self,
        message: str,
        folder: Path,
        *arguments: str,
        by_hand: Sequence[str] | None = None,
        is_quiet: bool = True,
        inside: Path | None = None,
    ) -> None:
        # A quiet uv keeps the words of build backends for itself.
        quiet = ("--quiet",) if is_quiet else ()
        command = (str(self._program), *arguments, *quiet, "--color", "never")
        ended = self._programs.run(
            command, folder=inside or folder, variables=_REMOVED, on_line=self._on_line
        )
        shown = None
        if by_hand is not None:
            shown = shlex.join(("uv", "--directory", os.path.relpath(folder), *by_hand))
        advise = advice if is_quiet else own_package_advice
        ended.check(
            f"{message.format(folder=folder.name)}. {advise(ended.lines)}",
            output=error_lines(ended.lines),
            command=shown,
        )


def find_uv(asked: Path | None, search_path: str | None) -> Path:
    """The uv that came with this package, or else the first on the ``PATH``.

    Raises:
        BuildError: when there is none.
    """
    found = shutil.which(str(asked)) if asked is not None else uv_of_machine(search_path)
    if found is None:
        where = f"There is no program {str(asked)!r}" if asked else "uv is not installed here"
        msg = f"{where}, and PEX files are built with uv. Install it: `pip install uv`."
        raise BuildError(msg)
    return Path(found)


def uv_of_machine(search_path: str | None) -> Path | None:
    """The same, and ``None`` where there is none."""
    beside = shutil.which("uv", path=os.path.dirname(sys.executable))  # noqa: PTH120
    found = beside or shutil.which("uv", path=search_path)
    return None if found is None else Path(found)


def _is_here(wanted: Platform) -> bool:
    aliases = {"amd64": "x86_64", "arm64": "aarch64"}
    machine = platform.machine().lower()
    return sys.platform == "linux" and aliases.get(machine, machine) == wanted
