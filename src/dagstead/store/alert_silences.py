"""Silences of alerts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from dagstead.errors import NotFoundError
from dagstead.plane.alert_states import Silence
from dagstead.plane.clock import Clock
from dagstead.plane.organization import Organization
from dagstead.store.database import Database
from dagstead.store.tables import alert_silences


@dataclass(frozen=True, slots=True)
class AlertSilenceStore:
    """Stores them; one that is over is removed when the next one is added."""

    database: Database
    clock: Clock

    def all(self, _of: Organization, deployments: Iterable[str]) -> list[Silence]:
        """Those of these deployments that hold, the one that ends first at the beginning."""
        statement = (
            select(alert_silences)
            .where(alert_silences.c.deployment.in_(sorted(deployments)))
            .where(alert_silences.c.until > self.clock())
            .order_by(alert_silences.c.until, alert_silences.c.id)
        )
        with self.database.read() as connection:
            return [Silence(**row._mapping) for row in connection.execute(statement)]  # noqa: SLF001

    def add(
        self, deployment: str, policy_id: int | None, until: float, note: str | None, by: str
    ) -> Silence:
        """Begin one.

        Raises:
            NotFoundError: when the deployment or the policy was removed meanwhile.
        """
        now = self.clock()
        try:
            with self.database.write() as connection:
                connection.execute(
                    delete(alert_silences)
                    .where(alert_silences.c.deployment == deployment)
                    .where(alert_silences.c.until <= now)
                )
                made = connection.execute(
                    insert(alert_silences)
                    .values(
                        deployment=deployment,
                        policy_id=policy_id,
                        until=until,
                        note=note,
                        by=by,
                        created_at=now,
                    )
                    .returning(alert_silences.c.id)
                ).scalar_one()
        except IntegrityError as error:
            raise NotFoundError("What is to be silenced was removed meanwhile.") from error
        return Silence(
            id=made,
            deployment=deployment,
            policy_id=policy_id,
            until=until,
            by=by,
            created_at=now,
            note=note,
        )

    def remove(self, deployment: str, silence_id: int) -> bool:
        """End one; returns whether it was there."""
        statement = (
            delete(alert_silences)
            .where(alert_silences.c.deployment == deployment)
            .where(alert_silences.c.id == silence_id)
        )
        with self.database.write() as connection:
            return bool(connection.execute(statement).rowcount)
