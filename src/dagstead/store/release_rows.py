"""Rows of releases and their parts, read and written one at a time, inside a transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, null, select, update

from dagstead.plane.locations import NewLocation
from dagstead.plane.releases import (
    Cause,
    NewRelease,
    Part,
    PartState,
    Phase,
    Release,
    ReleaseState,
)
from dagstead.store.tables import release_parts, releases

#: Parts of which the outcome is open.
OPEN_PARTS = (str(PartState.LOADING), str(PartState.LOADED))


def insert_release(
    connection: Connection, deployment: str, new: NewRelease, now: float, removes: Iterable[str]
) -> int:
    """Write a release without parts; its number."""
    last = connection.execute(
        select(func.max(releases.c.number)).where(releases.c.deployment == deployment)
    ).scalar_one()
    number = (last or 0) + 1
    connection.execute(
        insert(releases).values(
            deployment=deployment,
            number=number,
            state=str(ReleaseState.LOADING),
            atomic=new.atomic,
            cause=str(new.cause),
            back_to=new.back_to,
            commit_hash=new.commit_hash,
            url=new.url,
            by=new.by,
            removes=sorted(removes),
            reason=new.warning,
            created_at=now,
        )
    )
    return number


def insert_part(
    connection: Connection, deployment: str, number: int, new: NewLocation, *, doubtful: bool
) -> None:
    """Write a location that is to be loaded."""
    connection.execute(
        insert(release_parts).values(
            deployment=deployment,
            number=number,
            name=new.name,
            queue=new.queue if new.queue is not None else null(),
            document=dict(new.document),
            deploy_data=new.deploy_data,
            deploy_id=new.deploy_id,
            state=str(PartState.LOADING),
            phase=str(Phase.QUEUED),
            doubtful=doubtful,
        )
    )


def copy_part(connection: Connection, part: Row[Any], number: int) -> None:
    """Write a part of another release as one of this."""
    values = {**part._mapping, "number": number}  # noqa: SLF001 - SQLAlchemy's documented name
    connection.execute(insert(release_parts).values(values))


def update_parts(
    connection: Connection, deployment: str, number: int, names: Collection[str], **values: Any
) -> None:
    """Change some parts of a release."""
    connection.execute(
        update(release_parts)
        .where(release_parts.c.deployment == deployment)
        .where(release_parts.c.number == number)
        .where(release_parts.c.name.in_(names))
        .values(values)
    )


def part_rows(connection: Connection, deployment: str, number: int) -> Sequence[Row[Any]]:
    """The parts of a release, by name."""
    return connection.execute(
        select(release_parts)
        .where(release_parts.c.deployment == deployment)
        .where(release_parts.c.number == number)
        .order_by(release_parts.c.name)
    ).all()


def release_row(connection: Connection, deployment: str, number: int) -> Row[Any] | None:
    """A release without its parts."""
    return connection.execute(
        select(releases)
        .where(releases.c.deployment == deployment)
        .where(releases.c.number == number)
    ).one_or_none()


def end_release(
    connection: Connection,
    deployment: str,
    number: int,
    state: ReleaseState,
    *,
    reason: str | None,
    now: float,
) -> None:
    """Note how a release ended."""
    connection.execute(
        update(releases)
        .where(releases.c.deployment == deployment)
        .where(releases.c.number == number)
        .values(state=str(state), reason=reason, ended_at=now)
    )


def as_release(row: Row[Any], parts: Iterable[Row[Any]]) -> Release:
    """The value of a release and its parts."""
    return Release(
        deployment=row.deployment,
        number=row.number,
        state=ReleaseState(row.state),
        atomic=row.atomic,
        cause=Cause(row.cause),
        back_to=row.back_to,
        commit_hash=row.commit_hash,
        url=row.url,
        by=row.by,
        removes=tuple(row.removes),
        reason=row.reason,
        created_at=row.created_at,
        ended_at=row.ended_at,
        parts=tuple(map(_as_part, parts)),
    )


def _as_part(row: Row[Any]) -> Part:
    return Part(
        name=row.name,
        queue=row.queue,
        deploy_id=row.deploy_id,
        state=PartState(row.state),
        phase=Phase(row.phase),
        error=row.error,
        document=row.document,
    )
