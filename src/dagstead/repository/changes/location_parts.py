"""What every location of a project is made from, with the chains that lead there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from dagstead.model.location import Location
from dagstead.repository.changes.direct_parts import DirectParts
from dagstead.repository.changes.extra_facts import Additions, RemovedFiles
from dagstead.repository.changes.files import Files
from dagstead.repository.changes.graph import Chain, Graph
from dagstead.repository.changes.parts import EVERYTHING, Edge, Hop, Part, Subtree, joined
from dagstead.repository.changes.watched_paths import Watch, declared_watches, read_watch
from dagstead.repository.files.project import Project

_TAKES_IN = re.compile(
    r"\{%-?\s*(?:include|import|extends|from)\s+(?:[\"'](?P<name>[^\"']+)[\"'])?[^%]*%\}"
)


class LocationParts:
    """The parts of all locations, by their names."""

    def __init__(
        self,
        project: Project,
        files: Files,
        *,
        prefix: str,
        removed: RemovedFiles | None = None,
        more: Additions | None = None,
    ) -> None:
        more, removed = more or Additions(), removed or RemovedFiles()
        self._root = prefix or EVERYTHING
        self._patterns = more.patterns
        self._templates = {e.path: e.source for e in project.files if e.rendered}
        self._graph = Graph(files, removed.workspaces)
        self._starts = DirectParts(
            files=files, graph=self._graph, prefix=prefix, removed=removed.paths, more=more
        )
        self.watches: Mapping[str, Sequence[Watch]] = {
            each.name.value: tuple(self._watches_of(each)) for each in project.locations
        }
        self.parts: Mapping[str, Mapping[Part, Chain]] = {
            each.name.value: self._graph.reach(self._first_of(each)) for each in project.locations
        }

    def folder(self, location: Location) -> str | None:
        """The folder that is built, ``None`` when it lies outside of the repository."""
        return self._starts.folder(location)

    def _first_of(self, location: Location) -> Iterator[Edge]:
        yield from self._starts.of(location)
        yield from self._taken_in(location)
        for each in self.watches[location.name.value]:
            if not each.is_exception:
                yield each.edge

    def _taken_in(self, location: Location) -> Iterator[Edge]:
        """Files that a template takes in: the entry is compared as they make it now."""
        source = self._templates.get(location.file)
        for found in _TAKES_IN.finditer("" if source is None else source.text):
            file = joined(self._root, location.file) or location.file
            folder = file.rpartition("/")[0] or EVERYTHING
            target = joined(folder, found["name"] or ".")
            if target is not None:
                yield Edge(to=Subtree(path=target), hop=Hop(file=file, what=found[0]))

    def _watches_of(self, location: Location) -> Iterator[Watch]:
        folder = joined(self._root, location.code_folder)
        yield from declared_watches(folder or self._root, self._graph.pyproject)
        for pattern in self._patterns.get(location.name.value, ()):
            watch = read_watch(pattern, self._root, Hop(file="--watch", what=pattern))
            if watch is not None:
                yield watch


def made_from(project: Project, files: Files, *, prefix: str) -> Mapping[str, Mapping[Part, Chain]]:
    """The parts of every location, by its name, as far as its files show them."""
    return LocationParts(project, files, prefix=prefix).parts
