"""Converts rows of releases, their parts and locations to values of the plane, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from dagstead.plane.healing import Healing, RefusedCall
from dagstead.plane.locations import Deploy, LoadState, Location
from dagstead.plane.release_lines import ReleaseLine
from dagstead.plane.releases import (
    Cause,
    Part,
    PartState,
    Phase,
    Release,
    ReleaseState,
    Source,
)


def as_location(row: Row[Any]) -> Location:
    """A location from its row."""
    return Location(
        deployment=row.deployment,
        name=row.name,
        document=row.document,
        deploy_data=row.deploy_data,
        deploy_id=row.deploy_id,
        queue=row.queue,
        state=LoadState(row.state),
        timestamp=row.timestamp,
        manifest=row.manifest,
        manifest_deploy_id=row.manifest_deploy_id,
        live=None if row.live is None else Deploy(**row.live),
        release=row.release,
        open_release=row.open_release,
        error=row.error,
        notice=row.notice,
        updated_at=row.updated_at,
        version=row.version,
        healing=None if row.healing is None else Healing(**row.healing),
        refused=None if row.refused is None else RefusedCall(**row.refused),
    )


def location_values(location: Location) -> dict[str, Any]:
    """A location's columns."""
    return {
        "deployment": location.deployment,
        "name": location.name,
        "document": dict(location.document),
        "deploy_data": location.deploy_data,
        "deploy_id": location.deploy_id,
        "queue": location.queue,
        "state": str(location.state),
        "timestamp": location.timestamp,
        "manifest": location.manifest,
        "manifest_deploy_id": location.manifest_deploy_id,
        "live": None if location.live is None else _deploy_values(location.live),
        "release": location.release,
        "open_release": location.open_release,
        "error": location.error,
        "notice": location.notice,
        "updated_at": location.updated_at,
        "version": location.version,
        "healing": None if location.healing is None else asdict(location.healing),
        "refused": None if location.refused is None else asdict(location.refused),
    }


def as_release(row: Row[Any], parts: Iterable[Row[Any]]) -> Release:
    """A release from its row and those of its parts."""
    return Release(
        deployment=row.deployment,
        number=row.number,
        state=ReleaseState(row.state),
        atomic=row.atomic,
        cause=Cause(row.cause),
        undoes=row.undoes,
        back_to=row.back_to,
        commit_hash=row.commit_hash,
        url=row.url,
        by=row.by,
        removes=tuple(row.removes),
        reason=row.reason,
        created_at=row.created_at,
        ended_at=row.ended_at,
        parts=tuple(map(_as_part, parts)),
        live=None if row.live is None else _as_live(row.live),
        before=None if row.before is None else _as_before(row.before),
    )


def as_releases(rows: Iterable[Row[Any]], parts: Iterable[Row[Any]]) -> list[Release]:
    """Releases from their rows and those of all their parts, which are by name."""
    parts_of: dict[tuple[str, int], list[Row[Any]]] = defaultdict(list)
    for part in parts:
        parts_of[part.deployment, part.number].append(part)
    return [as_release(row, parts_of[row.deployment, row.number]) for row in rows]


def as_lines(rows: Iterable[Row[Any]], states: Iterable[Any]) -> list[ReleaseLine]:
    """Releases for a list, from their rows and the states of all their parts, by name."""
    states_of: dict[tuple[str, int], dict[str, PartState]] = defaultdict(dict)
    for part in states:
        states_of[part.deployment, part.number][part.name] = PartState(part.state)
    return [
        ReleaseLine(
            deployment=row.deployment,
            number=row.number,
            state=ReleaseState(row.state),
            cause=Cause(row.cause),
            undoes=row.undoes,
            back_to=row.back_to,
            commit_hash=row.commit_hash,
            url=row.url,
            by=row.by,
            reason=row.reason,
            created_at=row.created_at,
            ended_at=row.ended_at,
            removes=tuple(row.removes),
            parts=states_of[row.deployment, row.number],
        )
        for row in rows
    ]


def release_values(release: Release) -> dict[str, Any]:
    """A release's own columns."""
    return {
        "deployment": release.deployment,
        "number": release.number,
        "state": str(release.state),
        "atomic": release.atomic,
        "cause": str(release.cause),
        "undoes": release.undoes,
        "back_to": release.back_to,
        "commit_hash": release.commit_hash,
        "url": release.url,
        "by": release.by,
        "removes": list(release.removes),
        "reason": release.reason,
        "created_at": release.created_at,
        "ended_at": release.ended_at,
        "live": None if release.live is None else _live_values(release.live),
        "before": None if release.before is None else _live_values(release.before),
    }


def part_values(release: Release, part: Part) -> dict[str, Any]:
    """The columns of a part of a release."""
    return {
        "deployment": release.deployment,
        "number": release.number,
        "name": part.name,
        "queue": part.queue,
        "document": dict(part.document),
        "deploy_data": part.deploy_data,
        "deploy_id": part.deploy_id,
        "state": str(part.state),
        "phase": str(part.phase),
        "doubtful": part.doubtful,
        "error": part.error,
        "manifest": part.manifest,
    }


def _as_part(row: Row[Any]) -> Part:
    return Part(
        name=row.name,
        queue=row.queue,
        document=row.document,
        deploy_data=row.deploy_data,
        deploy_id=row.deploy_id,
        state=PartState(row.state),
        phase=Phase(row.phase),
        doubtful=row.doubtful,
        error=row.error,
        manifest=row.manifest,
    )


def _deploy_values(deploy: Deploy) -> dict[str, Any]:
    return {
        "document": dict(deploy.document),
        "deploy_data": deploy.deploy_data,
        "deploy_id": deploy.deploy_id,
        "queue": deploy.queue,
    }


def _as_live(values: Mapping[str, Any]) -> dict[str, Source]:
    return {name: _as_source(value) for name, value in values.items()}


def _as_before(values: Mapping[str, Any]) -> dict[str, Source | None]:
    return {name: None if value is None else _as_source(value) for name, value in values.items()}


def _as_source(value: Any) -> Source:
    return value if isinstance(value, int) else Deploy(**value)


def _live_values(live: Mapping[str, Source | None]) -> dict[str, Any]:
    return {
        name: _deploy_values(source) if isinstance(source, Deploy) else source
        for name, source in live.items()
    }
