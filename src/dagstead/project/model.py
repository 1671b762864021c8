"""What a repository says about its code locations: the values that this room hands out."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

from dagstead.project.families import Family
from dagstead.project.nodes import Node
from dagstead.project.source import Position, SourceText
from dagstead.project.yaml_reader import Parsed, Problem

T_co = TypeVar("T_co", covariant=True)


class Origin(StrEnum):
    """Where a location has a value from."""

    #: Its own entry or file.
    OWN = "own"
    #: ``defaults:`` of its ``dagster_cloud.yaml``.
    DEFAULTS = "defaults"
    #: The files at the root of its dg workspace.
    WORKSPACE = "workspace"
    #: What is not written, but follows: the name of a dg project from its folder.
    DERIVED = "derived"


@dataclass(frozen=True, kw_only=True, slots=True)
class Value(Generic[T_co]):
    """A value with the place where it is written."""

    value: T_co
    node: Node = field(repr=False)
    origin: Origin = Origin.OWN

    @property
    def position(self) -> Position:
        """The place; of a derived value, the place that it follows from."""
        return self.node.position


class Kind(StrEnum):
    """How a location is meant to be built and run."""

    #: From a PEX file, by the control plane's own pool.
    SERVERLESS = "serverless"
    #: From an image that is built for ``build.registry``, by an agent.
    HYBRID = "hybrid"
    #: From what exists already: an image, or an environment on the agent's machine.
    PREBUILT = "prebuilt"
    #: The file can be read in more than one way.
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, kw_only=True, slots=True)
class Classification:
    """The kind of a location and what shows it."""

    kind: Kind
    #: A sentence without a full stop.
    reason: str
    #: How to make it one of the others; only for an ambiguous one.
    settle: str | None = None
    #: What the reason is about.
    node: Node = field(repr=False)

    @property
    def position(self) -> Position:
        """The place of what the reason is about."""
        return self.node.position


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeSource:
    """Where the definitions are: one of the four ways to say it."""

    #: ``package_name``, ``module_name``, ``python_file`` or ``autoload_defs_module_name``.
    by: str
    target: Value[str]

    @property
    def position(self) -> Position:
        """The place of the target."""
        return self.target.position


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Location:
    """One code location as one file defines it, with defaults applied.

    An attribute is ``None`` where nothing is written, where ``null`` is, or where the value is not
    of the right form (a rule of ``dagstead check`` tells).
    """

    name: Value[str]
    family: Family
    #: The file that defines it, relative to the root of the project.
    file: str
    #: The folder of that file, empty for the root: relative paths begin there.
    folder: str
    #: ``prod`` for one in ``dagster_cloud_prod.yaml``, otherwise empty.
    variant: str = ""
    #: ``None`` is the default queue. The empty text is kept: no agent serves a queue of that name.
    queue: Value[str] | None = None
    registry: Value[str] | None = None
    build_directory: Value[str] | None = None
    working_directory: Value[str] | None = None
    code_source: CodeSource | None = None
    image: Value[str] | None = None
    container_context: Value[Mapping[str, Any]] | None = None
    executable_path: Value[str] | None = None
    attribute: Value[str] | None = None
    classification: Classification
    #: The whole entry in the form of ``dagster_cloud.yaml``, defaults applied. Each part knows its
    #: place: ``location.node.get("container_context", "k8s").position``.
    node: Node = field(repr=False)
    #: The entry as it is written, without defaults. For dg, the project's table.
    written: Node = field(repr=False)

    @property
    def kind(self) -> Kind:
        """How it is meant to be built and run."""
        return self.classification.kind

    @property
    def position(self) -> Position:
        """The place of its name."""
        return self.name.position

    @property
    def queue_name(self) -> str | None:
        """The queue to route by: ``None`` is the default queue."""
        return None if self.queue is None else self.queue.value

    @property
    def build_folder(self) -> str:
        """The folder to build, relative to the root of the project.

        ``.`` is the root, and what begins with ``..`` or ``/`` lies outside. A path begins at the
        file that it is written in; without one, it is the folder of the location.
        """
        if self.build_directory is None:
            return posixpath.normpath(self.folder or ".")
        base = posixpath.dirname(self.build_directory.node.source.file)
        return posixpath.normpath(posixpath.join(base, self.build_directory.value))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ConfigFile:
    """A file that says something about locations or agents."""

    #: Relative to the root of the project, with ``/``.
    path: str
    family: Family
    #: As it is written.
    source: SourceText = field(repr=False)
    #: What it holds; for a rendered template, what the rendering holds. Empty for text files.
    parsed: Parsed = field(repr=False)
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
