"""Agents' newest heartbeats in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Row, delete, func, select, true, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from dagstead.errors import ConflictError, NotFoundError
from dagstead.plane.agents import Heartbeat
from dagstead.plane.clock import Clock
from dagstead.plane.code_servers import ServerReport, ServerState
from dagstead.plane.organization import Organization
from dagstead.plane.requests import Claim
from dagstead.plane.tokens import TokenKind
from dagstead.store.database import Database
from dagstead.store.tables import heartbeats, queues_from_json, queues_to_json, tokens
from dagstead.store.tokens import token_of

_KEYS = ("agent_id", "deployment")


@dataclass(frozen=True, slots=True)
class AgentStore:
    """Stores heartbeats: one row per token, agent and deployment."""

    database: Database
    clock: Clock

    def record(self, beats: Iterable[Heartbeat], *, most: int | None = None) -> None:
        """Store these as the newest heartbeats; the time of an agent's first one stays.

        Args:
            beats: of one token, if ``most`` is given.
            most: how many the token may have; the oldest of more are removed.
        """
        tokens_seen: set[int] = set()
        with self.database.write() as connection:
            for beat in beats:
                is_stored = (
                    not _is_own_key(beat.agent_id)
                    and connection.execute(self._upsert(_values(beat))).first()
                )
                if not is_stored:
                    connection.execute(self._upsert(_values_apart(beat)))
                tokens_seen.add(beat.token_id)
            if most is not None:
                for token_id in tokens_seen:
                    connection.execute(_oldest_beyond(most, token_id))

    def all(self, _of: Organization, *, since: float | None = None) -> list[Heartbeat]:
        """All heartbeats received after ``since``, the newest first."""
        received = true() if since is None else heartbeats.c.received_at >= since
        return self._newest_first(received)

    def of(self, deployment: str) -> list[Heartbeat]:
        """The heartbeats for one deployment, the newest first."""
        return self._newest_first(heartbeats.c.deployment == deployment)

    def _newest_first(self, which: ColumnElement[bool]) -> list[Heartbeat]:
        """Heartbeats, with the tokens of those that pools have sent."""
        of_pools = (tokens.c.id == heartbeats.c.token_id) & (tokens.c.kind == str(TokenKind.POOL))
        statement = select(heartbeats, tokens).outerjoin(tokens, of_pools).where(which)
        with self.database.read() as connection:
            rows = connection.execute(statement.order_by(heartbeats.c.received_at.desc())).all()
        return [_heartbeat(row) for row in rows]

    def has_heard(self, claim: Claim, since: float) -> bool:
        """Whether an agent with the token of a poll has sent a heartbeat since then."""
        newest = self.database.remembered(
            ("newest heartbeat", claim.token_id), partial(_newest, claim.token_id)
        )
        return newest is not None and newest >= since

    def forget(self, _of: Organization, older_than_seconds: float) -> int:
        """Remove agents without a heartbeat for that long; returns the number of rows."""
        before = self.clock() - older_than_seconds
        with self.database.write() as connection:
            return connection.execute(
                delete(heartbeats).where(heartbeats.c.received_at < before)
            ).rowcount

    def forget_gone(self, _of: Organization, agent_id: str, silent_seconds: float) -> str:
        """Remove one agent without a heartbeat for that long; returns its name.

        Raises:
            ConflictError: when it has sent one since then.
            NotFoundError: when no agent has that id.
        """
        mine = func.coalesce(heartbeats.c.reported_id, heartbeats.c.agent_id) == agent_id
        with self.database.write() as connection:
            beats = connection.execute(
                select(heartbeats)
                .where(mine)
                .order_by(heartbeats.c.received_at.desc())
                .with_for_update()
            ).all()
            if not beats:
                msg = f"There is no agent {agent_id!r}. See the ids in `dagstead agent list`."
                raise NotFoundError(msg)
            name = beats[0].label or agent_id
            silent = self.clock() - beats[0].received_at
            if silent < silent_seconds:
                msg = (
                    f"Agent {name!r} sent a heartbeat {silent:.0f} seconds ago. Stop it first, or "
                    "revoke its token with `dagstead token revoke`, and wait "
                    f"{silent_seconds:.0f} seconds."
                )
                raise ConflictError(msg)
            connection.execute(delete(heartbeats).where(mine))
        return str(name)

    def _upsert(self, values: dict[str, Any]) -> ReturningInsert[tuple[int]]:
        """Write a row, unless another token has it: then nothing is written, and none returned."""
        mine = heartbeats.c.token_id == values["token_id"]
        kept = {k: v for k, v in values.items() if k not in {*_KEYS, "first_received_at"}}
        if self.database.is_sqlite:
            return (
                sqlite.insert(heartbeats)
                .values(**values)
                .on_conflict_do_update(index_elements=_KEYS, set_=kept, where=mine)
                .returning(heartbeats.c.token_id)
            )
        return (
            postgresql.insert(heartbeats)
            .values(**values)
            .on_conflict_do_update(index_elements=_KEYS, set_=kept, where=mine)
            .returning(heartbeats.c.token_id)
        )


#: Between a token and the id that its agent reports. An id that has it is never a key by itself.
_MARK = "/"


def _is_own_key(agent_id: str) -> bool:
    return _MARK in agent_id


def _values_apart(beat: Heartbeat) -> dict[str, Any]:
    """The row of an agent whose id another token has reported first."""
    key = hashlib.sha256(beat.agent_id.encode()).hexdigest()[:32]
    own = {"agent_id": f"{beat.token_id}{_MARK}{key}", "reported_id": beat.agent_id}
    return {**_values(beat), **own}


def _oldest_beyond(most: int, token_id: int) -> Delete:
    """Remove what a token has beyond its newest heartbeats."""
    mine = heartbeats.c.token_id == token_id
    key = (heartbeats.c.agent_id, heartbeats.c.deployment)
    newest = select(*key).where(mine).order_by(heartbeats.c.received_at.desc(), *key).limit(most)
    return delete(heartbeats).where(mine, tuple_(*key).not_in(newest))


def _values(beat: Heartbeat) -> dict[str, Any]:
    return {
        "agent_id": beat.agent_id,
        "deployment": beat.deployment,
        "token_id": beat.token_id,
        "received_at": beat.received_at,
        "first_received_at": beat.first_received_at,
        "label": beat.label,
        "type": beat.type,
        "version": beat.version,
        "queues": queues_to_json(beat.queues),
        "branch_deployments": beat.branch_deployments,
        "metadata": dict(beat.metadata),
        "run_worker_statuses": beat.run_worker_statuses,
        "errors": list(beat.errors),
        "code_servers": [asdict(server) for server in beat.servers],
        "reported_id": None,
    }


def _heartbeat(row: Row[Any]) -> Heartbeat:
    of, values = heartbeats.c, row._mapping  # noqa: SLF001 - the public name of a row's mapping
    errors: Sequence[str] = values[of.errors]
    return Heartbeat(
        agent_id=values[of.reported_id] or values[of.agent_id],
        deployment=values[of.deployment],
        token_id=values[of.token_id],
        received_at=values[of.received_at],
        first_received_at=values[of.first_received_at],
        label=values[of.label],
        type=values[of.type],
        version=values[of.version],
        queues=queues_from_json(values[of.queues]),
        branch_deployments=values[of.branch_deployments],
        metadata=values[of.metadata],
        run_worker_statuses=values[of.run_worker_statuses],
        errors=tuple(errors),
        servers=tuple(map(_server, values[of.code_servers] or ())),
        pool=None if values[tokens.c.id] is None else token_of(row),
    )


def _server(stored: Mapping[str, Any]) -> ServerReport:
    return ServerReport(
        location=stored["location"], state=ServerState(stored["state"]), error=stored["error"]
    )


def _newest(token_id: int, connection: Connection) -> float | None:
    newest: float | None = connection.execute(
        select(func.max(heartbeats.c.received_at)).where(heartbeats.c.token_id == token_id)
    ).scalar_one()
    return newest
