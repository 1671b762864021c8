"""The parts that locations are made from, and the hops that lead from one to the next."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TypeAlias

from dagstead.model.source import Position
from dagstead.repository.changes.dockerignore import DockerIgnore

#: The whole repository: what may be anywhere.
EVERYTHING = "."


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """The place in a file that says that something is made from something else."""

    #: Relative to the top of the repository.
    file: str
    #: From 1; ``None`` where the whole file, or its being there, says it.
    line: int | None = None
    #: What is written there.
    what: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place} {self.what}".rstrip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Subtree:
    """A path and all below it. Whether it is a file or a folder does not matter."""

    path: str
    #: What of it no image is built from.
    ignored: DockerIgnore | None = field(default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Glob:
    """Paths below a folder that fit a pattern of ``.gitignore``'s form."""

    folder: str
    pattern: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedPackages:
    """What a ``uv.lock`` says about one package of the repository and all that this one needs."""

    #: The lock file.
    path: str
    #: The folder of the package.
    package: str


Part: TypeAlias = Subtree | Glob | LockedPackages


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """One part is made from another."""

    to: Part
    hop: Hop


def joined(folder: str, path: str) -> str | None:
    """A path that is written in a folder; ``None`` when it leaves the repository."""
    if path.startswith("/"):
        return None
    found = posixpath.normpath(posixpath.join(folder, path))
    return None if found == ".." or found.startswith("../") else found


def above(path: str) -> tuple[str, ...]:
    """The folders above a path, the nearest first, ``.`` at the end."""
    found = []
    while path != EVERYTHING:
        path = path.rpartition("/")[0] or EVERYTHING
        found.append(path)
    return tuple(found)


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder, or lies below it."""
    return folder in {path, EVERYTHING} or path.startswith(f"{folder}/")


def hop_at(position: Position, prefix: str, what: str) -> Hop:
    """A hop at a place of a project whose root is ``prefix`` below the top."""
    return Hop(file=posixpath.join(prefix, position.file), line=position.line, what=what)
