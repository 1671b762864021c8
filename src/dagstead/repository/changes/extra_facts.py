"""Parts of locations that the present files of the project do not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.repository.changes.parts import Edge


@dataclass(frozen=True, kw_only=True, slots=True)
class Additions:
    """What the caller knows in addition."""

    #: More parts, by the names of locations: the workflows that build them.
    edges: Mapping[str, Sequence[Edge]] = field(default_factory=dict)
    #: The build contexts that Dockerfiles are used with; both relative to the top.
    contexts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: A person's patterns, by the names of locations. They begin at the root of the project.
    patterns: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovedFiles:
    """Changed or removed files that still matter, because they applied to folders below them."""

    #: Changed paths: those that are gone among them may have been lock files or Dockerfiles.
    paths: frozenset[str] = frozenset()
    #: Folders of changed ``pyproject.toml`` files that made a workspace of what is below.
    workspaces: frozenset[str] = frozenset()
