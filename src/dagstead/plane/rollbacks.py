"""Rollbacks: which versions come back when one release is undone, or a whole deployment returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dagstead.errors import ConflictError, ReleaseNotFoundError
from dagstead.plane.locations import Deploy, Location
from dagstead.plane.releases import Cause, PartState, Release, Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollback:
    """The effect that a rollback would have."""

    #: The release that it undoes; ``None`` for one of the whole deployment.
    undoes: int | None = None
    #: For one of the whole deployment: what was live right after this release comes back.
    back_to: int | None = None
    #: What locations return to, by name.
    returns: Mapping[str, Source] = field(default_factory=dict)
    #: Locations that it removes, as they served nothing then.
    removes: tuple[str, ...] = ()
    #: Locations of the undone release that were changed since then; they stay as they are.
    stays: tuple[str, ...] = ()
    #: Open releases that it ends.
    ends: tuple[int, ...] = ()

    @property
    def changes(self) -> frozenset[str]:
        """The locations that return to another version or are removed."""
        return frozenset(self.returns) | frozenset(self.removes)

    @property
    def needs_confirmation(self) -> bool:
        """Whether somebody has to confirm it: it removes locations, or is not of one release."""
        return bool(self.removes) or self.undoes is None


class History:
    """A deployment's locations and all its releases, in which rollbacks are planned."""

    def __init__(self, locations: Iterable[Location], releases: Iterable[Release]) -> None:
        """Take what the deployment has now."""
        every = list(locations)
        self._deploys = {row.name: row.live.deploy_id for row in every if row.live is not None}
        self._now = {row.name: row.source for row in every if row.source is not None}
        self._releases = {release.number: release for release in releases}
        self._ended = sorted(
            (release for release in self._releases.values() if release.ended_at is not None),
            key=_end,
            reverse=True,
        )

    def newest_first(self) -> list[int]:
        """The releases that a rollback may be meant for, if nobody names one.

        Open ones come before those that are live, the newest of which ended last: releases of
        different locations may overtake each other. What a rollback brought is skipped, so that a
        second rollback undoes the release before instead of the first rollback.

        Raises:
            ConflictError: when a rollback is loading.
        """
        opened = sorted(self._open(), key=lambda release: release.number, reverse=True)
        for release in opened:
            if release.cause is Cause.ROLLBACK:
                number = release.number
                raise ConflictError(
                    f"Release {number}, a rollback, is loading. See `dagstead release show "
                    f"{number}`, or end it: `dagstead release rollback {number}`."
                )
        return [
            release.number
            for release in (*opened, *self._ended)
            if release.state.is_open
            or (release.state.went_live and release.cause is not Cause.ROLLBACK)
        ]

    def undo(self, number: int) -> Rollback:
        """What undoing one release changes: its locations return to what they served before it.

        Raises:
            ReleaseNotFoundError: when there is none of that number.
        """
        release = self._get(number)
        before = self._before(release)
        stays = {name for name in before if not self._is_as_left_by(release, name)}
        back = {name: source for name, source in before.items() if name not in stays}
        returns = {name: source for name, source in back.items() if source is not None}
        removes = tuple(sorted(name for name, source in back.items() if source is None))
        ends = self._loading_any(back.keys())
        return Rollback(
            undoes=number,
            returns=returns,
            removes=removes,
            stays=tuple(sorted(stays)),
            ends=tuple(sorted(ends | {number} if release.state.is_open else ends)),
        )

    def back_to(self, number: int | None) -> Rollback:
        """What returning the whole deployment to an earlier release changes.

        Args:
            number: of the release; ``None`` is the one before the newest live one. If a release is
                open, it is the newest live one.

        Raises:
            ReleaseNotFoundError: when there is none of that number.
            ConflictError: when it is loading, or there is none to return to.
        """
        opened = frozenset(release.number for release in self._open())
        goal = self._get(self._live_before(opened) if number is None else number)
        if goal.live is None:
            raise ConflictError(
                f"Release {goal.number} is loading: what is live after it is not known yet. Wait "
                f"until it has ended: `dagstead release show {goal.number}`."
            )
        returns = {
            name: source
            for name, source in goal.live.items()
            if name not in self._now
            or self.origin(name, self._now[name]) != self.origin(name, source)
        }
        return Rollback(
            back_to=goal.number,
            returns=returns,
            removes=tuple(sorted(self._now.keys() - goal.live.keys())),
            ends=tuple(sorted(opened)),
        )

    def deploys_under(self, rollback: Rollback) -> dict[str, str | None]:
        """The live deploys of the locations that a plan depends on, ``None`` where none is.

        The plan of a rollback of the whole deployment depends on all of them.
        """
        names = rollback.changes.union(rollback.stays)
        if rollback.undoes is None:
            names = names.union(self._deploys)
        return {name: self._deploys.get(name) for name in names}

    def empties(self, rollback: Rollback) -> bool:
        """Whether nothing would be live any more."""
        return (
            bool(rollback.removes)
            and not rollback.returns
            and not (self._now.keys() - set(rollback.removes))
        )

    def deploy_of(self, name: str, source: Source) -> Deploy:
        """The deploy of a location that a source stands for.

        Raises:
            ConflictError: when the release that brought it is no longer stored.
        """
        if isinstance(source, Deploy):
            return source
        release = self._releases.get(source)
        for part in release.parts if release else ():
            if part.name == name:
                return part.deploy
        raise ConflictError(
            f"{name!r} was brought by release {source}, which is no longer stored. Deploy its "
            "commit again: `dagstead deploy`."
        )

    def origin(self, name: str, source: Source) -> Source:
        """The first release of a version that rollbacks have brought back, maybe repeatedly."""
        while isinstance(source, int):
            release = self._releases.get(source)
            earlier = None if release is None else self._restored(release, name)
            if earlier is None:
                return source
            source = earlier
        return source

    def _get(self, number: int) -> Release:
        found = self._releases.get(number)
        if found is None:
            raise ReleaseNotFoundError(
                f"This deployment has no release {number}. See its releases with "
                "`dagstead release list`."
            )
        return found

    def _open(self) -> list[Release]:
        return [release for release in self._releases.values() if release.state.is_open]

    def _loading_any(self, names: Iterable[str]) -> set[int]:
        wanted = set(names)
        return {
            release.number
            for release in self._open()
            if wanted & {part.name for part in release.parts if part.is_open}
        }

    def _live_before(self, opened: frozenset[int]) -> int:
        went_live = [release for release in self._ended if release.state.went_live]
        before = went_live if opened else went_live[1:]
        if not before:
            raise ConflictError("There is no release to go back to: no other one was live before.")
        return before[0].number

    def _before(self, release: Release) -> dict[str, Source | None]:
        """What the locations served that a release changed, right before it did."""
        brought = {part.name for part in release.parts if part.state is PartState.LIVE}
        before = release.before
        if before is None:
            removed = set(release.removes) - (release.live or {}).keys()
            before = {name: self._earlier(release, name) for name in brought | removed}
        return {
            name: source for name, source in before.items() if name in brought or source is not None
        }

    def _earlier(self, release: Release, name: str) -> Source | None:
        """What a location served before a release, as the ends of others have recorded it."""
        for other in self._ended:
            source = (other.live or {}).get(name)
            if _end(other) < _end(release) and source != release.number:
                return source
        return None

    def _is_as_left_by(self, release: Release, name: str) -> bool:
        now = self._now.get(name)
        if all(part.name != name for part in release.parts):
            return now is None
        return now is not None and release.number in (now, self.origin(name, now))

    def _restored(self, release: Release, name: str) -> Source | None:
        """What a rollback brought back of a location; ``None`` if that is not recorded."""
        undone = self._releases.get(release.undoes or 0)
        if undone is not None:
            return self._before(undone).get(name)
        goal = self._releases.get(release.back_to or 0)
        return None if goal is None else (goal.live or {}).get(name)


def _end(release: Release) -> tuple[float, int]:
    return release.ended_at or 0.0, release.number
