"""What fires, and the messages about it: a message is stored before it is sent."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, or_, select, update

from dagstead.plane.alert_deliveries import (
    GATHER_SECONDS,
    MOST_ITEMS,
    AlertDelivery,
    DeliveryItem,
    DeliveryState,
    LostDelivery,
    next_try,
)
from dagstead.plane.alert_policies import StoredPolicy
from dagstead.plane.alert_states import FiringAlert, PolicyRound
from dagstead.plane.clock import Clock
from dagstead.plane.organization import Organization
from dagstead.store.database import Database
from dagstead.store.tables import alert_cursors, alert_deliveries, alert_policies, alerts_firing

_MOST_ERROR = 500


@dataclass(frozen=True, slots=True)
class AlertOutbox:
    """Stores what fires, and deliveries."""

    database: Database
    clock: Clock

    def firing(self, _of: Organization, policies: Iterable[int]) -> list[FiringAlert]:
        """What lasts, or has just ended, of these policies; the newest first."""
        statement = (
            select(alerts_firing)
            .where(alerts_firing.c.policy_id.in_(sorted(policies)))
            .order_by(alerts_firing.c.seen_at.desc(), alerts_firing.c.key)
        )
        with self.database.read() as connection:
            return [FiringAlert(**row._mapping) for row in connection.execute(statement)]  # noqa: SLF001

    def cursors(self, deployment: str) -> Mapping[str, int]:
        """How far the events of a deployment were read, by kind of event."""
        statement = select(alert_cursors).where(alert_cursors.c.deployment == deployment)
        with self.database.read() as connection:
            return {row.event: row.position for row in connection.execute(statement)}

    def forget_cursors(self, deployment: str, events: Collection[str]) -> None:
        """Forget how far events of these kinds were read."""
        with self.database.write() as connection:
            connection.execute(
                delete(alert_cursors)
                .where(alert_cursors.c.deployment == deployment)
                .where(alert_cursors.c.event.in_(sorted(events)))
            )

    def note(
        self, deployment: str, rounds: Mapping[int, PolicyRound], cursors: Mapping[str, int]
    ) -> list[str]:
        """Store what a look has found, in one transaction: what was read, and what is to be sent.

        Returns:
            The ids of the messages to send.
        """
        with self.database.write() as connection:
            there = _that_exist(connection, deployment, rounds)
            made = [
                each
                for policy_id, found in rounds.items()
                if policy_id in there
                for each in self._note(connection, policy_id, found)
            ]
            for event, position in cursors.items():
                _set_cursor(connection, deployment, event, position)
        return made

    def add_test(self, policy: StoredPolicy, item: DeliveryItem) -> str:
        """Store a message that tries a policy; returns its id."""
        with self.database.write() as connection:
            return self._insert(connection, policy.id, [item], 1, is_test=True)

    def due(self, _of: Organization, besides: Collection[int], limit: int) -> list[AlertDelivery]:
        """The messages to send now, the oldest of every policy; without those of some policies."""
        waiting = alert_deliveries.alias()
        oldest = (
            select(func.min(waiting.c.created_at))
            .where(waiting.c.policy_id == alert_deliveries.c.policy_id)
            .where(waiting.c.state == str(DeliveryState.WAITING))
            .where(waiting.c.due_at <= self.clock())
            .scalar_subquery()
        )
        statement = (
            _deliveries()
            .where(alert_deliveries.c.state == str(DeliveryState.WAITING))
            .where(alert_deliveries.c.due_at <= self.clock())
            .where(alert_deliveries.c.policy_id.not_in(sorted(besides)))
            .where(alert_deliveries.c.created_at == oldest)
            .order_by(alert_deliveries.c.due_at)
            .limit(limit)
        )
        with self.database.read() as connection:
            return [_delivery(row) for row in connection.execute(statement)]

    def note_sent(self, _of: Organization, delivery_id: str) -> None:
        """A message has arrived."""
        with self.database.write() as connection:
            connection.execute(
                update(alert_deliveries)
                .where(alert_deliveries.c.id == delivery_id)
                .values(
                    state=str(DeliveryState.SENT),
                    sent_at=self.clock(),
                    tries=alert_deliveries.c.tries + 1,
                    error=None,
                )
            )

    def note_failed(self, _of: Organization, delivery: AlertDelivery, error: str) -> bool:
        """A try has failed; returns whether it is tried again.

        What still lasts when its message is given up gets another message.
        """
        due = next_try(delivery, self.clock())
        values: dict[str, Any] = {"tries": delivery.tries + 1, "error": error[:_MOST_ERROR]}
        if due is None:
            values["state"] = str(DeliveryState.GIVEN_UP)
        else:
            values["due_at"] = due
        with self.database.write() as connection:
            connection.execute(
                update(alert_deliveries)
                .where(alert_deliveries.c.id == delivery.id)
                .values(**values)
            )
            if due is None:
                connection.execute(
                    update(alerts_firing)
                    .where(alerts_firing.c.delivery_id == delivery.id)
                    .values(notified_at=None, delivery_id=None)
                )
        return due is not None

    def get(self, _of: Organization, delivery_id: str) -> AlertDelivery | None:
        """One message."""
        with self.database.read() as connection:
            row = connection.execute(
                _deliveries().where(alert_deliveries.c.id == delivery_id)
            ).one_or_none()
        return None if row is None else _delivery(row)

    def newest(
        self,
        _of: Organization,
        policies: Iterable[int],
        limit: int,
        before: tuple[float, str] | None = None,
    ) -> list[AlertDelivery]:
        """Messages of these policies, the newest first.

        Args:
            policies: their numbers.
            limit: the most.
            before: when one was made, and its id: only those after it in this order.
        """
        statement = _deliveries().where(alert_deliveries.c.policy_id.in_(sorted(policies)))
        if before is not None:
            at, last = before
            statement = statement.where(
                or_(
                    alert_deliveries.c.created_at < at,
                    and_(alert_deliveries.c.created_at == at, alert_deliveries.c.id < last),
                )
            )
        order = (alert_deliveries.c.created_at.desc(), alert_deliveries.c.id.desc())
        with self.database.read() as connection:
            rows = connection.execute(statement.order_by(*order).limit(limit)).all()
        return [_delivery(row) for row in rows]

    def lost(self, _of: Organization, names: Iterable[str], after: float) -> list[LostDelivery]:
        """What was given up after a time, once for every policy, unless a later message arrived.

        A test that was given up does not count: whoever tried it has seen that.

        Args:
            names: of deployments.
            after: in seconds since 1970.
        """
        later = alert_deliveries.alias()
        is_over = (
            select(later.c.id)
            .where(later.c.policy_id == alert_deliveries.c.policy_id)
            .where(later.c.state == str(DeliveryState.SENT))
            .where(later.c.sent_at > alert_deliveries.c.due_at)
        )
        statement = (
            select(
                alert_deliveries.c.policy_id,
                alert_deliveries.c.due_at,
                alert_deliveries.c.error,
                alert_policies.c.name,
                alert_policies.c.deployment,
            )
            .join(alert_policies, alert_policies.c.id == alert_deliveries.c.policy_id)
            .where(alert_policies.c.deployment.in_(sorted(names)))
            .where(alert_deliveries.c.state == str(DeliveryState.GIVEN_UP))
            .where(alert_deliveries.c.due_at > after)
            .where(alert_deliveries.c.is_test.is_(False))
            .where(~is_over.exists())
            .order_by(alert_deliveries.c.due_at)
        )
        with self.database.read() as connection:
            newest = {row.policy_id: row for row in connection.execute(statement)}
        return [
            LostDelivery(
                deployment=row.deployment,
                policy_id=row.policy_id,
                policy=row.name,
                at=row.due_at,
                error=row.error or "",
            )
            for row in newest.values()
        ]

    def purge(self, _of: Organization, older_than_seconds: float) -> int:
        """Remove messages that are neither new nor waiting; how many there were."""
        statement = (
            delete(alert_deliveries)
            .where(alert_deliveries.c.state != str(DeliveryState.WAITING))
            .where(alert_deliveries.c.created_at < self.clock() - older_than_seconds)
        )
        with self.database.write() as connection:
            return connection.execute(statement).rowcount

    def _note(self, connection: Connection, policy_id: int, found: PolicyRound) -> list[str]:
        made = []
        delivery_id = None
        if found.send:
            items = [DeliveryItem.of(each) for each in found.send[:MOST_ITEMS]]
            delivery_id = self._gather(connection, policy_id, items, len(found.send))
            made.append(delivery_id)
        if found.muted:
            items = [DeliveryItem.of(each) for each in found.muted[:MOST_ITEMS]]
            self._insert(connection, policy_id, items, len(found.muted), DeliveryState.MUTED)
        sent = {each.key for each in found.send}
        for each in found.changed:
            _put_firing(connection, each, delivery_id if each.key in sent else each.delivery_id)
        if found.over:
            connection.execute(
                delete(alerts_firing)
                .where(alerts_firing.c.policy_id == policy_id)
                .where(alerts_firing.c.key.in_(list(found.over)))
            )
        return made

    def _gather(
        self, connection: Connection, policy_id: int, items: Sequence[DeliveryItem], total: int
    ) -> str:
        """A message of its own, or a part of the one that is about to be sent."""
        last = connection.execute(
            select(alert_deliveries)
            .where(alert_deliveries.c.policy_id == policy_id)
            .where(alert_deliveries.c.is_test.is_(False))
            .where(alert_deliveries.c.state != str(DeliveryState.MUTED))
            .order_by(alert_deliveries.c.created_at.desc())
            .limit(1)
            .with_for_update()
        ).one_or_none()
        now = self.clock()
        # One that is due may be on its way already.
        if (
            last is not None
            and last.state == str(DeliveryState.WAITING)
            and not last.tries
            and last.due_at > now
        ):
            together = [*last.items, *(each.to_json() for each in items)][:MOST_ITEMS]
            connection.execute(
                update(alert_deliveries)
                .where(alert_deliveries.c.id == last.id)
                .values(items=together, total=last.total + total)
            )
            return str(last.id)
        due = now if last is None else max(now, last.created_at + GATHER_SECONDS)
        return self._insert(connection, policy_id, items, total, due_at=due)

    def _insert(  # noqa: PLR0913 - a row
        self,
        connection: Connection,
        policy_id: int,
        items: Sequence[DeliveryItem],
        total: int,
        state: DeliveryState = DeliveryState.WAITING,
        *,
        due_at: float | None = None,
        is_test: bool = False,
    ) -> str:
        now, made = self.clock(), uuid.uuid4().hex
        connection.execute(
            insert(alert_deliveries).values(
                id=made,
                policy_id=policy_id,
                created_at=now,
                due_at=now if due_at is None else due_at,
                state=str(state),
                items=[each.to_json() for each in items],
                total=total,
                tries=0,
                is_test=is_test,
            )
        )
        return made


def _that_exist(connection: Connection, deployment: str, numbers: Iterable[int]) -> set[int]:
    """Those of the policies that nobody has removed since they were read; they stay meanwhile."""
    wanted = alert_policies.c.id.in_(sorted(numbers))
    own = alert_policies.c.deployment == deployment
    statement = select(alert_policies.c.id).where(own).where(wanted)
    return set(connection.scalars(statement.with_for_update(read=True, key_share=True)))


def _put_firing(connection: Connection, alert: FiringAlert, delivery_id: str | None) -> None:
    values = {**asdict(alert), "delivery_id": delivery_id}
    changed = connection.execute(
        update(alerts_firing)
        .where(alerts_firing.c.policy_id == alert.policy_id)
        .where(alerts_firing.c.key == alert.key)
        .values(**values)
    ).rowcount
    if not changed:
        connection.execute(insert(alerts_firing).values(**values))


def _set_cursor(connection: Connection, deployment: str, event: str, position: int) -> None:
    changed = connection.execute(
        update(alert_cursors)
        .where(alert_cursors.c.deployment == deployment)
        .where(alert_cursors.c.event == event)
        .values(position=position)
    ).rowcount
    if not changed:
        connection.execute(
            insert(alert_cursors).values(deployment=deployment, event=event, position=position)
        )


def _deliveries() -> Select[Any]:
    return select(
        alert_deliveries,
        alert_policies.c.name.label("policy"),
        alert_policies.c.deployment.label("deployment"),
    ).join(alert_policies, alert_policies.c.id == alert_deliveries.c.policy_id)


def _delivery(row: Row[Any]) -> AlertDelivery:
    return AlertDelivery(
        id=row.id,
        deployment=row.deployment,
        policy_id=row.policy_id,
        policy=row.policy,
        created_at=row.created_at,
        due_at=row.due_at,
        state=DeliveryState(row.state),
        items=[DeliveryItem.of_json(each) for each in row.items],
        total=row.total,
        tries=row.tries,
        error=row.error,
        sent_at=row.sent_at,
        is_test=row.is_test,
    )
