"""Releases: the locations deployed together from one commit, live together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dagstead.plane.locations import Deploy, NewLocation


class ReleaseState(StrEnum):
    """How a release stands."""

    #: Agents are loading its locations; what was live before serves.
    LOADING = "loading"
    #: All its locations loaded, and went live.
    LIVE = "live"
    #: It is not atomic, and some of its locations went live, others did not load.
    PARTIAL = "partial"
    #: It did not load. Its locations went back to what was live before.
    FAILED = "failed"
    #: A newer release of the same locations began before it ended.
    SUPERSEDED = "superseded"

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self is ReleaseState.LOADING


_WENT_LIVE = frozenset({ReleaseState.LIVE, ReleaseState.PARTIAL})


class PartState(StrEnum):
    """How one location of a release stands."""

    LOADING = "loading"
    #: Its definitions are there; they go live with those of the others.
    LOADED = "loaded"
    LIVE = "live"
    FAILED = "failed"
    #: It may have loaded, and went back because another location of the release did not.
    BACK = "back"
    SUPERSEDED = "superseded"


#: Parts of which the outcome is open.
OPEN_PARTS = frozenset({PartState.LOADING, PartState.LOADED})


class Phase(StrEnum):
    """What was last seen of a location that is loading."""

    QUEUED = "queued"
    #: An agent has seen what is to be loaded, and starts a code server for it.
    TAKEN = "taken"
    #: The code server has asked for its secrets, as it does before it imports the definitions.
    IMPORTING = "importing"


class Cause(StrEnum):
    """Why there is a release."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRelease:
    """A release as somebody begins it."""

    locations: Sequence[NewLocation]
    #: Whether all go back when one does not load.
    atomic: bool = True
    #: Locations that end when it goes live.
    removes: Sequence[str] = ()
    cause: Cause = Cause.DEPLOY
    #: Of a rollback: the number of the release that is brought back.
    back_to: int | None = None
    commit_hash: str | None = None
    url: str | None = None
    #: The name of the token that began it.
    by: str | None = None
    #: What to tell of it while it loads, as a sentence.
    warning: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One location of a release."""

    name: str
    queue: str | None
    document: Mapping[str, Any]
    deploy_data: str
    deploy_id: str
    state: PartState
    phase: Phase
    #: Whether an error that names no deploy may be of the one before, which was under way.
    doubtful: bool
    #: A serialized ``SerializableErrorInfo``, when its own load failed.
    error: str | None
    #: Definitions that wait for those of the other locations.
    manifest: str | None

    @property
    def is_open(self) -> bool:
        """Whether its outcome is open."""
        return self.state in OPEN_PARTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A release as it stands. Numbers count up within a deployment."""

    deployment: str
    number: int
    state: ReleaseState
    atomic: bool
    cause: Cause
    back_to: int | None
    commit_hash: str | None
    url: str | None
    by: str | None
    removes: tuple[str, ...]
    #: Why it did not go live, or may take long, as a sentence.
    reason: str | None
    created_at: float
    ended_at: float | None
    #: By name.
    parts: tuple[Part, ...]
    #: What was live in the deployment right after it ended, ``None`` while it is open. By location,
    #: the number of the release that brought it; or the deploy itself, where none is recorded.
    live: Mapping[str, int | Deploy] | None


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

    #: Whether it counted: results of deploys that are no longer the newest do not.
    counted: bool
    #: Queues whose agents have to look at the workspace again; ``None`` is the default queue.
    queues: frozenset[str | None] = frozenset()


def live_before(releases: Iterable[Release]) -> int | None:
    """The number of the release that was live before the newest one that is, ``None`` without.

    The newest is the one that ended last: releases of other locations may overtake each other.
    """
    ended = sorted(
        (release.ended_at, release.number)
        for release in releases
        if release.ended_at is not None and release.state in _WENT_LIVE
    )
    return ended[-2][1] if len(ended) > 1 else None


def went_back(number: int, failed: Sequence[str], name: str, before: PreviousRelease | None) -> str:
    """The sentence for a location of a release that did not go live.

    Args:
        number: of the release.
        failed: the locations that did not load; empty when it was ended for another reason.
        name: the location that the sentence is for.
        before: what it serves again, ``None`` if there is nothing.
    """
    serves = "It serves nothing yet." if before is None else f"It serves {before} again."
    if name in failed:
        return f"Release {number} did not go live: {name!r} did not load. {serves}"
    if failed:
        others = ", ".join(map(repr, failed))
        return f"Release {number} did not go live, because {others} did not load. {serves}"
    return f"Release {number} was ended before it went live. {serves}"
