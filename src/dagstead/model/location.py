"""A code location as a repository defines it: values with the places where they are written."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, TypeVar

from dagstead.model.families import Family
from dagstead.model.nodes import Node
from dagstead.model.source import Position

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Location:
    """One code location as one file defines it, with defaults applied.

    An attribute is ``None`` where nothing is written, where ``null`` is, or where the value is not
    of the right form (a rule of ``dagstead check`` reports it).
    """

    name: Value[str]
    family: Family
    #: The file that defines it, relative to the root of the project.
    file: str
    #: The folder of that file, empty for the root: relative paths begin there.
    folder: str
    #: ``prod`` for one in ``dagster_cloud_prod.yaml``, otherwise empty.
    variant: str = ""
    #: Of a dg project, the root of the workspace of uv around it, relative to the root.
    uv_workspace: str | None = None
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

        ``.`` is the root, and what begins with ``..`` or ``/`` lies outside. Where an image is
        built, it is what Docker gets.
        """
        return self.image_context if self.kind is Kind.HYBRID else self.code_folder

    @cached_property
    def code_folder(self) -> str:
        """The folder with its code and its Dockerfile.

        A path begins at the file that it is written in; without one, it is the folder of the
        location.
        """
        if self.build_directory is None:
            return posixpath.normpath(self.folder or ".")
        base = posixpath.dirname(self.build_directory.node.source.file)
        return posixpath.normpath(posixpath.join(base, self.build_directory.value))

    @property
    def image_context(self) -> str:
        """The folder that Docker gets when an image is built.

        dg gives it the whole workspace of uv, unless a folder is written.
        """
        if self.build_directory is None and self.uv_workspace is not None:
            return self.uv_workspace
        return self.code_folder
