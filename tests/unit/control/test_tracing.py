"""What acts report to traces; and that they store nothing while nobody collects any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control, control_over
from dagstead.control.requests import Poll
from dagstead.control.work import Work
from dagstead.plane.releases import NewRelease
from dagstead.plane.traces import NO_TRACER, Span, Tracer
from dagstead.store.all import Store
from dagstead.store.tables import traces
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import NoDagster
from tests.support.releases import new_location
from tests.support.stores import empty_store


@dataclass(slots=True)
class Recorder:
    """A tracer that keeps what it is given."""

    is_on: bool = True
    inside: str | None = None
    spans: list[tuple[str, str | None, Span]] = field(default_factory=list)

    def current(self) -> str | None:
        return self.inside

    def record(self, span: Span, parent: str | None) -> str | None:
        self.spans.append((span.name, parent, span))
        return f"{span.name} {len(self.spans)}"

    @contextmanager
    def during(
        self, name: str, parent: str | None = None, **attributes: str | int
    ) -> Iterator[object]:
        yield name, parent, attributes


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    opened = empty_store(tmp_path, clock)
    opened.deployments.create("prod")
    opened.deployments.set_settings("prod", {"releases": {"unserved_queue": "wait"}})
    yield opened
    opened.close()


def control_of(store: Store, tracer: Tracer) -> Control:
    return control_over(store, store.bell, NoDagster, tracer)


def links(store: Store) -> int:
    with store.database.read() as connection:
        return len(connection.execute(select(traces)).all())


def work(queue: str, run_id: str | None = None) -> Work:
    return Work(api="PING", queue=queue, lifetime_seconds=60, run_id=run_id)


def test_nothing_is_stored_while_nobody_traces(store: Store) -> None:
    control = control_of(store, NO_TRACER)
    prod = store.deployments.get("prod")
    control.traces.queued(SYSTEM, prod, "run")
    control.requests.submit(SYSTEM, prod, work("gpu"))
    (request,) = control.requests.take(SYSTEM, Poll(full_deployments=["prod"], queues=["gpu"]))
    control.requests.answer(SYSTEM, prod, request.id, "pong")
    control.releases.begin(SYSTEM, prod, NewRelease(locations=[new_location("weather")]))
    assert links(store) == 0


def test_a_request_has_the_time_that_it_waited_and_the_time_of_its_agent(
    store: Store, clock: ManualClock
) -> None:
    tracer = Recorder(inside="caller")
    control = control_of(store, tracer)
    prod = store.deployments.get("prod")
    control.requests.submit(SYSTEM, prod, work("gpu"))
    tracer.inside = None
    clock.advance(3)
    (request,) = control.requests.take(SYSTEM, Poll(full_deployments=["prod"], queues=["gpu"]))
    clock.advance(4)
    control.requests.answer(SYSTEM, prod, request.id, "pong")

    lasted = {name: span.ended_at - span.began_at for name, _, span in tracer.spans}
    parents = {name: parent for name, parent, _ in tracer.spans}

    assert lasted == {"request PING": 7, "wait for an agent": 3, "agent's answer": 4}
    assert parents["request PING"] == "caller"
    assert parents["wait for an agent"] == parents["agent's answer"] == "request PING 1"


def test_the_request_of_a_run_belongs_to_its_trace(store: Store) -> None:
    tracer = Recorder(inside="launcher")
    control = control_of(store, tracer)
    prod = store.deployments.get("prod")
    control.traces.queued(SYSTEM, prod, "run")
    # The daemon, another process, knows nothing of who launched it.
    tracer.inside = None
    control.requests.submit(SYSTEM, prod, work("gpu", run_id="run"))
    (request,) = control.requests.take(SYSTEM, Poll(full_deployments=["prod"], queues=["gpu"]))
    control.requests.answer(SYSTEM, prod, request.id, "done")
    assert [parent for name, parent, _ in tracer.spans if name == "request PING"] == ["launcher"]


@pytest.mark.parametrize("fails", [False, True])
def test_a_load_belongs_to_the_trace_of_its_release(
    store: Store, clock: ManualClock, *, fails: bool
) -> None:
    tracer = Recorder(inside="deploy")
    control = control_of(store, tracer)
    prod = store.deployments.get("prod")
    control.releases.begin(SYSTEM, prod, NewRelease(locations=[new_location("weather")]))
    tracer.inside = None
    clock.advance(9)
    reports = control.load_reports
    if fails:
        reports.failed(SYSTEM, prod, "weather", deploy_id="1", error="{}")
    else:
        reports.loaded(SYSTEM, prod, "weather", deploy_id="1", manifest="{}")

    ((_, parent, span),) = [each for each in tracer.spans if each[0] == "load weather"]

    assert parent == "deploy"
    assert span.ended_at - span.began_at == 9
    assert (span.error is not None) is fails
