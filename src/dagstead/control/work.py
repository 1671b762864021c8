"""Work for agents, and how it gets on a queue."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from dagstead.control import tracing
from dagstead.control.backend import Backend
from dagstead.control.orchestration import OutgoingRequest
from dagstead.plane.deployments import Deployment
from dagstead.plane.requests import NewRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """A request for an agent, before it is queued."""

    api: str
    queue: str | None
    #: How long it may take; after that nobody needs it.
    lifetime_seconds: float
    #: What the API takes: an object of the official packages, or ``None``.
    args: object = None
    location: str | None = None
    run_id: str | None = None
    #: See :class:`NewRequest`.
    for_token: int | None = None


def submit(backend: Backend, deployment: Deployment, work: Work) -> str:
    """Queue a request, and return its id. The caller rings the bell."""
    new = new_request(backend, deployment, work)
    backend.store.requests.submit(new)
    return new.id


def new_request(backend: Backend, deployment: Deployment, work: Work) -> NewRequest:
    """A request with a new id, ready to be queued."""
    request_id = str(uuid.uuid4())
    expires_at = backend.now() + work.lifetime_seconds
    body = backend.orchestration.request_body(
        OutgoingRequest(
            id=request_id,
            api=work.api,
            deployment=deployment,
            expires_at=expires_at,
            args=work.args,
        )
    )
    new = NewRequest(
        id=request_id,
        api=work.api,
        deployment=deployment.name,
        queue=work.queue,
        location=work.location,
        run_id=work.run_id,
        body=body,
        expires_at=expires_at,
        for_token=work.for_token,
    )
    tracing.request_queued(backend, new)
    return new
