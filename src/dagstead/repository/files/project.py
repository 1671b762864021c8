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
from dagstead.repository.files.exclusion import NOTHING_EXCLUDED, Exclusion
from dagstead.repository.files.named import NOTHING_NAMED, NamedFiles
from dagstead.repository.files.yaml_reader import ParseResult, Problem

_DEFINING = frozenset({Family.CLOUD, Family.DG, Family.DG_BUILD, Family.DG_CONTEXT})


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
    def is_unreadable(self) -> bool:
        """Whether it may define locations, and it is not known which."""
        if self.family not in _DEFINING or self.root is not None:
            return False
        problem = self.undecodable or self.parsed.syntax or self.template_problem
        return problem is not None or self.template_tag is not None

    @property
    def start(self) -> Position:
        """Its first character, for what is about the whole file."""
        return self.source.position(0, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A file that could define locations, and does not count."""

    #: Relative to the root of the project.
    path: str
    #: What is instead, or what it is, as a clause.
    reason: str
    #: Whether nobody would expect it to be deployed, so that it is worth no word.
    is_expected: bool = False

    @property
    def sentence(self) -> str:
        """What people are to know."""
        return f"{self.path} is not deployed: {self.reason}."


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Project:
    """A repository, or a folder of one, as its configuration files describe it."""

    #: Absolute. All paths of files are relative to it.
    root: Path
    #: The folder that git keeps, at or above the root; the root itself outside of git.
    repository: Path
    #: The files that count: of those that define locations only what is deployed.
    files: tuple[ConfigFile, ...]
    #: Every definition of a location. A repository that keeps one file for each location and a
    #: root file with all of them defines each twice.
    definitions: tuple[Location, ...]
    #: One definition for each name, the one that a deploy from the root takes: the file nearest to
    #: the root, without a variant before ``prod`` before others, ``dagster_cloud.yaml`` before dg.
    locations: tuple[Location, ...]
    #: All files that were read, whether they count or not.
    read: tuple[ConfigFile, ...] = field(default=(), repr=False)
    #: Files that could define locations, and do not count.
    left_out: tuple[LeftOut, ...] = ()
    #: The ``dagster_cloud.yaml`` files that count and are not deployed, as what they define is
    #: deployed from others.
    repeated: frozenset[str] = frozenset()
    #: What CI and scripts name, as far as that was looked at.
    named: NamedFiles = NOTHING_NAMED
    #: Whether what CI names could change which files count.
    is_open: bool = False
    #: What the settings of the repository exclude.
    excluded: Exclusion = NOTHING_EXCLUDED
    #: Whether every file counts, for what compares all that is written.
    is_whole: bool = False

    def files_of(self, *families: Family) -> Iterator[ConfigFile]:
        """The files of some families, in the order of their paths."""
        return (each for each in self.files if each.family in families)

    def file(self, path: str) -> ConfigFile | None:
        """The file at a path relative to the root."""
        return next((each for each in self.files if each.path == path), None)

    def location(self, name: str) -> Location | None:
        """The location of a name."""
        return next((each for each in self.locations if each.name.value == name), None)


def left_out_note(project: Project) -> str:
    """What people should know of files that do not count; empty where there is nothing."""
    worth = [each for each in project.left_out if not (each.is_expected and project.locations)]
    if not worth:
        return ""
    more = len(worth) - 1
    others = f" The same goes for {more} more {'file' if more == 1 else 'files'}." if more else ""
    return worth[0].sentence + others


def project_prefix(project: Project) -> str:
    """The folder that was read, relative to the root of the repository; ``.`` for that itself."""
    try:
        return project.root.relative_to(project.repository).as_posix()
    except ValueError:
        return "."


def is_outside(path: str) -> bool:
    """Whether a normalized path leaves the folder that it is relative to."""
    return path == ".." or path.startswith(("../", "/"))
