"""One change of a deployment's releases and locations, as one transaction.

It first raises the workspace version (:func:`dagstead.store.locations.next_version`), which makes
it the only one at a time, on both databases: it may read, decide and write.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, null, select, update

from dagstead.plane.locations import LoadState, NewLocation
from dagstead.plane.releases import Before, NewRelease, PartState, ReleaseState, went_back
from dagstead.store.locations import next_timestamp, next_version
from dagstead.store.release_rows import (
    OPEN_PARTS,
    copy_part,
    end_release,
    insert_part,
    insert_release,
    part_rows,
    release_row,
    update_parts,
)
from dagstead.store.tables import locations, release_parts, releases


@dataclass(slots=True)
class Change:
    """One transaction on the releases and locations of a deployment."""

    connection: Connection
    deployment: str
    now: float
    #: Those whose agents have to look at the workspace again.
    queues: set[str | None] = field(default_factory=set)
    version: int = field(init=False)

    def __post_init__(self) -> None:
        self.version = next_version(self.connection, self.deployment)

    def location(self, name: str, deploy_id: str | None = None) -> Row[Any] | None:
        """A location's row, if it is of that deploy."""
        query = select(locations).where(self._named([name]))
        if deploy_id is not None:
            query = query.where(locations.c.deploy_id == deploy_id)
        return self.connection.execute(query).one_or_none()

    def update(self, name: str, **values: Any) -> None:
        """Change a location's row."""
        self.connection.execute(
            update(locations)
            .where(self._named([name]))
            .values(updated_at=self.now, version=self.version, **values)
        )

    def names(self) -> list[str]:
        """The names of all locations."""
        mine = locations.c.deployment == self.deployment
        query = select(locations.c.name).where(mine).order_by(locations.c.name)
        return list(self.connection.execute(query).scalars())

    def begin(self, new: NewRelease) -> int:
        """Write a release for agents to load; its number."""
        names = {each.name for each in new.locations}
        overlapping = self._overlapping(names | set(new.removes))
        removes = (set(new.removes) | {each for row in overlapping for each in row.removes}) - names
        number = insert_release(self.connection, self.deployment, new, self.now, removes)
        for row in overlapping:
            self._supersede(row.number, number, names, set(new.removes))
        for each in new.locations:
            self._put(each, number)
        return number

    def loaded(self, row: Row[Any], manifest: str) -> None:
        """Keep the definitions of a part until all are there."""
        self.update(row.name, state=str(LoadState.LOADED))
        self._parts(row.open_release, [row.name], state=str(PartState.LOADED), manifest=manifest)

    def reloaded(self, row: Row[Any], manifest: str) -> None:
        """Take in definitions that no open release waits for.

        They are of what is live, loaded anew; or of a release that failed. The latter go live only
        where nothing else is, and it was this location that had failed: it has recovered.
        """
        failed = row.state == LoadState.FAILED
        recovered = row.live is None and failed
        values: dict[str, Any] = {"state": str(LoadState.LOADED)}
        if failed:
            # It was of the same code. While that returns, it is of the release that failed.
            values["error"] = null()
        if recovered or row.notice is None:
            values |= {"error": null(), "notice": null()}
        if recovered or row.live is not None or row.notice is None:
            values |= {"manifest": manifest, "manifest_deploy_id": row.deploy_id}
            values["live"] = _live_of(row)
        self.update(row.name, **values)

    def clear_doubt(self, row: Row[Any]) -> bool:
        """Whether an error may be of the deploy before, the first time that is asked."""
        doubted = self.connection.execute(
            update(release_parts)
            .where(release_parts.c.deployment == self.deployment)
            .where(release_parts.c.number == row.open_release)
            .where(release_parts.c.name == row.name)
            .where(release_parts.c.doubtful.is_(True))
            .values(doubtful=False)
        )
        return bool(doubted.rowcount)

    def failed(self, row: Row[Any], error: str) -> None:
        """Return a release to what is live, or one location of it when it is not atomic."""
        number = row.open_release
        self._parts(number, [row.name], state=str(PartState.FAILED), error=error)
        release = release_row(self.connection, self.deployment, number)
        atomic = release is not None and release.atomic
        self.back(number, failed=[row.name], only=None if atomic else row.name)

    def remove(self, row: Row[Any]) -> None:
        """Remove a location."""
        self.queues.add(row.queue)
        if row.open_release is not None:
            self._parts(row.open_release, [row.name], state=str(PartState.SUPERSEDED))
        self.connection.execute(delete(locations).where(self._named([row.name])))

    def back(self, number: int, *, failed: Sequence[str], only: str | None = None) -> None:
        """Return the locations of a release to what is live, all or one."""
        for part in part_rows(self.connection, self.deployment, number):
            row = self.location(part.name)
            chosen = only is None or part.name == only
            if not chosen or row is None or row.open_release != number:
                continue
            if part.state in OPEN_PARTS:
                self._parts(number, [part.name], state=str(PartState.BACK), manifest=null())
            self._return(row, part, failed)

    def finish(self, number: int, *, reason: str | None = None) -> None:
        """Let go live what may, and end the release when nothing of it is open."""
        release = release_row(self.connection, self.deployment, number)
        if release is None:
            return
        parts = part_rows(self.connection, self.deployment, number)
        if not release.atomic or all(each.state != PartState.LOADING for each in parts):
            for part in parts:
                if part.state == PartState.LOADED:
                    self._go_live(part)
            parts = part_rows(self.connection, self.deployment, number)
        states = {PartState(each.state) for each in parts}
        if states & {PartState.LOADING, PartState.LOADED}:
            return
        state = _outcome(states)
        if state is not ReleaseState.FAILED:
            self._remove(release.removes, number)
        failed = [each.name for each in parts if each.state == PartState.FAILED]
        why = reason or (f"{', '.join(map(repr, failed))} did not load." if failed else None)
        end_release(self.connection, self.deployment, number, state, reason=why, now=self.now)

    def _named(self, names: Collection[str]) -> Any:
        return (locations.c.deployment == self.deployment) & locations.c.name.in_(names)

    def _parts(self, number: int, names: Collection[str], **values: Any) -> None:
        update_parts(self.connection, self.deployment, number, names, **values)

    def _overlapping(self, names: set[str]) -> list[Row[Any]]:
        rows = self.connection.execute(
            select(releases)
            .where(releases.c.deployment == self.deployment)
            .where(releases.c.state == str(ReleaseState.LOADING))
        ).all()
        return [row for row in rows if names & {part.name for part in self._open_parts(row.number)}]

    def _open_parts(self, number: int) -> list[Row[Any]]:
        rows = part_rows(self.connection, self.deployment, number)
        return [row for row in rows if row.state in OPEN_PARTS]

    def _supersede(self, old: int, new: int, replaced: set[str], removed: set[str]) -> None:
        for part in self._open_parts(old):
            if part.name in removed:
                self.back(old, failed=(), only=part.name)
            elif part.name not in replaced:
                copy_part(self.connection, part, new)
                self.update(part.name, open_release=new)
            self._parts(old, [part.name], state=str(PartState.SUPERSEDED), manifest=null())
        end_release(
            self.connection,
            self.deployment,
            old,
            ReleaseState.SUPERSEDED,
            reason=f"Release {new} began before it had loaded.",
            now=self.now,
        )

    def _put(self, new: NewLocation, number: int) -> None:
        row = self.location(new.name)
        under_way = row is not None and row.state == LoadState.LOADING
        insert_part(self.connection, self.deployment, number, new, doubtful=under_way)
        values: dict[str, Any] = {
            "document": dict(new.document),
            "deploy_data": new.deploy_data,
            "deploy_id": new.deploy_id,
            "queue": new.queue if new.queue is not None else null(),
            "state": str(LoadState.LOADING),
            "open_release": number,
            "error": null(),
            "notice": null(),
        }
        self.queues.add(new.queue)
        if row is not None:
            # The agent of a queue that loses a location must hear of it: it stops the code server.
            self.queues.add(row.queue)
            self.update(new.name, timestamp=next_timestamp(self.now), **values)
            return
        self.connection.execute(
            insert(locations).values(
                deployment=self.deployment,
                name=new.name,
                timestamp=math.ceil(self.now),
                updated_at=self.now,
                version=self.version,
                **values,
            )
        )

    def _go_live(self, part: Row[Any]) -> None:
        self._parts(part.number, [part.name], state=str(PartState.LIVE), manifest=null())
        self.update(
            part.name,
            manifest=part.manifest,
            manifest_deploy_id=part.deploy_id,
            live=_live_of(part),
            release=part.number,
            open_release=null(),
            error=null(),
            notice=null(),
        )

    def _return(self, row: Row[Any], part: Row[Any], failed: Sequence[str]) -> None:
        before = None if row.live is None else Before(release=row.release)
        values: dict[str, Any] = {
            "open_release": null(),
            "error": part.error if part.name in failed else null(),
            "notice": went_back(part.number, failed, part.name, before),
        }
        self.queues.add(row.queue)
        if row.live is not None:
            self.queues.add(row.live["queue"])
            values |= {**row.live, "state": str(LoadState.LOADING)}
            values["queue"] = row.live["queue"] if row.live["queue"] is not None else null()
            values["timestamp"] = next_timestamp(self.now)
        elif part.name in failed:
            values["state"] = str(LoadState.FAILED)
        self.update(part.name, **values)

    def _remove(self, names: Collection[str], number: int) -> None:
        """Remove locations that the release ends, unless they were deployed again since."""
        gone = (
            self._named(names)
            & locations.c.open_release.is_(None)
            & (locations.c.release.is_(None) | (locations.c.release < number))
        )
        for row in self.connection.execute(select(locations.c.queue).where(gone)).all():
            self.queues.add(row.queue)
        self.connection.execute(delete(locations).where(gone))


def _live_of(row: Row[Any]) -> dict[str, Any]:
    return {
        "document": row.document,
        "deploy_data": row.deploy_data,
        "deploy_id": row.deploy_id,
        "queue": row.queue,
    }


def _outcome(states: set[PartState]) -> ReleaseState:
    if states <= {PartState.LIVE, PartState.SUPERSEDED}:
        return ReleaseState.LIVE
    return ReleaseState.PARTIAL if PartState.LIVE in states else ReleaseState.FAILED
