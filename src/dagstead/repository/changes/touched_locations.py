"""From a revision to the locations that are touched, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from dagstead.errors import InvalidInputError
from dagstead.model.location import Location
from dagstead.repository.changes.base_config import BaseConfig, read_earlier
from dagstead.repository.changes.comparison import ChangesQuery, Comparison
from dagstead.repository.changes.entries import entry_steps
from dagstead.repository.changes.extra_facts import Additions, RemovedFiles
from dagstead.repository.changes.files import Files
from dagstead.repository.changes.git import Change
from dagstead.repository.changes.graph import PYPROJECT
from dagstead.repository.changes.location_parts import LocationParts
from dagstead.repository.changes.model import (
    ChangeReason,
    Changes,
    RemovedLocation,
    TouchedLocation,
)
from dagstead.repository.changes.parts import EVERYTHING, Subtree, above, hop_at, is_below
from dagstead.repository.changes.path_matcher import Matcher
from dagstead.repository.changes.pyprojects import is_workspace
from dagstead.repository.changes.watched_paths import Watch
from dagstead.repository.files.project import Project

#: What the project itself does not show: the workflows that build its locations.
MoreKnown: TypeAlias = Callable[[Project, Files], Additions]

_MOST_SHOWN = 10


def find_changes(query: ChangesQuery, *, more_known: MoreKnown | None = None) -> Changes:
    """The locations that differ from what they were, and why.

    Args:
        query: what to compare.
        more_known: is given the project and the files of its repository.

    Raises:
        InvalidInputError: when there is no such revision, no location, or a configuration file
            that cannot be read.
        GitError: when git does not answer.
    """
    comparison = Comparison(query)
    project, prefix = comparison.project, comparison.git.prefix
    _refuse_unreadable(project)
    earlier = read_earlier(
        project,
        comparison.changes,
        prefix=prefix,
        comparison=comparison,
        template_values=query.template_values,
    )
    if not project.locations and not earlier.project.locations:
        msg = f"There is no code location in {str(query.path)!r}, and there was none."
        raise InvalidInputError(msg)
    _refuse_unknown(query, project)
    more = Additions() if more_known is None else more_known(project, comparison.files)
    more = replace(more, patterns={**more.patterns, **query.watch})
    finder = _Finder(comparison, earlier, more)
    return Changes(
        project=project,
        prefix=prefix,
        base=comparison.base.sha,
        changes=comparison.changes,
        touched=tuple(finder.touched()),
        elsewhere=finder.elsewhere(),
        gone=tuple(_gone(earlier.project, project)),
        remarks=(*comparison.remarks, *finder.remarks()),
    )


class _Finder:
    def __init__(self, comparison: Comparison, earlier: BaseConfig, more: Additions) -> None:
        self._project = comparison.project
        self._prefix = comparison.git.prefix
        self._earlier = earlier
        self._location_parts = LocationParts(
            comparison.project,
            comparison.files,
            prefix=comparison.git.prefix,
            removed=_removed_files(comparison),
            more=more,
        )
        self._matcher = Matcher(
            comparison.changes,
            {part for parts in self._location_parts.parts.values() for part in parts},
            configuration=earlier.configuration,
            before=comparison.before,
            now=comparison.files.read,
        )
        self._then = _by_name(earlier.project)
        self._now = _by_name(comparison.project)

    @property
    def _locations(self) -> Sequence[Location]:
        return self._project.locations

    def touched(self) -> Iterator[TouchedLocation]:
        """The locations with a reason."""
        for location in self._locations:
            reasons = (*self._of_entry(location), *self._of_parts(location))
            if reasons:
                yield TouchedLocation(location=location, reasons=reasons)

    def elsewhere(self) -> tuple[Change, ...]:
        """What lies in the folder of the project, and belongs to no location."""
        return tuple(
            each
            for each in self._matcher.unmatched()
            if is_below(each.path, self._prefix or EVERYTHING)
            and each.path not in self._earlier.configuration
        )

    def remarks(self) -> Iterator[str]:
        """What cannot be seen from here."""
        for each in self._locations:
            if self._location_parts.folder(each) is None:
                yield (
                    f"{each.name.value} is built from {each.build_folder!r}, outside of the "
                    "repository: only its configuration entry is compared."
                )

    def _of_entry(self, location: Location) -> Iterator[ChangeReason]:
        name = location.name.value
        now = self._now[name]
        for each in now:
            if each.file in self._earlier.unknown:
                hop = hop_at(each.position, self._prefix, "(what it said cannot be read)")
                yield ChangeReason(changes=(), chain=(hop,))
                return
        if self._earlier.project is self._project:
            return
        for hop in entry_steps(self._then.get(name, ()), now, self._prefix):
            yield ChangeReason(changes=(), chain=(hop,))

    def _of_parts(self, location: Location) -> Iterator[ChangeReason]:
        name = location.name.value
        told: dict[str, Subtree] = {}
        for part, chain in self._location_parts.parts[name].items():
            if isinstance(part, Subtree):
                if _is_told(part, told):
                    continue
                told[part.path] = part
            matched = self._matcher.of(part)
            changes = self._without_exceptions(name, matched.changes)
            if changes:
                yield ChangeReason(changes=changes, chain=chain.hops(), remark=matched.remark)

    def _without_exceptions(self, name: str, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        watches = self._location_parts.watches[name]
        if not any(each.is_exception for each in watches):
            return changes
        return tuple(each for each in changes if not self._is_excepted(watches, each))

    def _is_excepted(self, watches: Sequence[Watch], change: Change) -> bool:
        """Whether the last pattern that fits a path is an exception."""
        for each in reversed(watches):
            if not change.is_folder and self._matcher.fits(each.glob, change.path):
                return each.is_exception
        return False


def _is_told(part: Subtree, told: Mapping[str, Subtree]) -> bool:
    """Whether all changes of a part are those of one before it."""
    for path in (part.path, *above(part.path)):
        whole = told.get(path)
        if whole is not None and whole.ignored in {None, part.ignored}:
            return True
    return False


def _removed_files(comparison: Comparison) -> RemovedFiles:
    files = [e for e in comparison.changes if e.path.rpartition("/")[2] == PYPROJECT]
    comparison.preload(files)
    return RemovedFiles(
        paths=frozenset(each.path for each in comparison.changes),
        workspaces=frozenset(
            each.path.rpartition("/")[0] or EVERYTHING
            for each in files
            if is_workspace(comparison.before(each))
        ),
    )


def _refuse_unreadable(project: Project) -> None:
    unreadable = [each for each in project.files if each.is_unreadable]
    if unreadable:
        msg = (
            f"{', '.join(each.path for each in unreadable)} cannot be read, so it is not known "
            "which locations there are. See `dagstead check`."
        )
        raise InvalidInputError(msg)


def _refuse_unknown(query: ChangesQuery, project: Project) -> None:
    known = [each.name.value for each in project.locations]
    for name in query.watch:
        if name not in known:
            shown = ", ".join(repr(each) for each in known[:_MOST_SHOWN])
            more = ", ..." if len(known) > _MOST_SHOWN else ""
            msg = f"There is no location {name!r} to watch paths for. There is {shown}{more}."
            raise InvalidInputError(msg)


def _by_name(project: Project) -> Mapping[str, Sequence[Location]]:
    found: dict[str, list[Location]] = defaultdict(list)
    for each in project.definitions:
        found[each.name.value].append(each)
    return found


def _gone(then: Project, now: Project) -> Iterator[RemovedLocation]:
    names = {each.name.value for each in now.locations}
    for each in then.locations:
        if each.name.value not in names:
            yield RemovedLocation(name=each.name.value, position=each.position)
