"""What each location of a project is made from, with the chains that lead there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.project.changes.files import Files
from dagstead.project.changes.graph import Chain, Graph
from dagstead.project.changes.parts import EVERYTHING, Edge, Part, Step, joined
from dagstead.project.changes.starts import Starts
from dagstead.project.changes.watching import Watch, declared_watches, read_watch
from dagstead.project.model import Location, Project


@dataclass(frozen=True, kw_only=True, slots=True)
class Additions:
    """What no file below the project tells of, by the names of locations."""

    edges: Mapping[str, Sequence[Edge]] = field(default_factory=dict)
    #: Patterns that begin at the root of the project.
    patterns: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """What was there before the change and still matters, because it held for folders below it."""

    #: Changed paths: those that are gone among them may have been lock files or Dockerfiles.
    paths: frozenset[str] = frozenset()
    #: Folders of changed ``pyproject.toml`` files that made a workspace of what is below.
    workspaces: frozenset[str] = frozenset()


class Made:
    """The parts of all locations, by their names."""

    def __init__(
        self,
        project: Project,
        files: Files,
        *,
        prefix: str,
        past: Past | None = None,
        more: Additions | None = None,
    ) -> None:
        more, past = more or Additions(), past or Past()
        self._root = prefix or EVERYTHING
        self._patterns = more.patterns
        self._graph = Graph(files, past.workspaces)
        self._starts = Starts(
            files=files, graph=self._graph, prefix=prefix, gone=past.paths, watched=more.edges
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
        for each in self.watches[location.name.value]:
            if not each.is_exception:
                yield each.edge

    def _watches_of(self, location: Location) -> Iterator[Watch]:
        folder = joined(self._root, location.build_folder)
        yield from declared_watches(folder or self._root, self._graph.pyproject)
        for pattern in self._patterns.get(location.name.value, ()):
            watch = read_watch(pattern, self._root, Step(file="--watch", what=pattern))
            if watch is not None:
                yield watch


def made_from(project: Project, files: Files, *, prefix: str) -> Mapping[str, Mapping[Part, Chain]]:
    """The parts of each location, by its name, as far as its files tell."""
    return Made(project, files, prefix=prefix).parts
