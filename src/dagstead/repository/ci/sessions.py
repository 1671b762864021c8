"""Which locations a job builds and deploys: its acts, put together by session."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from dagstead.model.families import Family
from dagstead.model.location import Location
from dagstead.repository.ci.acts import DEPLOYING, SOME, Act, ActKind, Tool
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.files import Project
from dagstead.repository.files.project import project_prefix

_BUILDING = frozenset({ActKind.BUILD, ActKind.RECORD, ActKind.BUILD_AND_DEPLOY})
_CHOOSING = frozenset({ActKind.SELECT, ActKind.DESELECT})
_IN_SESSION = frozenset({ActKind.BUILD, ActKind.RECORD, ActKind.DEPLOY}) | _CHOOSING


#: The locations that acts can be about, by their file and tool.
Universes = dict[tuple[str | None, Tool], tuple[Location, ...]]


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session of a job; or an act that needs none, by itself."""

    run: JobRun
    #: ``None`` for an act that needs no session, or whose session begins elsewhere.
    begin: Act | None
    acts: tuple[Act, ...]
    #: The configuration file, relative to the root of the repository; ``None`` is not known.
    file: str | None
    #: The locations that it can be about.
    universe: tuple[Location, ...]
    #: Whether it is about a part of the project in which no location was found.
    is_unclear: bool = False

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the locations that it can be about."""
        return frozenset(each.name.value for each in self.universe)

    def candidates(self, locations: Iterable[Location]) -> Iterator[Location]:
        """The locations that it may be about: quicker than asking for every one."""
        chosen = None if self.begin is None else self.begin.chosen
        wanted = self.names
        if chosen is not None and not (chosen.everything or chosen.unknown):
            wanted = frozenset(chosen.names)
        elif not self.universe and not self.is_unclear:
            return iter(())
        if not self.universe and self.is_unclear:
            return iter(locations)
        return (each for each in locations if each.name.value in wanted)

    def selects(self, location: Location) -> bool | None:
        """Whether a location is part of it, ``None`` where that cannot be known."""
        if not self.universe:
            return None if self.is_unclear else False
        # By name: one that several files define is the same to the control plane.
        if location.name.value not in self.names:
            return False
        if self.begin is None:
            return True if self.file is not None else None
        return self.begin.chosen.has(location.name.value)

    def deploys(self, location: Location) -> bool | None:
        """Whether it deploys a location."""
        return self._any(location, DEPLOYING)

    def certainly(self, location: Location) -> bool:
        """Whether it deploys a location whenever its workflow runs for this event."""
        return self.run.certain and any(each.certain for each in self.acts_on(location, DEPLOYING))

    def builds(self, location: Location) -> bool | None:
        """Whether it builds a location, or records its image."""
        return self._any(location, _BUILDING)

    def acts_on(self, location: Location, does: Iterable[ActKind]) -> Iterator[Act]:
        """The acts that certainly are about a location."""
        wanted = set(does)
        if self.selects(location):
            for each in self.acts:
                if each.does in wanted and each.chosen.has(location.name.value):
                    yield each

    @property
    def builds_of(self) -> tuple[Act, ...]:
        """The acts that build."""
        return tuple(each for each in self.acts if each.does in _BUILDING)

    @property
    def deploys_of(self) -> tuple[Act, ...]:
        """The acts that deploy."""
        return tuple(each for each in self.acts if each.does in DEPLOYING)

    def _any(self, location: Location, does: Iterable[ActKind]) -> bool | None:
        wanted = set(does)
        selected = self.selects(location)
        found = [each.chosen.has(location.name.value) for each in self.acts if each.does in wanted]
        if selected is False or not found or all(each is False for each in found):
            return False
        return True if selected and True in found else None


@dataclass(kw_only=True)
class _Open:
    begin: Act | None
    acts: list[Act] = field(default_factory=list)
    #: Locations that are not selected any more.
    without: frozenset[str] = frozenset()
    #: Whether others may not be, either.
    is_unclear: bool = False

    def take(self, act: Act) -> None:
        """Take an act of the session."""
        if act.does in _CHOOSING:
            self._choose(act)
            return
        chosen = SOME if self.is_unclear and act.chosen.everything else act.chosen
        self.acts.append(replace(act, chosen=replace(chosen, without=self.without)))

    def _choose(self, act: Act) -> None:
        names = frozenset(act.chosen.names)
        self.is_unclear = self.is_unclear or act.chosen.unknown or not act.certain
        if act.does is ActKind.SELECT:
            self.without -= names
        elif act.certain:
            self.without |= names


def sessions_of(
    project: Project, runs: Sequence[JobRun], universes: Universes
) -> Iterator[Session]:
    """The sessions of jobs, and the acts that need none; ``universes`` are kept and used again."""
    for run in runs:
        for begin, acts in _of_run(run, runs):
            if begin is not None or acts:
                yield _session(project, run, begin, acts, universes)


def universe_of(project: Project, file: str | None, tool: Tool) -> tuple[Location, ...]:
    """The locations that an act on a file, or on a folder, can be about."""
    known = project.locations
    if tool is Tool.DG:
        known = tuple(each for each in project.definitions if each.family is Family.DG)
    if file is None:
        return known
    prefix = project_prefix(project)
    if tool in {Tool.DG, Tool.DAGSTEAD}:
        return tuple(each for each in known if _is_below(in_repository(prefix, each.file), file))
    return tuple(each for each in project.definitions if in_repository(prefix, each.file) == file)


def in_repository(prefix: str, path: str) -> str:
    """A path of a project, relative to the root of the repository."""
    return posixpath.normpath(posixpath.join(prefix, path))


def _is_below(path: str, folder: str) -> bool:
    return folder == "." or path.startswith(f"{folder}/")


def _of_run(run: JobRun, runs: Sequence[JobRun]) -> Iterator[tuple[Act | None, list[Act]]]:
    current: _Open | None = None
    for act in run.acts:
        if act.does is ActKind.BEGIN:
            if current is not None:
                yield current.begin, current.acts
            current = _Open(begin=act)
        elif act.does in _IN_SESSION:
            if current is None:
                current = _Open(begin=_begun_elsewhere(run, runs))
            current.take(act)
        elif act.does in DEPLOYING or act.does is ActKind.BUILD_AND_DEPLOY:
            yield None, [act]
    if current is not None:
        yield current.begin, current.acts


def _begun_elsewhere(run: JobRun, runs: Sequence[JobRun]) -> Act | None:
    """The session of another job, whose folder this one is given."""
    begun = [
        act
        for each in runs
        if each.event is run.event
        for act in each.acts
        if act.does is ActKind.BEGIN
    ]
    return begun[0] if len(begun) == 1 else None


def _session(
    project: Project, run: JobRun, begin: Act | None, acts: list[Act], universes: Universes
) -> Session:
    first = begin or acts[0]
    # A session of dg can be begun by the action, and its builds are by dg.
    is_dg = first.by == "dg-deploy-init" or any(each.tool is Tool.DG for each in (first, *acts))
    key = (first.file, Tool.DG if is_dg else first.tool)
    if key not in universes:
        universes[key] = universe_of(project, *key)
    universe = universes[key]
    top = in_repository(project_prefix(project), ".")
    is_inside = first.file in {None, "."} or _is_below(str(first.file), top)
    return Session(
        run=run,
        begin=begin,
        acts=tuple(acts),
        file=first.file,
        universe=universe,
        is_unclear=not universe and is_inside,
    )
