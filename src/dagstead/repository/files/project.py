"""A repository as its configuration files describe it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dagstead.model.families import Family
from dagstead.model.location import Location
from dagstead.model.nodes import Node
from dagstead.model.source import Position, SourceText
from dagstead.repository.files.yaml_reader import ParseResult, Problem


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ConfigFile:
    """A file that says something about locations or agents."""

    #: Relative to the root of the project, with ``/``.
    path: str
    family: Family
    #: As it is written.
    source: SourceText = field(repr=False)
    #: What it holds; for a rendered template, what the rendering holds. Empty for text files.
    parsed: ParseResult = field(repr=False)
    #: Why it is no text, for a file in another encoding than UTF-8.
    undecodable: Problem | None = None
    #: Where the first Jinja tag is, as offsets, when it is a template.
    template_tag: tuple[int, int] | None = None
    #: Whether it was rendered with given values.
    rendered: bool = False
    #: Why rendering failed.
    template_problem: Problem | None = None
    #: Variables that the template uses and that were not given.
    template_missing: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Its folder, empty for the root."""
        return posixpath.dirname(self.path)

    @property
    def root(self) -> Node | None:
        """The document, ``None`` where it is empty or cannot be read."""
        return self.parsed.root

    @property
    def start(self) -> Position:
        """Its first character, for what is about the whole file."""
        return self.source.position(0, 0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Project:
    """A repository, or a folder of one, as its configuration files describe it."""

    #: Absolute. All paths of files are relative to it.
    root: Path
    #: The folder that git keeps, at or above the root; the root itself outside of git.
    repository: Path
    files: tuple[ConfigFile, ...]
    #: Every definition of a location. A repository that keeps one file for each location and a
    #: root file with all of them defines each twice.
    definitions: tuple[Location, ...]
    #: One definition for each name, the one that a deploy from the root takes: the file nearest to
    #: the root, without a variant before ``prod`` before others, ``dagster_cloud.yaml`` before dg.
    locations: tuple[Location, ...]

    def files_of(self, *families: Family) -> Iterator[ConfigFile]:
        """The files of some families, in the order of their paths."""
        return (each for each in self.files if each.family in families)

    def file(self, path: str) -> ConfigFile | None:
        """The file at a path relative to the root."""
        return next((each for each in self.files if each.path == path), None)

    def location(self, name: str) -> Location | None:
        """The location of a name."""
        return next((each for each in self.locations if each.name.value == name), None)


def project_prefix(project: Project) -> str:
    """The folder that was read, relative to the root of the repository; ``.`` for that itself."""
    try:
        return project.root.relative_to(project.repository).as_posix()
    except ValueError:
        return "."


def is_outside(path: str) -> bool:
    """Whether a normalized path leaves the folder that it is relative to."""
    return path == ".." or path.startswith(("../", "/"))
