"""Trust policies in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, null, select, update

from dagstead.errors import NotFoundError
from dagstead.plane.clock import Clock
from dagstead.plane.roles import EDITOR, Roles
from dagstead.plane.trust import JobGrant, Policy, Provider
from dagstead.store.database import Database
from dagstead.store.tables import trust_policies


@dataclass(frozen=True, slots=True)
class TrustPolicyStore:
    """Stores trust policies."""

    database: Database
    clock: Clock

    def add(
        self, provider: Provider, issuer: str, claims: Mapping[str, str], allowed: JobGrant
    ) -> Policy:
        """Store a policy."""
        locations = allowed.locations
        with self.database.write() as connection:
            row = connection.execute(
                insert(trust_policies)
                .values(
                    provider=str(provider),
                    issuer=issuer,
                    claims=dict(claims),
                    deployments=sorted(allowed.deployments),
                    branch_deployments=allowed.branch_deployments,
                    locations=null() if locations is None else sorted(locations),
                    minutes=allowed.minutes,
                    roles=None if allowed.roles == EDITOR else allowed.roles.as_json(),
                    created_at=self.clock(),
                )
                .returning(trust_policies)
            ).one()
        return _policy(row)

    def all(self) -> list[Policy]:
        """All policies, the oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(select(trust_policies).order_by(trust_policies.c.id)).all()
        return [_policy(row) for row in rows]

    def remove(self, policy_id: int) -> None:
        """Remove a policy; tokens that were given for it stay valid until they expire.

        Raises:
            NotFoundError: when there is none of that id.
        """
        with self.database.write() as connection:
            statement = delete(trust_policies).where(trust_policies.c.id == policy_id)
            removed = connection.execute(statement).rowcount
        if not removed:
            msg = f"There is no trust policy {policy_id}. See `dagstead trust list`."
            raise NotFoundError(msg)

    def mark_used(self, policy_id: int) -> None:
        """Record that a token was given for it."""
        with self.database.write() as connection:
            connection.execute(
                update(trust_policies)
                .where(trust_policies.c.id == policy_id)
                .values(last_used_at=self.clock())
            )


def _policy(row: Row[Any]) -> Policy:
    return Policy(
        id=row.id,
        provider=Provider(row.provider),
        issuer=row.issuer,
        claims=row.claims,
        allowed=JobGrant(
            deployments=frozenset(row.deployments),
            branch_deployments=row.branch_deployments,
            locations=None if row.locations is None else frozenset(row.locations),
            minutes=row.minutes,
            roles=EDITOR if row.roles is None else Roles.from_json(row.roles),
        ),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
