"""The trail in the database: rows are added behind each other, whichever process adds them.

A row needs the hash of the one before it. So who adds one holds the row of the trail's end, for as
long as two short statements take, in a transaction of its own: no act waits for another one's, and
nobody who holds it waits for anything else. Rows of acts that were refused, and polls, events and
heartbeats, never come here.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, or_, select, update
from sqlalchemy import Row as Stored

from dagstead.plane.clock import Clock
from dagstead.plane.trail import (
    MOST_ROWS,
    PRUNE,
    Entry,
    Head,
    Result,
    Row,
    Sink,
    TrailFilter,
    Who,
    WhoKind,
)
from dagstead.plane.trail_chain import Verification
from dagstead.store.database import Database
from dagstead.store.tables import trail, trail_begun, trail_head, trail_sinks

#: Rows that are read at one time.
_BATCH = 500
_NAME = "trail"
_WHO_SYSTEM = Who(kind=WhoKind.SYSTEM, name="the control plane")


@dataclass(slots=True)
class Trace:
    """An act under way in a thread, whose first change is to leave a trace of it."""

    entry: Entry
    #: Traces of it: more than one only if the transaction of a change was rolled back.
    ids: list[str] = field(default_factory=list)
    is_left: bool = False
    #: Whether it is none of ours, and changes Dagster's own data.
    is_of_surface: bool = False


class TrailStore:
    """Stores the trail."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Watch what is written to the database.

        Args:
            database: of all stores.
            clock: what time it is.
        """
        self.database = database
        self.clock = clock
        self._here = threading.local()
        database.watcher = self

    @contextmanager
    def beginning(self, entry: Entry) -> Iterator[Trace]:
        """Have the first change within the block leave a trace of the act, in its transaction.

        If this process ends before it can say how the act went, the trace says that it was begun.

        Args:
            entry: what is known of it now.
        """
        outer = getattr(self._here, "act", None)
        act = Trace(entry=entry)
        self._here.act = act
        try:
            yield act
        finally:
            self._here.act = outer

    def begin(self, entry: Entry) -> Trace:
        """Leave such a trace at once: what the act changes is not in this database."""
        act = Trace(entry=entry, is_of_surface=True)
        with self._alone(), self.database.write() as connection:
            self._leave(connection, act)
        return act

    def drop(self, begun: Trace) -> None:
        """Remove the trace of an act that has ended."""
        if begun.ids:
            with self._alone(), self.database.write() as connection:
                connection.execute(delete(trail_begun).where(trail_begun.c.id.in_(begun.ids)))

    def in_write(self, connection: Connection) -> None:
        """Called by the database in each transaction that changes something."""
        act: Trace | None = getattr(self._here, "act", None)
        if act is not None and not act.is_left:
            self._leave(connection, act)

    def written(self) -> None:
        """Called by the database after each of them."""
        act: Trace | None = getattr(self._here, "act", None)
        if act is not None and act.ids:
            act.is_left = True

    def append(self, entry: Entry, begun: Trace | None = None) -> Row:
        """Add a row at the end, in the place of the trace that the act has left."""
        with self._alone(), self.database.write() as connection:
            if begun is not None and begun.ids:
                connection.execute(delete(trail_begun).where(trail_begun.c.id.in_(begun.ids)))
            return self._append(connection, entry)

    def settle(self, older_than_seconds: float) -> list[Row]:
        """Add a row for each act whose process ended before it could say how it went."""
        before = self.clock() - older_than_seconds
        added: list[Row] = []
        with self._alone(), self.database.write() as connection:
            left = connection.execute(
                select(trail_begun).where(trail_begun.c.at < before).order_by(trail_begun.c.at)
            ).all()
            for each in left:
                gone = connection.execute(delete(trail_begun).where(trail_begun.c.id == each.id))
                if gone.rowcount:
                    added.append(self._append(connection, _unknown(each)))
        return added

    def find(self, wanted: TrailFilter) -> list[Row]:
        """Rows, the newest first."""
        statement = _filtered(select(trail), wanted).order_by(trail.c.seq.desc())
        limit = max(0, min(wanted.limit, MOST_ROWS))
        with self.database.read() as connection:
            return [_row(each) for each in connection.execute(statement.limit(limit))]

    def after(self, seq: int, limit: int) -> list[Row]:
        """The rows behind one, the oldest first."""
        statement = select(trail).where(trail.c.seq > seq).order_by(trail.c.seq).limit(limit)
        with self.database.read() as connection:
            return [_row(each) for each in connection.execute(statement)]

    def head(self) -> Head:
        """The end of the chain."""
        with self.database.read() as connection:
            return _head(connection)

    def verify(self, noted: Head | None = None) -> tuple[Verification, Head]:
        """Follow the whole chain. Rows that are added or removed meanwhile are no faults.

        Args:
            noted: the end of the chain, as somebody noted it earlier.
        """
        while True:
            head = self.head()
            check = Verification(noted=noted)
            seq = 0
            while rows := self._stored_after(seq, head.seq):
                for each in rows:
                    check.take(_row(each), _columns(each))
                seq = rows[-1].seq
            first = self._first()
            if first == check.first:
                check.end(head)
                return check, head

    def prune(self, older_than_seconds: float, at_most: int | None = None) -> int:
        """Remove the oldest rows, and add one that says so; returns how many.

        Args:
            older_than_seconds: their age.
            at_most: the number of the last row that may go: a sink does not have the next yet.
        """
        cutoff = self.clock() - older_than_seconds
        with self._alone(), self.database.write() as connection:
            head = _hold(connection)
            kept = connection.execute(
                select(func.min(trail.c.seq)).where(trail.c.at >= cutoff)
            ).scalar_one()
            through = (head.seq + 1 if kept is None else kept) - 1
            through = min(through, head.seq if at_most is None else at_most)
            last = connection.execute(select(trail).where(trail.c.seq == through)).one_or_none()
            if last is None or _is_only_of_pruning(connection, through):
                return 0
            gone = connection.execute(delete(trail).where(trail.c.seq <= through)).rowcount
            after = {"through": through, "hash": last.hash, "rows": gone}
            entry = Entry(who=_WHO_SYSTEM, act=PRUNE, result=Result.DONE, after=after)
            self._append(connection, entry)
            return gone

    def sinks(self) -> list[Sink]:
        """Where the trail is sent, and how far it has come there."""
        with self.database.read() as connection:
            head = _head(connection)
            oldest = select(trail.c.at).where(trail.c.seq > trail_sinks.c.position)
            next_at = oldest.order_by(trail.c.seq).limit(1).scalar_subquery().label("waits_since")
            rows = connection.execute(
                select(trail_sinks, next_at).order_by(trail_sinks.c.name)
            ).all()
        return [
            Sink(
                name=each.name,
                position=each.position,
                waiting=max(0, head.seq - each.position),
                waits_since=each.waits_since,
                sent_at=each.sent_at,
                failing_since=each.failing_since,
                fault=each.fault,
            )
            for each in rows
        ]

    def keep_sinks(self, names: frozenset[str]) -> None:
        """Remember the positions of these, and of no others. A new one gets all that is kept."""
        known = {each.name for each in self.sinks()}
        if known == names:
            return
        first = self._first()
        with self.database.write() as connection:
            connection.execute(delete(trail_sinks).where(trail_sinks.c.name.not_in(names)))
            for name in sorted(names - known):
                position = _head(connection).seq if first is None else first - 1
                connection.execute(insert(trail_sinks).values(name=name, position=position))

    def note_sent(self, name: str, position: int) -> None:
        """Record that rows have arrived."""
        self._note(name, position=position, sent_at=self.clock(), failing_since=None, fault=None)

    def note_failing(self, name: str, fault: str) -> None:
        """Record that rows do not arrive; when that began is kept."""
        since = func.coalesce(trail_sinks.c.failing_since, self.clock())
        self._note(name, failing_since=since, fault=fault)

    def _note(self, name: str, **values: Any) -> None:
        with self.database.write() as connection:
            connection.execute(
                update(trail_sinks).where(trail_sinks.c.name == name).values(**values)
            )

    def _append(self, connection: Connection, entry: Entry) -> Row:
        head = _hold(connection)
        row = Row.after(head.hash, head.seq + 1, self.clock(), entry)
        connection.execute(
            insert(trail).values(
                seq=row.seq, at=row.at, body=row.body, hash=row.hash, **row.columns
            )
        )
        connection.execute(
            update(trail_head).where(trail_head.c.name == _NAME).values(seq=row.seq, hash=row.hash)
        )
        return row

    def _leave(self, connection: Connection, act: Trace) -> None:
        act.ids.append(uuid.uuid4().hex)
        connection.execute(
            insert(trail_begun).values(id=act.ids[-1], at=self.clock(), entry=_as_json(act.entry))
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Not as a change of the act that is recorded."""
        outer = getattr(self._here, "act", None)
        self._here.act = None
        try:
            yield
        finally:
            self._here.act = outer

    def _stored_after(self, seq: int, last: int) -> list[Stored[Any]]:
        statement = select(trail).where(trail.c.seq > seq).where(trail.c.seq <= last)
        with self.database.read() as connection:
            return list(connection.execute(statement.order_by(trail.c.seq).limit(_BATCH)))

    def _first(self) -> int | None:
        with self.database.read() as connection:
            found: int | None = connection.execute(select(func.min(trail.c.seq))).scalar_one()
            return found


