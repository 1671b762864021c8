"""Agents' newest heartbeats in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from dagstead.errors import ConflictError, NotFoundError
from dagstead.plane.agents import Heartbeat
from dagstead.plane.clock import Clock
from dagstead.plane.code_servers import ServerReport, ServerState
from dagstead.plane.organization import Organization
from dagstead.store.database import Database
from dagstead.store.tables import heartbeats, queues_from_json, queues_to_json

_KEYS = ("agent_id", "deployment")


@dataclass(frozen=True, slots=True)
class AgentStore:
    """Stores heartbeats: one row per token, agent and deployment."""

    database: Database
    clock: Clock

    def record(self, beats: Iterable[Heartbeat]) -> None:
        """Store these as the newest heartbeats; the time of an agent's first one stays."""
        with self.database.write() as connection:
            for beat in beats:
                is_stored = (
                    not _is_own_key(beat.agent_id)
                    and connection.execute(self._upsert(_values(beat))).first()
                )
                if not is_stored:
                    connection.execute(self._upsert(_values_apart(beat)))

    def all(self, _of: Organization, *, since: float | None = None) -> list[Heartbeat]:
        """All heartbeats received after ``since``, the newest first."""
        statement = select(heartbeats).order_by(heartbeats.c.received_at.desc())
        if since is not None:
            statement = statement.where(heartbeats.c.received_at >= since)
        with self.database.read() as connection:
            rows = connection.execute(statement).all()
        return [_heartbeat(row) for row in rows]

    def of(self, deployment: str) -> list[Heartbeat]:
        """The heartbeats for one deployment, the newest first."""
        mine = select(heartbeats).where(heartbeats.c.deployment == deployment)
        with self.database.read() as connection:
            rows = connection.execute(mine.order_by(heartbeats.c.received_at.desc())).all()
        return [_heartbeat(row) for row in rows]

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
    errors: Sequence[str] = row.errors
    return Heartbeat(
        agent_id=row.reported_id or row.agent_id,
        deployment=row.deployment,
        token_id=row.token_id,
        received_at=row.received_at,
        first_received_at=row.first_received_at,
        label=row.label,
        type=row.type,
        version=row.version,
        queues=queues_from_json(row.queues),
        branch_deployments=row.branch_deployments,
        metadata=row._mapping["metadata"],  # noqa: SLF001 - the public name of a row's mapping
        run_worker_statuses=row.run_worker_statuses,
        errors=tuple(errors),
        servers=tuple(map(_server, row.code_servers or ())),
    )


def _server(stored: Mapping[str, Any]) -> ServerReport:
    return ServerReport(
        location=stored["location"], state=ServerState(stored["state"]), error=stored["error"]
    )
