"""The whole agent GraphQL surface, put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dagster_shared.error import DagsterError

from dagstead.agent_api.graphql.asset_events import asset_event_fields
from dagstead.agent_api.graphql.assets import asset_fields
from dagstead.agent_api.graphql.backfills import backfill_fields
from dagstead.agent_api.graphql.catalogue import catalogue_roots
from dagstead.agent_api.graphql.checks import check_fields
from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.defs_state import DefsState
from dagstead.agent_api.graphql.events import event_fields
from dagstead.agent_api.graphql.executor import Executor, Namespace, Resolver, busy, own_message
from dagstead.agent_api.graphql.fleet import Fleet
from dagstead.agent_api.graphql.not_offered import not_offered_roots
from dagstead.agent_api.graphql.partitions import partition_fields
from dagstead.agent_api.graphql.pools import pool_fields
from dagstead.agent_api.graphql.runs import run_fields
from dagstead.agent_api.graphql.schedules import schedules
from dagstead.agent_api.graphql.snapshots import snapshot_fields
from dagstead.agent_api.graphql.trail import recorded
from dagstead.agent_api.graphql.worker_rights import WORKER_RIGHTS, permit
from dagstead.control.away import away_of
from dagstead.errors import DagsteadError


def agent_executor() -> Executor[AgentContext]:
    """An executor of every operation that official agents send."""
    roots: dict[str, Namespace | Resolver] = {
        **_storage_roots(),
        **catalogue_roots(),
        **Fleet().roots(),
    }
    _require_rights(roots)
    return Executor(
        roots, leaving=_to_be_sent_again, message_of=_message, permit=permit, recorded=recorded
    )


def operations(roots: Mapping[str, Namespace | Resolver], below: str = "") -> Iterator[str]:
    """The names of all fields with resolvers, from the root."""
    for name, field in roots.items():
        if isinstance(field, Namespace):
            yield from operations(field.fields, f"{below}{name}.")
        else:
            yield below + name


def _require_rights(roots: Mapping[str, Namespace | Resolver]) -> None:
    different = set(operations(roots)) ^ set(WORKER_RIGHTS)
    if different:
        msg = f"Say in worker_rights.py what is to user code: {sorted(different)}"
        raise AssertionError(msg)


def _storage_roots() -> dict[str, Namespace | Resolver]:
    """The fields that are answered from a deployment's open-source storage."""
    return {
        "runs": Namespace("Runs", {**run_fields(), **snapshot_fields(), **backfill_fields()}),
        "eventLogs": Namespace(
            "EventLogs",
            {
                **event_fields(),
                **asset_fields(),
                **asset_event_fields(),
                **check_fields(),
                **partition_fields(),
                **pool_fields(),
            },
        ),
        "schedules": schedules(),
        **DefsState().roots(),
        **not_offered_roots(),
    }


def _to_be_sent_again(error: Exception) -> DagsteadError | None:
    return busy(error) or away_of(error)


def _message(error: Exception) -> str | None:
    # Of Dagster's errors only those that are meant for users: others may hold SQL, paths or the
    # address of the database.
    return str(error) if isinstance(error, DagsterError) else own_message(error)
