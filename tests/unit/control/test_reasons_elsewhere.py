"""Why locations and requests wait, what a name may mean, and what is listed and written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.reasons import MOST_RUNS
from dagstead.errors import ForbiddenError, InvalidInputError, NotFoundError
from dagstead.plane.reasons import ReasonCode, SubjectKind
from dagstead.plane.requests import CHECK_FOR_WORKSPACE_UPDATES, NewRequest
from dagstead.plane.run_queue import QueueLimits
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import control_without_dagster
from tests.support.releases import deploy, new_location
from tests.support.stores import empty_store
from tests.unit.control.waiting_plane import OTHER, RUN, Plane, is_said


@pytest.fixture
def plane(tmp_path: Path, clock: ManualClock) -> Iterator[Plane]:
    store = empty_store(tmp_path, clock)
    yield Plane(store=store, clock=clock)
    store.close()


def test_a_location_that_is_live_and_one_that_is_loading(plane: Plane) -> None:
    plane.beat("gpu")
    is_said(plane.why("weather"), ReasonCode.LIVE, "serves")
    deploy(plane.store, "prod", [new_location("weather", "2", queue="gpu")])
    is_said(plane.why("weather"), ReasonCode.SERVER_STARTING, "agent 'eu' is starting its code")
    check = NewRequest(
        id="check",
        api=CHECK_FOR_WORKSPACE_UPDATES,
        deployment="prod",
        queue="gpu",
        location=None,
        run_id=None,
        body="",
        expires_at=plane.clock() + 60.0,
    )
    plane.store.requests.submit(check)
    is_said(plane.why("weather"), ReasonCode.WAITS_FOR_AGENT, "has not looked for the deploy yet")


def test_a_location_that_waits_for_the_others(plane: Plane) -> None:
    plane.beat("gpu")
    both = [new_location(name, "2", queue="gpu") for name in ("weather", "digits")]
    deploy(plane.store, "prod", both)
    plane.store.releases.set_loaded("prod", "weather", deploy_id="2", manifest="{}")
    is_said(
        plane.why("weather"),
        ReasonCode.WAITS_FOR_RELEASE,
        "go live with the other locations of release 2",
        command="dagstead release show 2 --deployment prod",
    )


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        ("KeyError: 3", ReasonCode.LOAD_ERROR, "Its code cannot be loaded: KeyError: 3."),
        ("ErrImagePull: org/x", ReasonCode.IMAGE_PULL, "cannot pull its image: ErrImagePull"),
        (
            "HTTPError: 404\nNotFound: 404: manifest for org/x not found: manifest unknown",
            ReasonCode.IMAGE_PULL,
            "cannot pull its image: NotFound: 404: manifest for org/x not found",
        ),
    ],
)
def test_a_location_that_cannot_be_loaded(
    plane: Plane, error: str, code: ReasonCode, said: str
) -> None:
    plane.beat("gpu")
    deploy(plane.store, "prod", [new_location("digits", "2", queue="gpu")])
    text = json.dumps({"message": error})
    plane.store.releases.set_failed("prod", "digits", deploy_id="2", error=text)
    is_said(plane.why("digits"), code, said)


def test_a_code_server_that_cannot_be_reached_until_a_try_to_load_it_has_failed(
    plane: Plane,
) -> None:
    plane.beat("gpu")
    store = plane.store
    reason = "Its agent cannot reach its code server: it is gone."
    refuse = plane.control.statuses.note_refused
    refuse(SYSTEM, plane.prod, store.locations.get("prod", "weather"), reason)
    is_said(plane.why("weather"), ReasonCode.SERVER_AWAY, reason, command="dagstead agent list")
    plane.later(10.0)
    plane.beat("gpu")
    assert plane.control.statuses.heal(SYSTEM, plane.prod)
    is_said(plane.why("weather"), ReasonCode.SERVER_AWAY, reason, "in error, healing (try 1")


def test_an_agent_that_starts_and_has_sent_no_heartbeat_yet(plane: Plane) -> None:
    plane.offered()
    plane.store.token_calls.asked(plane.token.id)
    said = "The agents of queue 'gpu' are starting the code servers of their locations"
    is_said(plane.why(), ReasonCode.SERVER_STARTING, said)


def test_requests_by_their_ids(plane: Plane) -> None:
    plane.offered()
    launch = plane.store.launches.newest("prod", RUN)
    assert launch is not None
    request = str(launch.request_id)
    assert plane.control.reasons.why(SYSTEM, request).subject.kind is SubjectKind.REQUEST
    is_said(plane.why(request), ReasonCode.UNSERVED_QUEUE, f"Request {request[:8]} (LAUNCH_RUN)")
    plane.beat("gpu")
    plane.take()
    is_said(plane.why(request), ReasonCode.POPPED_NOT_ANSWERED, "The request LAUNCH_RUN was taken")
    plane.control.requests.answer(Actor.holding(plane.token), plane.prod, request, "{}")
    is_said(plane.why(request), ReasonCode.ANSWERED, "It was answered at 20")


def test_what_a_name_may_mean(plane: Plane) -> None:
    plane.offered(RUN)
    plane.offered(OTHER)
    assert plane.control.reasons.why(SYSTEM, "2871f").subject.id == RUN
    with pytest.raises(InvalidInputError, match="may be several things: run 2871aaaa"):
        plane.why("2871")
    with pytest.raises(NotFoundError, match="Did you mean 'weather'?"):
        plane.why("wether")
    for nothing in ("28", "2871%", "2871_", "no-such-thing"):
        with pytest.raises(NotFoundError, match="There is no run, location or request"):
            plane.why(nothing)


def test_the_runs_of_others_are_not_found(plane: Plane) -> None:
    plane.offered()
    staging = plane.store.deployments.create("staging")

    def actor(grant: Grant) -> Actor:
        name = repr(grant)
        return Actor.holding(plane.store.tokens.create(name, TokenKind.USER, name, grant))

    elsewhere = actor(Grant(deployments=["staging"]))
    with pytest.raises(NotFoundError):
        plane.control.reasons.why(elsewhere, RUN)
    assert plane.control.reasons.waiting_runs(elsewhere).total == 0
    with pytest.raises(ForbiddenError):
        plane.control.reasons.why_run(elsewhere, plane.prod, RUN)
    deployer = actor(Grant(locations=["weather"]))
    assert plane.control.reasons.why(deployer, "weather").subject.deployment == "prod"
    with pytest.raises(NotFoundError):
        plane.control.reasons.why(deployer, RUN)
    with pytest.raises(NotFoundError):
        plane.control.reasons.why(SYSTEM, "weather", staging)


def test_all_that_waits_in_few_statements(plane: Plane) -> None:
    for number in range(12):
        plane.offered(f"{number:08}-0000")
    few, statements = _counting(plane)
    assert few == 12
    for number in range(12, 40):
        plane.offered(f"{number:08}-0000")
    many, more = _counting(plane)
    assert (many, more) == (40, statements)


def test_of_many_that_wait_the_oldest_are_listed_and_all_are_counted(plane: Plane) -> None:
    for number in range(MOST_RUNS + 5):
        plane.offered(f"{number:08}-0000")
        plane.clock.advance(1.0)
    found = plane.control.reasons.waiting_runs(SYSTEM, limit=10 * MOST_RUNS)
    assert (len(found.rows), found.total) == (MOST_RUNS, MOST_RUNS + 5)
    assert found.rows[0].run_id == "00000000-0000"
    # It is none of those, and is explained all the same.
    newest = f"{MOST_RUNS + 4:08}-0000"
    is_said(plane.why(newest), ReasonCode.UNSERVED_QUEUE, "No agent is running")


def _counting(plane: Plane) -> tuple[int, int]:
    seen: list[str] = []
    engine = plane.store.database._engine

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        found = plane.control.reasons.waiting_runs(SYSTEM)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert all(row.reason.code is ReasonCode.UNSERVED_QUEUE for row in found.rows)
    return len(found.rows), len(seen)


def test_a_reason_is_written_into_the_log_once_and_again_when_it_changes(plane: Plane) -> None:
    plane.dagster.limits = QueueLimits(runs=0)
    plane.queued()
    waiting = plane.control.wait_notes
    assert waiting.note(SYSTEM) == []
    plane.later(11.0)
    waiting.note(SYSTEM)
    ((run_id, said),) = plane.dagster.notes
    assert run_id == RUN
    assert said.startswith("It waits. The limit of runs under way in deployment 'prod' is reached")
    plane.later(11.0)
    # By another process, after a restart.
    control_without_dagster(plane.store, plane.dagster).wait_notes.note(SYSTEM)
    assert len(plane.dagster.notes) == 1
    plane.control.pauses.begin(SYSTEM)
    waiting.note(SYSTEM)
    assert plane.dagster.notes[-1][1].endswith("End the pause. `dagstead resume`")
    assert len(plane.dagster.notes) == 2
    plane.control.launches.start(SYSTEM, plane.prod, RUN)
    waiting.note(SYSTEM)
    assert len(plane.dagster.notes) == 2


def test_a_launch_that_nobody_takes_says_so_at_once_and_not_again(plane: Plane) -> None:
    plane.offered()
    plane.control.wait_notes.note_unserved(SYSTEM, plane.prod, RUN, "weather", "gpu")
    plane.later(20.0)
    plane.control.wait_notes.note(SYSTEM)
    ((_, said),) = plane.dagster.notes
    assert said.startswith("Waiting for an agent. No agent is running that could serve queue 'gpu'")
    assert said.endswith("`dagstead token create --kind agent --name NAME --queue gpu`")
