"""What a person asks of a migration, and its result."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from dagstead.errors import InvalidInputError, LayoutError
from dagstead.model.source import SourceText
from dagstead.repository.files.project import Project

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class Layout(StrEnum):
    """Where the definitions of locations are written."""

    #: A ``dagster_cloud.yaml`` in the folder of each location.
    PER_LOCATION = "per-location"
    #: One ``dagster_cloud.yaml`` at the root of the project.
    ROOT = "root"
    #: The same, with a generated workflow for each location.
    ROOT_WORKFLOWS = "root-workflows"
    #: dg's files: a project for each location, in a workspace.
    DG = "dg"


class FileTree(Protocol):
    """The files beside the ones that were read. Paths are relative to the root of the project."""

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, ``None`` where there is none."""

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder."""


class DiskTree:
    """A tree below a folder on disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, ``None`` where there is none."""
        try:
            return (self._root / path).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder."""
        return (self._root / path).is_dir()


@dataclass(frozen=True, kw_only=True, slots=True)
class MigrationRequest:
    """What a person asks for."""

    layout: Layout
    #: The names of the locations to move; empty for all.
    names: frozenset[str] = frozenset()
    #: Folders of locations whose folder does not follow from ``build.directory``, by name.
    folders: Mapping[str, str] = field(default_factory=dict)
    #: ``True`` writes what all have in common as ``defaults``, ``False`` writes all defaults out,
    #: ``None`` writes them out where a location moves.
    factor_defaults: bool | None = None
    #: Write ``package_name`` as ``module_name``, which imports the same: dg has no other.
    package_as_module: bool = False
    #: Leave the old definitions where they are, too.
    keep: bool = False
    #: Take dg's tables away, too, where locations leave them. ``dg dev`` needs them.
    remove_dg: bool = False

    def takes(self, name: str) -> bool:
        """Whether a location is meant."""
        return not self.names or name in self.names


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """A file before and after; ``None`` where there is none."""

    #: Relative to the root of the project, with ``/``; begins with ``..`` where it is above it.
    path: str
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """Every file that changes, in the order of their paths; proven to mean the same."""

    changes: tuple[FileChange, ...]
    #: What a person should know, as sentences.
    remarks: tuple[str, ...] = ()
    #: The project as it will be read after the changes.
    project: Project = field(repr=False)


class Obstacle(Exception):  # noqa: N818 - a fact about one place, collected into a LayoutError
    """One reason why a migration cannot be done; the text begins with its place."""


def refusal(reasons: list[str]) -> LayoutError:
    """The error of some reasons, each with its place."""
    return LayoutError("\n".join(dict.fromkeys(reasons)))


def changes_of(tree: FileTree, files: Mapping[str, SourceText | None]) -> tuple[FileChange, ...]:
    """What differs from the files that are there, in the order of the paths."""
    found = (
        FileChange(
            path=path,
            before=tree.read(path),
            after=None if text is None else text.encode(),
        )
        for path, text in sorted(files.items())
    )
    return tuple(each for each in found if each.before != each.after)


def difference(change: FileChange) -> str:
    """A unified diff of one file, as git writes it."""
    before, after = _text(change.before), _text(change.after)
    old = "/dev/null" if change.before is None else f"a/{change.path}"
    new = "/dev/null" if change.after is None else f"b/{change.path}"
    lines = difflib.unified_diff(_lines(before), _lines(after), fromfile=old, tofile=new)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def checked(project: Project, request: MigrationRequest) -> None:
    """Refuse names that no location has, and what does not go together.

    Raises:
        InvalidInputError: for a name that is nowhere defined; for common defaults of files that
            have one location each.
    """
    if request.factor_defaults and request.layout in {Layout.PER_LOCATION, Layout.DG}:
        msg = (
            f"--factor-defaults is about several locations in one file, and {request.layout} has a "
            "file per location. Leave it out, or say --to root."
        )
        raise InvalidInputError(msg)
    known = {each.name.value for each in project.definitions}
    for name in sorted({*request.names, *request.folders} - known):
        msg = f"There is no location {name!r}. Locations: {', '.join(sorted(known)) or 'none'}."
        raise InvalidInputError(msg)


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode("utf-8", errors="replace")


def _lines(text: str) -> list[str]:
    return _LINE.findall(text)
