"""Agents' newest heartbeats in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Delete, Insert, Row, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from dagstead.errors import ConflictError, NotFoundError
from dagstead.plane.agents import Heartbeat
from dagstead.plane.clock import Clock
from dagstead.plane.code_servers import ServerReport, ServerState
from dagstead.store.database import Database
from dagstead.store.tables import heartbeats, queues_from_json, queues_to_json

_KEYS = ("agent_id", "deployment")


@dataclass(frozen=True, slots=True)
class AgentStore:
    """Stores heartbeats: one row per agent and deployment."""

    database: Database
    clock: Clock

    def record(self, beats: Iterable[Heartbeat], *, most: int | None = None) -> None:
        """Store these as the newest heartbeats; the time of an agent's first one stays.

        Args:
            beats: of one token, if ``most`` is given.
            most: how many the token may have; the oldest of more are removed.
        """
        tokens: set[int] = set()
        with self.database.write() as connection:
            for beat in beats:
                connection.execute(self._upsert(_values(beat)))
                tokens.add(beat.token_id)
            if most is not None:
                for token_id in tokens:
                    connection.execute(_oldest_beyond(most, token_id))

    def all(self, *, since: float | None = None) -> list[Heartbeat]:
        """All heartbeats received after ``since``, the newest first."""
        statement = select(heartbeats).order_by(heartbeats.c.received_at.desc())
        if since is not None:
            statement = statement.where(heartbeats.c.received_at >= since)
        with self.database.read() as connection:
            rows = connection.execute(statement).all()
        return [_heartbeat(row) for row in rows]

    def of(self, deployment: str) -> list[Heartbeat]:
        """The heartbeats for one deployment, the newest first."""
        return [beat for beat in self.all() if beat.deployment == deployment]

    def token_of(self, agent_id: str) -> int | None:
        """The token that an agent calls with; ``None`` while no heartbeat of it is known."""
        with self.database.read() as connection:
            return connection.execute(
                select(heartbeats.c.token_id).where(heartbeats.c.agent_id == agent_id).limit(1)
            ).scalar_one_or_none()

    def forget(self, older_than_seconds: float) -> int:
        """Remove agents without a heartbeat for that long; returns the number of rows."""
        before = self.clock() - older_than_seconds
        with self.database.write() as connection:
            return connection.execute(
                delete(heartbeats).where(heartbeats.c.received_at < before)
            ).rowcount

    def forget_gone(self, agent_id: str, silent_seconds: float) -> str:
        """Remove one agent without a heartbeat for that long; returns its name.

        Raises:
            ConflictError: when it has sent one since then.
            NotFoundError: when no agent has that id.
        """
        mine = heartbeats.c.agent_id == agent_id
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

    def _upsert(self, values: dict[str, Any]) -> Insert:
        kept = {k: v for k, v in values.items() if k not in {*_KEYS, "first_received_at"}}
        if self.database.is_sqlite:
            return (
                sqlite.insert(heartbeats)
                .values(**values)
                .on_conflict_do_update(index_elements=_KEYS, set_=kept)
            )
        return (
            postgresql.insert(heartbeats)
            .values(**values)
            .on_conflict_do_update(index_elements=_KEYS, set_=kept)
        )


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
    }


def _heartbeat(row: Row[Any]) -> Heartbeat:
    errors: Sequence[str] = row.errors
    return Heartbeat(
        agent_id=row.agent_id,
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
