"""Releases: locations that are deployed together from one commit, and go live together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from dagstead.plane.locations import Deploy, NewLocation

#: What a location serves: the number of the release that brought it, or the deploy if no release
#: that is recorded did.
Source: TypeAlias = int | Deploy


class ReleaseState(StrEnum):
    """The states of a release."""

    #: Agents are loading its locations; the versions before it still serve.
    LOADING = "loading"
    #: All its locations have loaded, and are live.
    LIVE = "live"
    #: It is not atomic: some of its locations are live, others did not load.
    PARTIAL = "partial"
    #: It did not load. Its locations went back to their versions before it.
    FAILED = "failed"
    #: A newer release of the same locations began before it ended.
    SUPERSEDED = "superseded"

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self is ReleaseState.LOADING

    @property
    def went_live(self) -> bool:
        """Whether it has ended with some of its locations live, or all."""
        return self in {ReleaseState.LIVE, ReleaseState.PARTIAL}


class PartState(StrEnum):
    """The states of one location of a release."""

    LOADING = "loading"
    #: Its definitions have arrived; they go live together with those of the others.
    LOADED = "loaded"
    LIVE = "live"
    FAILED = "failed"
    #: It went back because another location of the release did not load.
    BACK = "back"
    SUPERSEDED = "superseded"


#: Parts whose outcome is open.
OPEN_PARTS = frozenset({PartState.LOADING, PartState.LOADED})


class Phase(StrEnum):
    """How far a loading location has come, as last seen."""

    QUEUED = "queued"
    #: An agent has taken the deploy, and is starting a code server for it.
    TAKEN = "taken"
    #: The code server has asked for its secrets, which it does before it imports the definitions.
    IMPORTING = "importing"


class Cause(StrEnum):
    """Why a release was begun."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRelease:
    """A release that has not begun yet."""

    locations: Sequence[NewLocation]
    #: Whether all locations go back when one of them does not load.
    atomic: bool = True
    #: Locations that are removed when it goes live.
    removes: Sequence[str] = ()
    cause: Cause = Cause.DEPLOY
    #: For a rollback of one release: its number.
    undoes: int | None = None
    #: For a rollback of the whole deployment: the number of the release that it returns to.
    back_to: int | None = None
    commit_hash: str | None = None
    url: str | None = None
    #: The name of the token that began it.
    by: str | None = None
    #: A warning to show while it loads, as a sentence.
    warning: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A location as a part of a release."""

    name: str
    queue: str | None
    document: Mapping[str, Any]
    deploy_data: str
    deploy_id: str
    state: PartState
    phase: Phase
    #: Whether an error without a deploy may be about the deploy before, which was still loading.
    doubtful: bool
    #: A serialized ``SerializableErrorInfo``, if it did not load.
    error: str | None
    #: Definitions that wait for those of the other locations.
    manifest: str | None

    @property
    def is_open(self) -> bool:
        """Whether its outcome is open."""
        return self.state in OPEN_PARTS

    @property
    def deploy(self) -> Deploy:
        """What agents need to load it."""
        return Deploy(
            document=self.document,
            deploy_data=self.deploy_data,
            deploy_id=self.deploy_id,
            queue=self.queue,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A release in its current state. Every deployment counts its own releases."""

    deployment: str
    number: int
    state: ReleaseState
    atomic: bool
    cause: Cause
    undoes: int | None
    back_to: int | None
    commit_hash: str | None
    url: str | None
    by: str | None
    removes: tuple[str, ...]
    #: Why it did not go live, or why it may take long, as a sentence.
    reason: str | None
    created_at: float
    ended_at: float | None
    #: By name.
    parts: tuple[Part, ...]
    #: What was live in the deployment right after it ended; ``None`` while it is open.
    live: Mapping[str, Source] | None
    #: What the locations served that it brought or removed, right before it did, with ``None`` for
    #: nothing. Older versions have not recorded it: then it is ``None`` as a whole.
    before: Mapping[str, Source | None] | None

    @property
    def touched(self) -> frozenset[str]:
        """The locations that it deploys or removes."""
        return frozenset({*(part.name for part in self.parts), *self.removes})

    def cut_to(self, is_seen: Callable[[str], bool]) -> Release:
        """The same without the locations that somebody may not see.

        Args:
            is_seen: says of a location's name whether it may be seen.
        """
        hidden = {
            name
            for name in {*self.touched, *(self.live or {}), *(self.before or {})}
            if not is_seen(name)
        }
        if not hidden:
            return self
        names_hidden = self.reason is not None and any(name in self.reason for name in hidden)
        return replace(
            self,
            parts=tuple(part for part in self.parts if part.name not in hidden),
            removes=tuple(name for name in self.removes if name not in hidden),
            reason=OF_OTHERS if names_hidden else self.reason,
            live=_without(self.live, hidden),
            before=_without(self.before, hidden),
        )


_Value = TypeVar("_Value")

#: For those who may not see the locations that the reason is about.
OF_OTHERS = "The reason is with code locations that this token may not see."


def _without(
    by_location: Mapping[str, _Value] | None, hidden: Collection[str]
) -> Mapping[str, _Value] | None:
    if by_location is None:
        return None
    return {name: value for name, value in by_location.items() if name not in hidden}


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviousRelease:
    """The release whose version of a location was live before."""

    #: Its number; ``None`` if it was not recorded.
    release: int | None

    def __str__(self) -> str:
        return "what was live before" if self.release is None else f"release {self.release}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The effect of loading, ending or removing something."""

    #: Whether it counted: results of older deploys than the newest one do not.
    counted: bool
    #: Queues whose agents have to check the workspace again; ``None`` is the default queue.
    queues: frozenset[str | None] = frozenset()


def went_back(number: int, failed: Sequence[str], name: str, before: PreviousRelease | None) -> str:
    """The sentence for a location of a release that did not go live.

    Args:
        number: of the release.
        failed: the locations that did not load; empty if the release ended for another reason.
        name: the location that the sentence is for.
        before: the release that it serves again, ``None`` if it serves nothing.
    """
    serves = "It serves nothing yet." if before is None else f"It serves {before} again."
    if name in failed:
        return f"Release {number} did not go live: {name!r} did not load. {serves}"
    if failed:
        others = ", ".join(map(repr, failed))
        return f"Release {number} did not go live, because {others} did not load. {serves}"
    return f"Release {number} was ended before it went live. {serves}"
