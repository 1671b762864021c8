"""Tokens of user code in managed pools, and what that code has made, in the database."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dagstead.errors import UnauthenticatedError
from dagstead.plane.clock import Clock
from dagstead.plane.organization import Organization
from dagstead.plane.tokens import Token, TokenKind, hash_secret
from dagstead.plane.workers import Minter, PoolCount, Worker
from dagstead.store.database import Database
from dagstead.store.tables import launches, made_by_workers, worker_tokens

#: JSON has no exact numbers with more than 53.
_ID_BITS = 48
_HASHED = select(worker_tokens).where(worker_tokens.c.hash == bindparam("hashed"))
#: A statement takes only so many values.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class WorkerStore:
    """Stores the tokens of workers by the hashes of their secrets, while they are valid."""

    database: Database
    clock: Clock

    def create(
        self, worker: Worker, secret: str, minter: Minter, lifetime_seconds: float | None
    ) -> Token:
        """Store a token; a run's earlier ones end: they were for launches before this one."""
        now = self.clock()
        with self.database.write() as connection:
            if worker.run_id is not None:
                connection.execute(
                    delete(worker_tokens)
                    .where(worker_tokens.c.deployment == worker.deployment)
                    .where(worker_tokens.c.run_id == worker.run_id)
                )
            row = connection.execute(
                insert(worker_tokens)
                .values(
                    # Never used again for another: pools speak of tokens by their numbers.
                    id=secrets.randbits(_ID_BITS),
                    hash=hash_secret(secret),
                    deployment=worker.deployment,
                    location=worker.location,
                    run_id=worker.run_id,
                    launch=worker.launch,
                    pool=minter.pool,
                    agent_id=minter.agent_id,
                    created_at=now,
                    expires_at=None if lifetime_seconds is None else now + lifetime_seconds,
                )
                .returning(worker_tokens)
            ).one()
        return _token(row)

    def authenticate(self, _of: Organization, secret: str) -> Token:
        """The token of a secret.

        Raises:
            UnauthenticatedError: when there is none, or it has ended.
        """
        hashed = hash_secret(secret)
        row = self.database.remembered(("worker token", hashed), partial(_found, hashed))
        if row is None or self._has_expired(row):
            raise UnauthenticatedError(
                "This token of code in a managed pool is not valid any more: it ends with the "
                "process that it was made for. Launch the run again, or reload the location."
            )
        return _token(row)

    def known(self, _of: Organization, secret: str) -> Token | None:
        """The token of a secret, if the database need not be asked for that."""
        row = self.database.known(("worker token", hash_secret(secret)))
        return None if row is None or self._has_expired(row) else _token(row)

    def _has_expired(self, row: Row[Any]) -> bool:
        return row.expires_at is not None and row.expires_at <= self.clock()

    def all(self, _of: Organization) -> list[Token]:
        """Those that are stored, the oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(select(worker_tokens).order_by(worker_tokens.c.id)).all()
        return [_token(row) for row in rows]

    def keep(
        self,
        _of: Organization,
        pool: str,
        count: PoolCount,
        *,
        settling_seconds: float,
        lifetime_seconds: float,
    ) -> int:
        """Renew the tokens of what runs, and end the others of these agents of a pool.

        Args:
            pool: the name of its token.
            count: what runs.
            settling_seconds: younger tokens are left alone, unless they are known to have ended.
            lifetime_seconds: from now, for those that expire.

        Returns:
            How many have ended.
        """
        now, ended = self.clock(), set(count.ended)
        of_pool = (worker_tokens.c.pool == pool) & worker_tokens.c.agent_id.in_(
            list(count.agent_ids)[-_AT_ONCE:]
        )
        with self.database.write() as connection:
            stored = connection.execute(
                select(worker_tokens.c.id, worker_tokens.c.created_at).where(of_pool)
            ).all()
            alive = {row.id for row in stored} & set(count.running)
            gone = {
                row.id
                for row in stored
                if row.id not in alive
                and (row.id in ended or row.created_at < now - settling_seconds)
            }
            for some in _pieces(alive):
                connection.execute(
                    update(worker_tokens)
                    .where(worker_tokens.c.id.in_(some))
                    .where(worker_tokens.c.expires_at.is_not(None))
                    .values(expires_at=now + lifetime_seconds)
                )
            _end(connection, gone)
        return len(gone)

    def end_of_pool(self, _of: Organization, pool: str) -> None:
        """End all tokens of a pool that has stopped."""
        with self.database.write() as connection:
            connection.execute(delete(worker_tokens).where(worker_tokens.c.pool == pool))

    def sweep(self, _of: Organization, *, last_words_seconds: float, made_seconds: float) -> int:
        """End those that have expired, or whose launch ended that long ago or is forgotten.

        Returns:
            How many have ended.
        """
        now = self.clock()
        of_launch = (
            (launches.c.deployment == worker_tokens.c.deployment)
            & (launches.c.run_id == worker_tokens.c.run_id)
            & (launches.c.number == worker_tokens.c.launch)
        )
        is_open = exists().where(
            of_launch
            & or_(launches.c.ended_at.is_(None), launches.c.ended_at >= now - last_words_seconds)
        )
        overdue = or_(
            worker_tokens.c.expires_at < now,
            worker_tokens.c.expires_at.is_(None) & ~is_open,
        )
        with self.database.write() as connection:
            connection.execute(
                delete(made_by_workers).where(made_by_workers.c.made_at < now - made_seconds)
            )
            return connection.execute(delete(worker_tokens).where(overdue)).rowcount

    def note_made(self, worker: Worker, made_id: str) -> None:
        """Record that a worker makes a run or a backfill; the first to do so has made it."""
        dialect = sqlite if self.database.is_sqlite else postgresql
        with self.database.write() as connection:
            connection.execute(
                dialect.insert(made_by_workers)
                .values(
                    deployment=worker.deployment,
                    id=made_id,
                    location=worker.location,
                    by_run=worker.run_id,
                    made_at=self.clock(),
                )
                .on_conflict_do_nothing()
            )

    def has_made(self, worker: Worker, made_id: str) -> bool:
        """Whether a worker, or one for the same run or location before it, has made something."""
        made = made_by_workers.c
        by = made.by_run.is_(None) if worker.run_id is None else made.by_run == worker.run_id
        with self.database.read() as connection:
            found = connection.execute(
                select(made.id)
                .where(made.deployment == worker.deployment)
                .where(made.id == made_id)
                .where(made.location == worker.location)
                .where(by)
            ).one_or_none()
        return found is not None


def _end(connection: Connection, ids: Collection[int]) -> None:
    for some in _pieces(ids):
        connection.execute(delete(worker_tokens).where(worker_tokens.c.id.in_(some)))


def _pieces(ids: Collection[int]) -> list[list[int]]:
    every = sorted(ids)
    return [every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE)]


def _found(hashed: str, connection: Connection) -> Row[Any] | None:
    return connection.execute(_HASHED, {"hashed": hashed}).one_or_none()


def _token(row: Row[Any]) -> Token:
    worker = Worker(
        deployment=row.deployment, location=row.location, run_id=row.run_id, launch=row.launch
    )
    return Token(
        id=row.id,
        name=worker.name,
        kind=TokenKind.WORKER,
        deployments=frozenset({row.deployment}),
        queues=frozenset(),
        branch_deployments=False,
        created_at=row.created_at,
        revoked_at=None,
        last_used_at=None,
        expires_at=row.expires_at,
        worker=worker,
    )
