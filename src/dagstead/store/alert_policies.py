"""Alert policies in the database, where their entries are encrypted: they may have secrets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from dagstead.errors import (
    DamagedSecretError,
    DeploymentNotFoundError,
    InvalidInputError,
    MasterKeyError,
)
from dagstead.plane.alert_documents import read_policy
from dagstead.plane.alert_policies import (
    AlertDocument,
    AlertPolicy,
    StoredPolicies,
    StoredPolicy,
    UnreadablePolicy,
)
from dagstead.plane.clock import Clock
from dagstead.plane.envelopes import Envelope, rewrap
from dagstead.plane.organization import Organization
from dagstead.store.database import Database
from dagstead.store.tables import alert_policies, deployments
from dagstead.store.vault import Sealer, Vault

_BATCH = 200
#: What a column that somebody has changed raises when it is unpacked.
_NO_ENVELOPE = (KeyError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class AlertPolicyStore:
    """Stores the documents of alert policies, an entry a row."""

    database: Database
    clock: Clock
    vault: Vault

    def all(self, deployment: str) -> StoredPolicies:
        """The policies of a deployment, those of the official document first, in its order."""
        return self._read(alert_policies.c.deployment == deployment)

    def everywhere(self, _of: Organization, names: Iterable[str]) -> StoredPolicies:
        """The policies of these deployments."""
        return self._read(alert_policies.c.deployment.in_(sorted(names)))

    def get(self, _of: Organization, policy_id: int) -> StoredPolicy | UnreadablePolicy | None:
        """One policy; ``None`` when none has that number."""
        found = self._read(alert_policies.c.id == policy_id)
        return next(iter(found.readable), None) or next(iter(found.unreadable), None)

    def replace(
        self,
        deployment: str,
        kind: AlertDocument,
        entries: Sequence[tuple[AlertPolicy, Mapping[str, Any]]],
        by: str,
    ) -> None:
        """Store a document in the place of the one before, in one transaction.

        A policy keeps its number, and with it what it has sent, as long as it keeps its name.

        Raises:
            DeploymentNotFoundError: when the deployment was deleted meanwhile.
            MasterKeyError: when this process does not have the master key.
        """

        def write(connection: Connection, sealer: Sealer) -> None:
            known = _lock(connection, deployment, kind)
            for number, (policy, entry) in enumerate(entries):
                self._put(connection, sealer, (deployment, kind), (policy.name, entry), number, by)
            gone = known.keys() - {policy.name for policy, _ in entries}
            if gone:
                connection.execute(
                    delete(alert_policies)
                    .where(_of(deployment, kind))
                    .where(alert_policies.c.name.in_(sorted(gone)))
                )

        self.vault.write(write)

    def put(
        self, deployment: str, kind: AlertDocument, name: str, entry: Mapping[str, Any], by: str
    ) -> None:
        """Store one policy, in the place of the one of that name.

        Raises:
            DeploymentNotFoundError: when the deployment was deleted meanwhile.
            MasterKeyError: when this process does not have the master key.
        """

        def write(connection: Connection, sealer: Sealer) -> None:
            known = _lock(connection, deployment, kind)
            number = len(known)
            self._put(connection, sealer, (deployment, kind), (name, entry), number, by)

        self.vault.write(write)

    def remove(self, deployment: str, kind: AlertDocument, name: str) -> bool:
        """Remove one; returns whether it was there."""
        with self.database.write() as connection:
            return bool(
                connection.execute(
                    delete(alert_policies)
                    .where(_of(deployment, kind))
                    .where(alert_policies.c.name == name)
                ).rowcount
            )

    def keys_in_use(self, _of: Organization) -> dict[str, int]:
        """The ids of the master keys that encrypt entries, and how many."""
        statement = select(alert_policies.c.key, func.count()).group_by(alert_policies.c.key)
        with self.database.read() as connection:
            return {row.key: row[1] for row in connection.execute(statement)}

    def forget(self, _of: Organization, keys: Iterable[str]) -> int:
        """Remove the policies that master keys of these ids encrypt; how many there were."""
        statement = delete(alert_policies).where(alert_policies.c.key.in_(list(keys)))
        with self.database.write() as connection:
            return connection.execute(statement).rowcount

    def rewrap(self, _of: Organization) -> int:
        """Have all entries encrypted with the current key; how many were changed.

        Raises:
            MasterKeyError: when a key is missing.
            DamagedSecretError: when a row was altered or moved.
        """
        changed = 0
        while True:
            new = self.vault.current()
            statement = select(alert_policies).where(alert_policies.c.key != new.id).limit(_BATCH)
            with self.database.read() as connection:
                rows = connection.execute(statement).all()
            if not rows:
                return changed
            for row in rows:
                old = Envelope.of_json(row.sealed)
                again = rewrap(old, _place(row), self.vault.key(old.key), new)
                with self.database.write() as connection:
                    if self.vault.is_current(connection, new.id):
                        changed += connection.execute(
                            update(alert_policies)
                            .where(alert_policies.c.id == row.id)
                            .where(alert_policies.c.updated_at == row.updated_at)
                            .where(alert_policies.c.key == row.key)
                            .values(key=again.key, sealed=again.to_json())
                        ).rowcount

    def _read(self, condition: Any) -> StoredPolicies:
        order = (
            alert_policies.c.deployment,
            # "official" is before "own".
            alert_policies.c.document,
            alert_policies.c.number,
            alert_policies.c.id,
        )
        with self.database.read() as connection:
            rows = connection.execute(
                select(alert_policies).where(condition).order_by(*order)
            ).all()
        every = [self._stored(row) for row in rows]
        return StoredPolicies(
            readable=[each for each in every if isinstance(each, StoredPolicy)],
            unreadable=[each for each in every if isinstance(each, UnreadablePolicy)],
        )

    def _stored(self, row: Row[Any]) -> StoredPolicy | UnreadablePolicy:
        kind = AlertDocument(row.document)
        try:
            entry = json.loads(self.vault.open(Envelope.of_json(row.sealed), _place(row)))
            policy = read_policy(entry, kind)
        except (MasterKeyError, DamagedSecretError, InvalidInputError, *_NO_ENVELOPE) as error:
            return UnreadablePolicy(
                id=row.id,
                deployment=row.deployment,
                document=kind,
                name=row.name,
                reason=_reason(error),
                updated_at=row.updated_at,
            )
        return StoredPolicy(
            id=row.id,
            deployment=row.deployment,
            document=kind,
            policy=policy,
            entry=entry,
            created_at=row.created_at,
            updated_at=row.updated_at,
            updated_by=row.updated_by,
        )

    def _put(
        self,
        connection: Connection,
        sealer: Sealer,
        of: tuple[str, AlertDocument],
        named: tuple[str, Mapping[str, Any]],
        number: int,
        by: str,
    ) -> None:
        (deployment, kind), (name, entry) = of, named
        envelope = sealer(json.dumps(entry).encode(), _slot(deployment, kind, name))
        values = {
            "number": number,
            "key": envelope.key,
            "sealed": envelope.to_json(),
            "updated_at": self.clock(),
            "updated_by": by,
        }
        changed = connection.execute(
            update(alert_policies)
            .where(_of(deployment, kind))
            .where(alert_policies.c.name == name)
            .values(**values)
        ).rowcount
        if not changed:
            connection.execute(
                insert(alert_policies).values(
                    deployment=deployment,
                    document=str(kind),
                    name=name,
                    created_at=self.clock(),
                    **values,
                )
            )


def _reason(error: Exception) -> str:
    """Why a row cannot be read, without what may be a secret."""
    if isinstance(error, MasterKeyError):
        return error.message
    if isinstance(error, InvalidInputError):
        return "This version does not know what it says."
    return "Its row in the database was altered or moved."


def _of(deployment: str, kind: AlertDocument) -> Any:
    return (alert_policies.c.deployment == deployment) & (alert_policies.c.document == str(kind))


def _lock(connection: Connection, deployment: str, kind: AlertDocument) -> dict[str, int]:
    """The numbers of the policies of a document, by name; nobody else changes it meanwhile."""
    there = select(deployments.c.name).where(deployments.c.name == deployment)
    if connection.execute(there.with_for_update(key_share=True)).first() is None:
        raise DeploymentNotFoundError
    statement = select(alert_policies.c.name, alert_policies.c.id).where(_of(deployment, kind))
    return {row.name: row.id for row in connection.execute(statement)}


def _place(row: Row[Any]) -> bytes:
    return _slot(row.deployment, AlertDocument(row.document), row.name)


def _slot(deployment: str, kind: AlertDocument, name: str) -> bytes:
    """Where an envelope belongs."""
    return json.dumps(["alert_policy", deployment, str(kind), name]).encode()