def _filtered(statement: Select[Any], wanted: TrailFilter) -> Select[Any]:
    if wanted.who is not None:
        named = trail.c.who.icontains(wanted.who, autoescape=True)
        number = int(wanted.who) if wanted.who.isdecimal() and len(wanted.who) < 10 else None  # noqa: PLR2004 - digits
        statement = statement.where(
            named if number is None else or_(named, trail.c.token_id == number)
        )
    if wanted.act is not None:
        statement = statement.where(trail.c.act.startswith(wanted.act, autoescape=True))
    if wanted.on is not None:
        statement = statement.where(
            or_(
                trail.c.place == wanted.on,
                trail.c.object.icontains(wanted.on, autoescape=True),
            )
        )
    for column, value in ((trail.c.result, wanted.result and str(wanted.result)),):
        statement = statement if value is None else statement.where(column == value)
    if wanted.since is not None:
        statement = statement.where(trail.c.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(trail.c.at < wanted.until)
    return statement if wanted.below is None else statement.where(trail.c.seq < wanted.below)


def _hold(connection: Connection) -> Head:
    """The end of the chain, which nobody else moves until the end of the transaction."""
    # On SQLite, whoever writes is alone.
    return _head(connection, hold=True)


def _head(connection: Connection, *, hold: bool = False) -> Head:
    statement = select(trail_head).where(trail_head.c.name == _NAME)
    found = connection.execute(statement.with_for_update() if hold else statement).one()
    return Head(seq=found.seq, hash=found.hash)


def _is_only_of_pruning(connection: Connection, through: int) -> bool:
    """Whether nothing would go but what an earlier removal has added."""
    others = select(func.count()).where(trail.c.seq <= through).where(trail.c.act != PRUNE)
    return not connection.execute(others).scalar_one()


def _row(stored: Stored[Any]) -> Row:
    return Row(seq=stored.seq, at=stored.at, body=stored.body, hash=stored.hash)


def _columns(stored: Stored[Any]) -> Mapping[str, Any]:
    named = ("who_kind", "who", "token_id", "act", "place", "object", "result")
    return {name: getattr(stored, name) for name in named}


def _as_json(entry: Entry) -> Mapping[str, Any]:
    who = entry.who
    return {
        "who": {**asdict(who), "kind": str(who.kind)},
        "act": entry.act,
        "deployment": entry.deployment,
        "object": entry.object,
    }


def _unknown(left: Stored[Any]) -> Entry:
    said = left.entry
    who = said["who"]
    return Entry(
        who=Who(**{**who, "kind": WhoKind(who["kind"])}),
        act=said["act"],
        result=Result.UNKNOWN,
        deployment=said["deployment"],
        object=said["object"],
        reason="It began to change something, and its process ended.",
        since=left.at,
    )
