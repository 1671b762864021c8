"""Secrets in the database, where their values are encrypted."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from dagstead.errors import DamagedSecretError, DeploymentNotFoundError, TooManySecretsError
from dagstead.plane.clock import Clock
from dagstead.plane.envelopes import Envelope, rewrap
from dagstead.plane.master_keys import MasterKey
from dagstead.plane.organization import Organization
from dagstead.plane.secrets import Home, NewSecret, Place, SecretKind, StoredSecret
from dagstead.store.database import Database
from dagstead.store.tables import secrets
from dagstead.store.vault import Sealer, Vault

#: Of one deployment, and of all deployments together.
_MOST = 2000
_BATCH = 200


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret with its encrypted value."""

    secret: StoredSecret
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class SecretStore:
    """Stores secrets."""

    database: Database
    clock: Clock
    vault: Vault

    def shown(self, home: Home) -> list[SealedSecret]:
        """The secrets in the list of a deployment."""
        return self._found(home, home.shows, true())

    def reaching(self, home: Home, location: str | None) -> list[SealedSecret]:
        """The secrets that code of a location gets, and others of the same name that they hide."""
        there = or_(secrets.c.location.is_(None), secrets.c.location == location)
        return self._found(home, home.reached_by, there)

    def value(self, sealed: SealedSecret) -> str:
        """The value of a secret.

        Raises:
            MasterKeyError: when this process does not have the master key.
            DamagedSecretError: when the row was altered or moved.
        """
        secret = sealed.secret
        try:
            return self.vault.open(sealed.envelope, secret.place.slot(secret.name)).decode()
        except DamagedSecretError as error:
            msg = (
                f"The value of {secret.name} cannot be decrypted: its row was altered or moved. "
                "Set it again with `dagstead secret set`."
            )
            raise DamagedSecretError(msg) from error

    def set(self, new: NewSecret, by: str) -> None:
        """Store a value for all its places, in one transaction, in the place of others.

        Raises:
            DeploymentNotFoundError: when a deployment was deleted meanwhile.
            TooManySecretsError: when there are as many as may be.
            MasterKeyError: when this process does not have the master key.
        """
        batch = uuid.uuid4().hex

        def store(connection: Connection, sealer: Sealer) -> None:
            for place in sorted(new.places, key=lambda each: each.digest(new.name)):
                _remove(connection, [place.digest(new.name)])
                _require_room(connection, place.deployment)
                envelope = sealer(new.value.encode(), place.slot(new.name))
                connection.execute(
                    insert(secrets).values(
                        slot=place.digest(new.name),
                        name=new.name,
                        kind=str(place.kind),
                        deployment=place.deployment,
                        location=place.location,
                        batch=batch,
                        key=envelope.key,
                        sealed=envelope.to_json(),
                        updated_at=self.clock(),
                        updated_by=by,
                    )
                )

        while True:
            try:
                self.vault.write(store)
            except IntegrityError as error:
                self._require_no_race(new, error)
            else:
                return

    def remove(self, places: Iterable[Place], name: str) -> int:
        """Remove a secret from places; returns from how many of them."""
        slots = [place.digest(name) for place in places]
        with self.database.write() as connection:
            return _remove(connection, slots)

    def keys_in_use(self, _of: Organization) -> dict[str, int]:
        """The ids of the master keys that encrypt secrets, and how many."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(secrets.c.key, func.count()).group_by(secrets.c.key)
            ).all()
        return {row.key: row[1] for row in rows}

    def forget(self, _of: Organization, keys: Iterable[str]) -> int:
        """Remove the secrets that master keys of these ids encrypt; how many there were."""
        with self.database.write() as connection:
            return connection.execute(delete(secrets).where(secrets.c.key.in_(list(keys)))).rowcount

    def rewrap(self, _of: Organization) -> int:
        """Have all secrets encrypted with the current key; how many were changed.

        Others may read and set secrets meanwhile.

        Raises:
            MasterKeyError: when a key is missing.
            DamagedSecretError: when a row was altered or moved.
        """
        changed = 0
        while True:
            new = self.vault.current()
            rows = self._of_other_keys(new)
            if not rows:
                return changed
            changed += sum(self._rewrap(row, new) for row in rows)

    def _found(
        self, home: Home, fits: Callable[[Place], bool], condition: ColumnElement[bool]
    ) -> list[SealedSecret]:
        with self.database.read() as connection:
            rows = connection.execute(select(secrets).where(_of(home)).where(condition)).all()
        every = (SealedSecret(_secret(row), Envelope.of_json(row.sealed)) for row in rows)
        return [each for each in every if fits(each.secret.place)]

    def _of_other_keys(self, current: MasterKey) -> Sequence[Row[Any]]:
        statement = select(secrets).where(secrets.c.key != current.id)
        with self.database.read() as connection:
            return connection.execute(statement.order_by(secrets.c.id).limit(_BATCH)).all()

    def _rewrap(self, row: Row[Any], new: MasterKey) -> int:
        """Have one secret encrypted with a key, in a transaction of its own.

        Who sets several secrets at once locks their rows in another order.
        """
        secret, envelope = _secret(row), Envelope.of_json(row.sealed)
        old = self.vault.key(envelope.key)
        again = rewrap(envelope, secret.place.slot(secret.name), old, new)
        with self.database.write() as connection:
            if not self.vault.is_current(connection, new.id):
                return 0
            # Not if it was set meanwhile: its batch is another then.
            return connection.execute(
                update(secrets)
                .where(secrets.c.id == row.id)
                .where(secrets.c.batch == row.batch)
                .where(secrets.c.key == row.key)
                .values(key=again.key, sealed=again.to_json())
            ).rowcount

    def _require_no_race(self, new: NewSecret, error: IntegrityError) -> None:
        """Two set the same secret at once, or its deployment was deleted meanwhile."""
        slots = [place.digest(new.name) for place in new.places]
        with self.database.read() as connection:
            found = connection.execute(
                select(func.count()).where(secrets.c.slot.in_(slots))
            ).scalar_one()
        if not found:
            raise DeploymentNotFoundError from error


def _of(home: Home) -> ColumnElement[bool]:
    """What may be for a deployment; :class:`Home` decides."""
    names = {home.deployment.name, home.owner} - {None}
    return or_(secrets.c.deployment.is_(None), secrets.c.deployment.in_(names))


def _remove(connection: Connection, slots: Iterable[str]) -> int:
    # One after another, always in the same order, so that two who do so wait for each other once.
    statements = (delete(secrets).where(secrets.c.slot == slot) for slot in sorted(slots))
    return sum(connection.execute(statement).rowcount for statement in statements)


def _require_room(connection: Connection, deployment: str | None) -> None:
    count = connection.execute(
        select(func.count())
        .select_from(secrets)
        .where(
            secrets.c.deployment.is_(None)
            if deployment is None
            else secrets.c.deployment == deployment
        )
    ).scalar_one()
    if count >= _MOST:
        whose = "of all deployments" if deployment is None else f"of deployment {deployment!r}"
        raise TooManySecretsError(
            f"There are {count} secrets {whose} already, which is the most. Remove some with "
            "`dagstead secret remove`."
        )


def _secret(row: Row[Any]) -> StoredSecret:
    return StoredSecret(
        id=str(row.id),
        name=row.name,
        place=Place(kind=SecretKind(row.kind), deployment=row.deployment, location=row.location),
        batch=row.batch,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )
