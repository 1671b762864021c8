"""What acts report to traces. While nobody collects them, each of these is one look at a flag."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from dagstead.control.backend import Backend
from dagstead.errors import StoreAwayError
from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import Launch
from dagstead.plane.locations import Location
from dagstead.plane.requests import NewRequest, Request
from dagstead.plane.traces import Link, Span, TraceKind

logger = logging.getLogger(__name__)

P = ParamSpec("P")


def _if_on(
    report: Callable[Concatenate[Backend, P], None],
) -> Callable[Concatenate[Backend, P], None]:
    """Skip a report while nobody traces; what cannot be reported fails no act."""

    @wraps(report)
    def reported(backend: Backend, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if not backend.tracer.is_on:
            return
        try:
            report(backend, *args, **kwargs)
        except StoreAwayError as error:
            logger.debug("A part of a trace is lost: %s", error.reason)

    return reported


@_if_on
def release_begun(backend: Backend, deployment: Deployment, number: int) -> None:
    """Have a release belong to the trace of whoever begins it."""
    parent = backend.tracer.current()
    if parent is not None:
        backend.store.traces.keep(deployment.name, TraceKind.RELEASE, str(number), parent)


@_if_on
def run_queued(backend: Backend, deployment: Deployment, run_id: str) -> None:
    """Have a run belong to the trace of whoever launches it, or to one of its own."""
    traces = backend.store.traces
    if traces.get(deployment.name, TraceKind.RUN, run_id) is not None:
        return
    parent = backend.tracer.current()
    if parent is None:
        now = backend.now()
        queued = Span(
            name="run queued",
            began_at=now,
            ended_at=now,
            attributes=_of_run(deployment.name, run_id),
        )
        parent = backend.tracer.record(queued, None)
    if parent is not None:
        traces.keep(deployment.name, TraceKind.RUN, run_id, parent)


@_if_on
def request_queued(backend: Backend, new: NewRequest) -> None:
    """Have a request belong to the trace of its run, or of whoever asks."""
    link = None
    if new.run_id is not None:
        link = backend.store.traces.get(new.deployment, TraceKind.RUN, new.run_id)
    parent = backend.tracer.current() if link is None else link.parent
    if parent is not None:
        backend.store.traces.keep(new.deployment, TraceKind.REQUEST, new.id, parent)


@_if_on
def request_answered(backend: Backend, request: Request) -> None:
    """Report a request that an agent has answered: how long it waited, and how long that took."""
    link = backend.store.traces.get(request.deployment, TraceKind.REQUEST, request.id)
    if link is None:
        return
    now = backend.now()
    taken_at = now if request.leased_at is None else request.leased_at
    attributes: dict[str, str | int | float | bool] = {
        "dagstead.deployment": request.deployment,
        "dagstead.request.id": request.id,
        "dagstead.request.api": request.api,
        "dagstead.queue": request.queue or "",
        "dagstead.deliveries": request.deliveries,
    }
    if request.location is not None:
        attributes["dagstead.location"] = request.location
    if request.run_id is not None:
        attributes["dagster.run_id"] = request.run_id
    whole = Span(
        name=f"request {request.api}",
        began_at=request.created_at,
        ended_at=now,
        attributes=attributes,
    )
    parent = backend.tracer.record(whole, link.parent)
    waits = Span(name="wait for an agent", began_at=request.created_at, ended_at=taken_at)
    backend.tracer.record(waits, parent)
    backend.tracer.record(Span(name="agent's answer", began_at=taken_at, ended_at=now), parent)


@_if_on
def run_started(backend: Backend, launch: Launch) -> None:
    """Report the time from the run queue to the start of a run."""
    link = backend.store.traces.get(launch.deployment, TraceKind.RUN, launch.run_id)
    if link is None or launch.started_at is None:
        return
    started = Span(
        name="run start",
        began_at=launch.begun_at or launch.created_at,
        ended_at=launch.started_at,
        attributes={
            **_of_run(launch.deployment, launch.run_id),
            "dagstead.launch": launch.number,
            "dagstead.queue": launch.queue or "",
        },
    )
    backend.tracer.record(started, link.parent)


@_if_on
def location_loaded(
    backend: Backend, deployment: Deployment, before: Location | None, error: str | None = None
) -> None:
    """Report that an agent has loaded a location of a release, or could not.

    Args:
        backend: behind the act.
        deployment: of the location.
        before: the location as it was until then.
        error: why it could not be loaded.
    """
    link = _of_release(backend, deployment, before)
    if link is None or before is None:
        return
    load = Span(
        name=f"load {before.name}",
        began_at=link.at,
        ended_at=backend.now(),
        attributes={
            "dagstead.deployment": deployment.name,
            "dagstead.location": before.name,
            "dagstead.release": before.open_release or 0,
        },
        error=error,
    )
    backend.tracer.record(load, link.parent)


def _of_release(backend: Backend, deployment: Deployment, location: Location | None) -> Link | None:
    if location is None or location.open_release is None:
        return None
    number = str(location.open_release)
    return backend.store.traces.get(deployment.name, TraceKind.RELEASE, number)


def _of_run(deployment: str, run_id: str) -> dict[str, str | int | float | bool]:
    return {"dagstead.deployment": deployment, "dagster.run_id": run_id}
