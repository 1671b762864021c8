"""The vault: encrypts what must not lie in the database as it is, with the current master key.

The database records which master key is the current one. Who encrypts does so in a transaction that
holds this record: when a new key takes over, nothing more is encrypted with the old one.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from dagstead.errors import MasterKeyError, StoreAwayError
from dagstead.plane.envelopes import Envelope, rewrap, seal, unseal
from dagstead.plane.master_keys import MasterKey
from dagstead.store.database import Database
from dagstead.store.key_sources import KeySource
from dagstead.store.tables import properties

T = TypeVar("T")

#: Encrypts a value for a place.
Sealer: TypeAlias = Callable[[bytes, bytes], Envelope]

#: The property that has the id of the current master key.
CURRENT_KEY = "master_key"
_SIGNING_KEY = "sealed_signing_key"
#: As versions before have it.
_PLAIN_SIGNING_KEY = "signing_key"
_SIGNING_PLACE = b'["property","signing_key"]'
_SIGNING_BYTES = 32

#: How long a key counts as missing before the source is asked again.
_MISSING_SECONDS = 10.0


class Vault:
    """Knows the master keys, for the life of a process. They are read when first needed."""

    def __init__(self, database: Database, source: KeySource) -> None:
        self.database = database
        self.source = source
        self._keys: dict[str, MasterKey] = {}
        self._missing: dict[str, float] = {}
        self._signing_key: bytes | None = None
        self._lock = threading.Lock()

    def current(self) -> MasterKey:
        """The key that encrypts; at the first call ever, one is chosen, or made.

        Raises:
            MasterKeyError: when this process does not have it.
        """
        with self.database.read() as connection:
            known = _current_id(connection)
        if known is None:
            known = self._choose_first()
        return self.key(known)

    def key(self, key_id: str) -> MasterKey:
        """A master key.

        Raises:
            MasterKeyError: when this process does not have it.
        """
        with self._lock:
            if key_id not in self._keys and not self._missed_lately(key_id):
                self._read()
            if key_id not in self._keys:
                self._missing.setdefault(key_id, time.monotonic())
                raise MasterKeyError(_missing(key_id, self.source.name, self._keys))
            return self._keys[key_id]

    def write(self, work: Callable[[Connection, Sealer], T]) -> T:
        """Do something in a transaction that encrypts with the current key.

        Args:
            work: is done again, in another transaction, if the key has just changed.

        Raises:
            MasterKeyError: when this process does not have the current key.
        """
        while True:
            key = self.current()
            with self.database.write() as connection:
                if self.is_current(connection, key.id):
                    return work(connection, partial(seal, master=key))

    def open(self, envelope: Envelope, place: bytes) -> bytes:
        """The value of an envelope.

        Raises:
            MasterKeyError: when this process does not have its key.
            DamagedSecretError: when it was altered, or belongs to another place.
        """
        return unseal(envelope, place, self.key(envelope.key))

    def is_current(self, connection: Connection, key_id: str) -> bool:
        """Whether a key is the current one, and stays so until the end of the transaction."""
        return _current_id(connection, hold=True) == key_id

    def signing_key(self) -> bytes:
        """The key of signed addresses and sign-in cookies, made at the first call.

        Raises:
            MasterKeyError: when this process does not have the master key.
        """
        if self._signing_key is None:
            self._signing_key = self._find_signing_key()
        return self._signing_key

    def take_over(self) -> MasterKey:
        """Make the newest key the current one: a new one, if the source is our own.

        Raises:
            MasterKeyError: when the source cannot be read or written; nothing is changed then.
        """
        new = self.source.add_new()
        with self._lock:
            read = self._read()
        new = new or read[0]
        value = {"id": new.id}
        with self.database.write() as connection:
            changed = connection.execute(
                update(properties).where(properties.c.name == CURRENT_KEY).values(value=value)
            ).rowcount
            if not changed:
                connection.execute(insert(properties).values(name=CURRENT_KEY, value=value))
        return new

    def has(self, key_id: str) -> bool:
        """Whether this process has a master key."""
        try:
            self.key(key_id)
        except MasterKeyError:
            return False
        return True

    def key_of_signing_key(self) -> str | None:
        """The id of the key that encrypts the signing key; ``None`` if there is none yet."""
        envelope = self._sealed_signing_key()
        return None if envelope is None else envelope.key

    def forget_signing_key(self) -> None:
        """Remove a signing key that nobody can decrypt; the next use makes another one."""
        with self.database.write() as connection:
            connection.execute(delete(properties).where(properties.c.name == _SIGNING_KEY))
        self._signing_key = None

    def rewrap_signing_key(self) -> int:
        """Have the signing key encrypted with the current key; how many were changed."""
        envelope, key = self._sealed_signing_key(), self.current()
        if envelope is None or envelope.key == key.id:
            return 0
        again = rewrap(envelope, _SIGNING_PLACE, self.key(envelope.key), key)
        with self.database.write() as connection:
            if self.is_current(connection, key.id):
                connection.execute(
                    update(properties)
                    .where(properties.c.name == _SIGNING_KEY)
                    .values(value=again.to_json())
                )
        return 1

    def _choose_first(self) -> str:
        with self._lock:
            keys = self._read()
        chosen = keys[0] if keys else self.source.add_new(if_none=True)
        if chosen is None:
            raise MasterKeyError(f"There is no master key in {self.source.name}.")
        # Two processes may start together: the first insert wins, and both go by it.
        with suppress(IntegrityError), self.database.write() as connection:
            connection.execute(insert(properties).values(name=CURRENT_KEY, value={"id": chosen.id}))
        with self.database.read() as connection:
            return _current_id(connection) or chosen.id

    def _find_signing_key(self) -> bytes:
        envelope = self._sealed_signing_key()
        if envelope is None or self._has_plain():
            # Here, too, the first insert wins.
            with suppress(IntegrityError):
                self.write(partial(_seal_signing_key, new=secrets.token_bytes(_SIGNING_BYTES)))
            self._scrub()
            envelope = self._sealed_signing_key()
        if envelope is None:
            raise MasterKeyError("The signing key was removed meanwhile. Start again.")
        return self.open(envelope, _SIGNING_PLACE)

    def _sealed_signing_key(self) -> Envelope | None:
        with self.database.read() as connection:
            return _envelope(connection)

    def _has_plain(self) -> bool:
        with self.database.read() as connection:
            return _value(connection, _PLAIN_SIGNING_KEY) is not None

    def _scrub(self) -> None:
        """Have the database overwrite what was deleted, as far as it does so when asked."""
        statement = (
            "PRAGMA wal_checkpoint(TRUNCATE)" if self.database.is_sqlite else "VACUUM properties"
        )
        with suppress(SQLAlchemyError, StoreAwayError), self.database.hold() as connection:
            connection.exec_driver_sql(statement)

    def _read(self) -> Sequence[MasterKey]:
        found = self.source.read()
        self._keys.update({key.id: key for key in found})
        self._missing.clear()
        return found

    def _missed_lately(self, key_id: str) -> bool:
        since = self._missing.get(key_id)
        return since is not None and time.monotonic() - since < _MISSING_SECONDS


def _current_id(connection: Connection, *, hold: bool = False) -> str | None:
    statement = select(properties.c.value).where(properties.c.name == CURRENT_KEY)
    if hold:
        # On SQLite, whoever writes is alone.
        statement = statement.with_for_update(read=True)
    found: dict[str, str] | None = connection.execute(statement).scalar_one_or_none()
    return None if found is None else found["id"]


def _envelope(connection: Connection) -> Envelope | None:
    found = _value(connection, _SIGNING_KEY)
    return None if found is None else Envelope.of_json(found)


def _value(connection: Connection, name: str) -> Any:
    statement = select(properties.c.value).where(properties.c.name == name)
    return connection.execute(statement).scalar_one_or_none()


def _seal_signing_key(connection: Connection, sealer: Sealer, *, new: bytes) -> None:
    """Encrypt the key that there is, or a new one, and remove what is not encrypted."""
    plain: str | None = _value(connection, _PLAIN_SIGNING_KEY)
    if _envelope(connection) is None:
        key = new if plain is None else bytes.fromhex(plain)
        envelope = sealer(key, _SIGNING_PLACE)
        connection.execute(insert(properties).values(name=_SIGNING_KEY, value=envelope.to_json()))
    if plain is not None:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        connection.execute(delete(properties).where(properties.c.name == _PLAIN_SIGNING_KEY))


def _missing(key_id: str, source: str, known: Iterable[str]) -> str:
    has = ", ".join(sorted(known)) or "none"
    return (
        f"What this control plane has encrypted needs the master key {key_id}, and {source} has: "
        f"{has}. Add that key behind the others, from where you keep its copy."
    )
