"""``POST /store_events``: events of runs, many at once."""

from __future__ import annotations

from dagster_cloud.api.dagster_cloud_api import StoreEventBatchRequest
from starlette.responses import JSONResponse, Response

from dagstead.agent_api.event_writer import InstanceEventWriter
from dagstead.agent_api.rest import Payload, unpack_text
from dagstead.agent_api.services import Caller


def event_writer(caller: Caller) -> InstanceEventWriter:
    """What stores events of the call's deployment, each once."""
    deployment = caller.deployment
    return InstanceEventWriter(
        instance=caller.services.instances.get(deployment),
        ledger=caller.control.writes.ledger(caller.actor, deployment),
    )


def store_events(caller: Caller, payload: Payload) -> Response:
    """Store a batch of events, once for each Idempotency-Key."""
    batch = unpack_text(payload.file("store_events.tmp"), StoreEventBatchRequest)
    event_writer(caller).write(list(batch.event_log_entries), caller.idempotency_key)
    return JSONResponse({})
