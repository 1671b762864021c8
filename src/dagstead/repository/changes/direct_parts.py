"""The parts that a location names itself; the graph follows them further."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator

from dagstead.model.location import Kind, Location
from dagstead.repository.changes.extra_facts import Additions
from dagstead.repository.changes.files import Files
from dagstead.repository.changes.graph import PACKAGE_FILES, Graph
from dagstead.repository.changes.images import ImageReader
from dagstead.repository.changes.parts import (
    EVERYTHING,
    Edge,
    Hop,
    LockedPackages,
    Subtree,
    above,
    hop_at,
    joined,
)
from dagstead.repository.changes.uv_locks import LOCK_FILES, UvLock, read_uv_lock

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


class DirectParts:
    """Finds the first parts of locations; what several share is looked up once."""

    def __init__(
        self,
        *,
        files: Files,
        graph: Graph,
        prefix: str,
        removed: frozenset[str],
        more: Additions,
    ) -> None:
        self._files = files
        self._graph = graph
        self._prefix = prefix
        self._images = ImageReader(files, removed, more.contexts)
        self._watched = more.edges
        self._gone: dict[str, set[str]] = defaultdict(set)
        for path in removed:
            folder, _, name = path.rpartition("/")
            self._gone[folder or EVERYTHING].add(name)
        self._locks: dict[str, tuple[str, ...]] = {}
        self._uv_locks: dict[str, UvLock | None] = {}

    def folder(self, location: Location) -> str | None:
        """The folder with its code, ``None`` when it lies outside of the repository."""
        return joined(self._prefix or EVERYTHING, location.code_folder)

    def of(self, location: Location) -> Iterator[Edge]:
        """The first parts of a location. Its configuration entry is not one: it is compared."""
        yield from self._watched.get(location.name.value, ())
        folder = self.folder(location)
        if folder is None or self._is_certain(location):
            return
        image = self._images.of(folder, location.kind, self._context(location))
        ignored = None if image is None else image.ignored
        yield Edge(to=Subtree(path=folder, ignored=ignored), hop=self._folder_step(location))
        if location.kind is Kind.PREBUILT:
            return
        yield from () if image is None else image.edges
        yield from self._installation(folder)
        yield from self._locks_above(folder)

    def _context(self, location: Location) -> str | None:
        """What Docker gets, where that is another folder than that of the code."""
        if location.image_context == location.code_folder:
            return None
        return joined(self._prefix or EVERYTHING, location.image_context)

    def _folder_step(self, location: Location) -> Hop:
        directory = location.build_directory
        if directory is not None:
            return hop_at(directory.position, self._prefix, f"build.directory {directory.value}")
        what = "is in its folder"
        if location.kind is Kind.PREBUILT:
            what += " (from what it is built is not written)"
        return hop_at(location.position, self._prefix, what)

    def _is_certain(self, location: Location) -> bool:
        """Whether what runs is named by its content, so that no change here can change it."""
        image = location.image
        is_pinned = image is not None and _DIGEST.search(image.value) is not None
        return location.kind is Kind.PREBUILT and is_pinned

    def _installation(self, folder: str) -> Iterator[Edge]:
        """The files in folders above that install a folder without files of its own."""
        for each in (folder, *above(folder)):
            names = self._names(each) & PACKAGE_FILES
            if names and each == folder:
                return
            for name in sorted(names):
                path = joined(each, name) or name
                hop = Hop(file=path, what=f"(nearest above {folder})")
                yield Edge(to=Subtree(path=path), hop=hop)
            if names:
                yield from self._graph.package_edges(each)
                return

    def _locks_above(self, folder: str) -> Iterator[Edge]:
        for each in above(folder):
            for name in self._lock_files(each):
                path = joined(each, name) or name
                package = self._locked_package(folder, each) if name == "uv.lock" else None
                if package is None:
                    hop = Hop(file=path, what=f"(above {folder})")
                    yield Edge(to=Subtree(path=path), hop=hop)
                else:
                    hop = Hop(file=path, what=f"(packages that {package} needs)")
                    yield Edge(to=LockedPackages(path=path, package=package), hop=hop)

    def _lock_files(self, folder: str) -> tuple[str, ...]:
        if folder not in self._locks:
            names = self._names(folder)
            self._locks[folder] = tuple(each for each in LOCK_FILES if each in names)
        return self._locks[folder]

    def _locked_package(self, folder: str, lock_folder: str) -> str | None:
        """The folder of the package in the ``uv.lock`` above that a folder is, or belongs to."""
        if lock_folder not in self._uv_locks:
            path = joined(lock_folder, "uv.lock") or ""
            self._uv_locks[lock_folder] = read_uv_lock(self._files.read(path))
        lock = self._uv_locks[lock_folder]
        if lock is None:
            return None
        for each in (folder, *above(folder)):
            if lock.package_at(posixpath.relpath(each, lock_folder)) is not None:
                return each
            if each == lock_folder or self._graph.is_package(each):
                break
        return None

    def _names(self, folder: str) -> frozenset[str]:
        """The names in a folder, and those that the change took away."""
        return frozenset(self._files.names(folder)) | self._gone.get(folder, set())
