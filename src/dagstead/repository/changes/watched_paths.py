"""Paths that a person names, because the files do not mention them.

``watch = ["../dbt_project/**", "!../dbt_project/docs/**"]`` below ``[tool.dagstead]``, in the
``pyproject.toml`` of a location's folder or of one above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dagstead.model.nodes import Node
from dagstead.repository.changes.parts import (
    EVERYTHING,
    Edge,
    Glob,
    Hop,
    above,
    joined,
)
from dagstead.repository.changes.pyprojects import texts_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """A pattern of a person."""

    glob: Glob
    hop: Hop
    #: Whether it takes paths out, as ``!`` does.
    is_exception: bool = False

    @property
    def edge(self) -> Edge:
        """From the location to what fits."""
        return Edge(to=self.glob, hop=self.hop)


def read_watch(pattern: str, folder: str, hop: Hop) -> Watch | None:
    """A pattern, written in a folder; ``None`` for one that leaves the repository.

    It has the form of ``.gitignore``; ``../`` leads upwards, and a ``/`` at its beginning to the
    top of the repository.
    """
    is_exception = pattern.startswith("!")
    text = pattern.removeprefix("!").strip()
    base: str | None = EVERYTHING if text.startswith("/") else folder
    while text.startswith(("../", "./")):
        segment, _, text = text.partition("/")
        base = joined(base, segment) if base is not None else None
    if base is None or not text.strip("/."):
        return None
    return Watch(glob=Glob(folder=base, pattern=text), hop=hop, is_exception=is_exception)


def declared_watches(folder: str, pyproject: Callable[[str], Node | None]) -> Iterator[Watch]:
    """What is declared for a folder; the patterns of its own file come last, and so win."""
    for each in reversed((folder, *above(folder))):
        root = pyproject(each)
        declared = None if root is None else root.get("tool", "dagstead", "watch")
        for node in texts_of(declared):
            file = joined(each, "pyproject.toml") or "pyproject.toml"
            what = f"[tool.dagstead] watch {node.text}"
            hop = Hop(file=file, line=node.position.line, what=what)
            watch = read_watch(node.text or "", each, hop)
            if watch is not None:
                yield watch
