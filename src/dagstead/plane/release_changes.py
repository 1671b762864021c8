"""What a release changed: each location's document, compared with the one it served before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dagstead.plane.artifacts import artifact_of, commit_of
from dagstead.plane.locations import Deploy, Location
from dagstead.plane.releases import Part, Release, ReleaseState

#: A new value of a location's settings is shown up to that length.
_MOST_TEXT = 200
#: Shown as what was built, and as the commit.
_SHOWN_ELSEWHERE = frozenset({"location_name", "git", "image", "pex_metadata", "agent_queue"})


_NEVER_LIVE = frozenset({ReleaseState.LOADING, ReleaseState.FAILED})


class ChangeKind(StrEnum):
    """What became of a location."""

    NEW = "new"
    CHANGED = "changed"
    #: It was deployed again as it was.
    SAME = "same"
    REMOVED = "removed"
    #: What was there before is not recorded any more.
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldChange:
    """One thing that is not the same; ``None`` is nothing."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LocationChange:
    """A location of a release, and what is different in it."""

    name: str
    kind: ChangeKind
    #: ``None`` for one that the release removes.
    part: Part | None = None
    #: The release that it served before, if that is known.
    served: int | None = None
    fields: tuple[FieldChange, ...] = ()


def changes_of(
    release: Release, documents: Mapping[tuple[int, str], Mapping[str, Any]]
) -> tuple[LocationChange, ...]:
    """What a release changes, by name; removed locations come last.

    Args:
        release: to look at, with what its locations served before it.
        documents: of earlier releases, by their number and the name of the location.
    """
    parts = [_change(release, part, documents) for part in release.parts]
    return (
        *parts,
        *(
            LocationChange(name=name, kind=ChangeKind.REMOVED, served=_served(release, name))
            for name in sorted(release.removes)
        ),
    )


def compared_with(release: Release) -> frozenset[int]:
    """The numbers of the releases whose documents are needed."""
    return frozenset(each for each in (release.before or {}).values() if isinstance(each, int))


def _change(
    release: Release, part: Part, documents: Mapping[tuple[int, str], Mapping[str, Any]]
) -> LocationChange:
    if release.before is None or part.name not in release.before:
        return LocationChange(name=part.name, kind=ChangeKind.UNKNOWN, part=part)
    source = release.before[part.name]
    if source is None:
        return LocationChange(name=part.name, kind=ChangeKind.NEW, part=part)
    before = source.document if isinstance(source, Deploy) else documents.get((source, part.name))
    served = _served(release, part.name)
    if before is None:
        kind = ChangeKind.UNKNOWN
        return LocationChange(name=part.name, kind=kind, part=part, served=served)
    fields = tuple(differences(before, part.document))
    return LocationChange(
        name=part.name,
        kind=ChangeKind.CHANGED if fields else ChangeKind.SAME,
        part=part,
        served=served,
        fields=fields,
    )


def _served(release: Release, name: str) -> int | None:
    source = (release.before or {}).get(name)
    return source if isinstance(source, int) else None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    """What is not the same in two documents of a location, in the words of people."""
    old, new = _words(before), _words(after)
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield FieldChange(field=name, before=old.get(name), after=new.get(name))


def _words(document: Mapping[str, Any]) -> dict[str, str]:
    artifact = artifact_of(document)
    pex = document.get("pex_metadata")
    found = {
        "commit": commit_of(document).hash,
        "built as": str(artifact.build),
        "image": artifact.name if artifact.digest or not pex else None,
        "digest": artifact.digest,
        "PEX files": pex.get("pex_tag") if isinstance(pex, Mapping) else None,
        "Python": pex.get("python_version") if isinstance(pex, Mapping) else None,
        "queue": document.get("agent_queue"),
    }
    rest = {key: value for key, value in document.items() if key not in _SHOWN_ELSEWHERE}
    found |= dict(_flat(rest))
    return {name: _short(value) for name, value in found.items() if value not in (None, "", [], {})}


def _flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, each in value.items():
        name = f"{before}{key}"
        if isinstance(each, Mapping):
            yield from _flat(each, f"{name}.")
        else:
            yield name, each


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"


def with_before(release: Release, locations: Iterable[Location]) -> Release:
    """A release with what is live now as what was before: it is loading, or has failed.

    What was before is recorded only when a release goes live.
    """
    if release.state not in _NEVER_LIVE:
        return release
    now = {location.name: location.source for location in locations}
    before = {part.name: now.get(part.name) for part in release.parts}
    return replace(release, before={**before, **(release.before or {})})
