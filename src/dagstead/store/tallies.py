"""Tallies in the database: what all processes have counted, under a bounded number of labels."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from dagstead.errors import StoreAwayError
from dagstead.plane.clock import Clock
from dagstead.plane.labels import MOST_LABELS, OTHERS, deployment_label, queue_label
from dagstead.plane.organization import Organization
from dagstead.plane.tallies import Series, Tally, TallyKind
from dagstead.store.database import Database
from dagstead.store.tables import deployments, tallies

logger = logging.getLogger(__name__)

#: When there are too many labels, those are given up that nothing was counted for in this time.
_FORGOTTEN_SECONDS = 30 * 86400.0

_Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class TallyStore:
    """Adds up what processes count. Their counts change nothing until they are written down."""

    database: Database
    clock: Clock
    #: Of this process.
    tally: Tally = field(default_factory=Tally)

    def write_down(self, _of: Organization) -> bool:
        """Add what this process has counted; returns whether the database took it now.

        If not, it is kept for the next time.
        """
        counted = self.tally.take()
        if not counted:
            return True
        try:
            with self.database.write(waits=False) as connection:
                self._add(connection, counted)
        except StoreAwayError as error:
            self.tally.give_back(counted)
            logger.debug("Could not write down what was counted: %s", error.reason)
            return False
        except BaseException:
            self.tally.give_back(counted)
            raise
        return True

    def all(self, _of: Organization) -> Mapping[_Row, float]:
        """Everything that was written down, by what it is, its label, and its detail."""
        with self.database.read() as connection:
            return read_tallies(connection)

    def _add(self, connection: Connection, counted: Mapping[Series, float]) -> None:
        now = self.clock()
        rows = self._rows(connection, counted, now)
        insert = sqlite.insert if self.database.is_sqlite else postgresql.insert
        # In one order in every process: two of them must not wait for each other.
        for (what, place, detail), number in sorted(rows.items()):
            statement = insert(tallies).values(
                what=what, place=place, detail=detail, number=number, changed_at=now
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["what", "place", "detail"],
                    set_={
                        "number": tallies.c.number + statement.excluded.number,
                        "changed_at": statement.excluded.changed_at,
                    },
                )
            )

    def _rows(
        self, connection: Connection, counted: Mapping[Series, float], now: float
    ) -> dict[_Row, float]:
        branches = _branches(connection, counted)
        known = _Places(connection, now)
        rows: dict[_Row, float] = {}
        for series, number in counted.items():
            place = series.place
            if series.what.is_by_queue or place is None:
                label = queue_label(place)
            else:
                # One that was deleted meanwhile is none of the full ones.
                label = deployment_label(place, is_branch=branches.get(place, True))
            row = (str(series.what), known.kept(series.what, label), series.detail)
            rows[row] = rows.get(row, 0.0) + number
        return rows


@dataclass(frozen=True, slots=True)
class _Places:
    """The labels that have rows; more than so many get none of their own."""

    connection: Connection
    now: float
    _known: dict[str, set[str]] = field(default_factory=dict)

    def kept(self, what: TallyKind, label: str) -> str:
        """The label to count something under."""
        known = self._known.get(str(what))
        if known is None:
            known = self._known[str(what)] = self._of(what)
        if label not in known and len(known) >= MOST_LABELS:
            known -= self._forgotten(what)
        if label not in known and len(known) >= MOST_LABELS:
            return OTHERS
        known.add(label)
        return label

    def _of(self, what: TallyKind) -> set[str]:
        found = select(tallies.c.place).where(tallies.c.what == str(what)).distinct()
        return set(self.connection.execute(found).scalars()) - {OTHERS}

    def _forgotten(self, what: TallyKind) -> set[str]:
        """The labels that were given up just now, so that others may have rows."""
        newest = (
            select(tallies.c.place)
            .where(tallies.c.what == str(what))
            .group_by(tallies.c.place)
            .having(func.max(tallies.c.changed_at) < self.now - _FORGOTTEN_SECONDS)
        )
        old = set(self.connection.execute(newest).scalars())
        if old:
            self.connection.execute(
                delete(tallies).where(tallies.c.what == str(what), tallies.c.place.in_(old))
            )
        return old


def read_tallies(connection: Connection) -> dict[_Row, float]:
    """All rows, as a part of what somebody reads."""
    rows = connection.execute(
        select(tallies.c.what, tallies.c.place, tallies.c.detail, tallies.c.number)
    )
    return {(row.what, row.place, row.detail): row.number for row in rows}


def _branches(connection: Connection, counted: Collection[Series]) -> Mapping[str, bool]:
    """Whether deployments are branch deployments, by name."""
    if all(series.what.is_by_queue for series in counted):
        return {}
    rows = connection.execute(select(deployments.c.name, deployments.c.kind))
    return {row.name: row.kind == "branch" for row in rows}
