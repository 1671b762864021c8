"""Whether a folder can hold a Python module: what an import would find, without importing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dagstead.model.words import nearest

_SUFFIXES = (".py", ".pyc", ".pyd", ".pyx", ".so")
#: A package that looks for its modules elsewhere, too.
_EXTENDED = re.compile(rb"__path__|declare_namespace|__getattr__")
#: A package that is installed under another name than its folder's. That all packages are in
#: one folder, as in ``package_dir={"": "src"}``, maps none.
_MAPPED = re.compile(
    rb"""package[_-]dir\s*[=\]]\s*\{?\s*["']?[\w*]|^\s*sources\s*=|\[tool\.hatch[\w.-]*\.sources\]
    |force-include\W+(?!pyproject\.toml)\w""",
    re.VERBOSE | re.MULTILINE,
)
_PROJECT_FILES = ("setup.py", "setup.cfg", "pyproject.toml")
#: Modules beside packages, for tools.
_NO_CODE = frozenset({"conftest", "noxfile", "setup", "tasks", "test", "tests"})
_LEFT_OUT = frozenset({"node_modules", "site-packages", "venv", "__pycache__"})
#: Folders nested deeper hold no code that somebody deploys.
_MOST_FOLDERS = 8


@dataclass(frozen=True, slots=True)
class MissingModule:
    """A module that is not where its package is."""

    #: The deepest package that is there, with dots; empty where none is.
    package: str
    #: The modules in it.
    modules: tuple[str, ...]


@dataclass(slots=True)
class PythonModules:
    """Looks for modules below a folder; the whole of it is walked once, and only when needed."""

    top: Path
    _homes: dict[str, list[str]] | None = field(default=None)

    def missing(
        self, module: str, roots: Sequence[str], *, is_own: bool = False
    ) -> MissingModule | None:
        """Why a module cannot be imported; ``None`` where it may be.

        Args:
            module: its name, with dots.
            roots: folders that an import looks into first, relative to the top.
            is_own: whether it must be in the repository, and is not installed from elsewhere.
        """
        parts = module.split(".")
        file = f"{'/'.join(parts)}.py"
        if any(os.path.isfile(f"{self._path(root)}/{file}") for root in roots):  # noqa: PTH113
            # What is usual is found at once, as every location is asked about.
            return None
        found = None
        for root in dict.fromkeys(roots):
            searched = _search(self._path(root), parts)
            if searched is None:
                return None
            if _has_package(self._path(root), parts[0]):
                found = searched
        if any(_maps_packages(self._path(root)) for root in roots):
            return None
        if found is None:
            return self._misnamed(parts, roots, is_own=is_own)
        # It is installed from another folder of the repository.
        elsewhere = (_search(self._path(home), parts) for home in self._homes_of(parts[0]))
        return None if None in elsewhere else found

    def _misnamed(
        self, parts: Sequence[str], roots: Sequence[str], *, is_own: bool
    ) -> MissingModule | None:
        """A package that is nowhere in the repository, with the one that is probably meant."""
        if self._homes_of(parts[0]):
            return None
        packages = {
            each: root
            for root in roots
            for each in _modules_in(self._path(root))
            if each.isidentifier() and each not in _NO_CODE
        }
        near = nearest(parts[0], packages)
        if near is not None and _search(self._path(packages[near]), [near, *parts[1:]]) is None:
            return MissingModule("", (near,))
        return MissingModule("", ()) if is_own and packages else None

    def _path(self, folder: str) -> str:
        return os.path.join(self.top, folder)  # noqa: PTH118 - asked of every location

    def _homes_of(self, name: str) -> list[str]:
        if self._homes is None:
            self._homes = {}
            for folder, entry in _names_below(str(self.top)):
                self._homes.setdefault(entry, []).append(folder)
        return self._homes.get(name, [])


def _search(root: str, parts: Sequence[str]) -> MissingModule | None:
    """What is missing of a module below a folder; ``None`` when it is there."""
    folder = root
    for index, part in enumerate(parts):
        is_last = index == len(parts) - 1
        inner = f"{folder}/{part}"
        if os.path.isdir(inner):  # noqa: PTH112 - asked of every location
            if _is_extended(inner):
                return None
            folder = inner
        elif _has_module(folder, part):
            return None if is_last else MissingModule(".".join(parts[: index + 1]), ())
        else:
            return MissingModule(".".join(parts[:index]), tuple(sorted(_modules_in(folder))))
    return None


def _has_package(root: str, name: str) -> bool:
    """Whether the first part of a module is in a folder: a package with code, or a module."""
    inner = f"{root}/{name}"
    if os.path.isfile(f"{inner}.py"):  # noqa: PTH113 - asked of every location
        return True
    return any(each.endswith(".py") for _, each in _files_below(inner, 2))


def _has_module(folder: str, name: str) -> bool:
    return any(
        each.startswith(f"{name}.") and each.endswith(_SUFFIXES) for each in _names_in(folder)
    )


def _modules_in(folder: str) -> Iterator[str]:
    for name in _names_in(folder):
        if name.endswith(".py"):
            if name != "__init__.py":
                yield name.removesuffix(".py")
        elif os.path.isfile(f"{folder}/{name}/__init__.py"):  # noqa: PTH113 - as above
            yield name


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names, of every location
    except OSError:
        return []


def _files_below(folder: str, depth: int) -> Iterator[tuple[str, str]]:
    for name in _names_in(folder):
        yield folder, name
        if depth > 1 and "." not in name:
            yield from _files_below(f"{folder}/{name}", depth - 1)


def _names_below(top: str) -> Iterator[tuple[str, str]]:
    """The folders and modules below a folder, each with the folder that it is in."""
    for folder, folders, files in os.walk(top):
        depth = folder.count(os.sep) - top.count(os.sep)
        kept = [each for each in folders if each not in _LEFT_OUT and not each.startswith(".")]
        folders[:] = kept if depth < _MOST_FOLDERS else []
        yield from ((folder, each) for each in kept)
        yield from ((folder, each.partition(".")[0]) for each in files if each.endswith(_SUFFIXES))


def _is_extended(package: str) -> bool:
    return _EXTENDED.search(_content(f"{package}/__init__.py")) is not None


def _maps_packages(root: str) -> bool:
    return any(_MAPPED.search(_content(f"{root}/{name}")) for name in _PROJECT_FILES)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - as above
            return stream.read()
    except OSError:
        return b""
