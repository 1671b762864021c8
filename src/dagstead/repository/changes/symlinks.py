"""Symbolic links: what is below a folder may lie elsewhere."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping

from dagstead.repository.changes.parts import Edge, Hop, Subtree, above, is_below, joined


class Symlinks:
    """The links of a repository."""

    def __init__(self, links: Mapping[str, str]) -> None:
        self._links = links
        self._below: dict[str, list[str]] = defaultdict(list)
        for path in links:
            for folder in above(path):
                self._below[folder].append(path)

    def edges(self, path: str) -> Iterator[Edge]:
        """Where a path, and the links below it, really lead."""
        through = self._first_link(path)
        if through is not None:
            yield Edge(to=Subtree(path=through), hop=Hop(file=path, what="(leads through a link)"))
            target = self._target(through)
            if target is not None:
                whole = posixpath.normpath(posixpath.join(target, path[len(through) + 1 :]))
                hop = Hop(file=through, what=f"(a link to {self._links[through]})")
                yield Edge(to=Subtree(path=whole), hop=hop)
            return
        for link in self._below.get(path, ()):
            target = self._target(link)
            if target is not None and not is_below(target, path):
                hop = Hop(file=link, what=f"(a link to {self._links[link]})")
                yield Edge(to=Subtree(path=target), hop=hop)

    def _first_link(self, path: str) -> str | None:
        if not self._links:
            return None
        found = [each for each in (path, *above(path)) if each in self._links]
        return found[-1] if found else None

    def _target(self, link: str) -> str | None:
        return joined(posixpath.dirname(link) or ".", self._links[link])
