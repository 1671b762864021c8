"""The configuration at the base: the present files, with changed ones as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dagstead.model.families import Family
from dagstead.repository.changes.git import Change
from dagstead.repository.ci.projects import as_named
from dagstead.repository.ci.reader import SourceFiles
from dagstead.repository.files.families import is_workflow
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.repository.files.reader import assemble, read_file
from dagstead.repository.files.templates import TemplateValues
from dagstead.repository.files.walk import is_looked_at

#: Files that say nothing but what their entries say.
_ENTRIES_ONLY = frozenset({Family.CLOUD, Family.DG_BUILD, Family.DG_CONTEXT})


class BaseContents(Protocol):
    """Knows what files hold, and what changed ones held at the base."""

    @property
    def files(self) -> SourceFiles:
        """The present files of the repository."""

    def preload(self, changes: Iterable[Change]) -> None:
        """Read many in one go."""

    def before(self, change: Change) -> bytes | None:
        """What a file held, ``None`` where there was none."""


class _FilesAtBase:
    """The files of the repository at the base, as far as workflows are concerned."""

    def __init__(self, contents: BaseContents, changes: Iterable[Change]) -> None:
        self._contents = contents
        self._changed = {each.path: each for each in changes if not each.is_folder}
        contents.preload(each for each in changes if is_workflow(each.path))

    def read(self, path: str) -> bytes | None:
        """A file's content, ``None`` where there was no file."""
        change = self._changed.get(path)
        if change is None:
            return self._contents.files.read(path)
        return self._contents.before(change)

    def names(self, folder: str) -> Iterable[str]:
        """The names in a folder; those of files that are new, too, which hold nothing."""
        start = f"{folder}/"
        below = (each[len(start) :] for each in self._changed if each.startswith(start))
        return sorted(
            {*self._contents.files.names(folder), *(each.partition("/")[0] for each in below)}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseConfig:
    """What the configuration said at the base."""

    #: The present one itself when no file of it has changed.
    project: Project
    #: Changed files that count by their entries, relative to the top of the repository.
    configuration: frozenset[str]
    #: Files whose earlier content is unknown, relative to the project.
    unknown: frozenset[str]


def read_earlier(
    project: Project,
    changes: Sequence[Change],
    *,
    prefix: str,
    comparison: BaseContents,
    template_values: TemplateValues | None = None,
) -> BaseConfig:
    """Put the files back that have changed."""
    start = f"{prefix}/" if prefix else ""
    present = {each.path: each for each in project.read}
    changed = {
        each.path.removeprefix(start): each
        for each in changes
        if each.path.startswith(start) and _matters(each, each.path.removeprefix(start), present)
    }
    comparison.preload(changed.values())
    files = {path: file for path, file in present.items() if path not in changed}
    for path, each in changed.items():
        data = comparison.before(each)
        file = None
        if data is not None:
            file = read_file(project.root, path, data=data, template_values=template_values)
        if file is not None:
            files[path] = file
    then = project
    if changed or (project.is_open and changes):
        ordered = tuple(files[path] for path in sorted(files))
        source = _FilesAtBase(comparison, changes)
        made = assemble(project.root, project.repository, ordered)
        then = as_named(made, source, template_values=template_values)
    in_force = {each.path: each for each in then.files}
    unknown = {path for path in changed if path in in_force and in_force[path].is_unreadable}
    unknown |= set(_below_folders(changes, start, present))
    by_entries = {
        path
        for path in changed
        for file in (present.get(path), files.get(path))
        if file is not None and file.family in _ENTRIES_ONLY
    }
    return BaseConfig(
        project=then,
        configuration=frozenset(start + path for path in by_entries),
        unknown=frozenset(unknown),
    )


def _matters(change: Change, path: str, present: Mapping[str, ConfigFile]) -> bool:
    return not change.is_folder and (path in present or is_looked_at(path))


def _below_folders(changes: Iterable[Change], start: str, present: Iterable[str]) -> Iterator[str]:
    """Files in a submodule that has moved: what they held is kept elsewhere."""
    folders = [f"{each.path}/" for each in changes if each.is_folder]
    return (path for path in present if any((start + path).startswith(each) for each in folders))
