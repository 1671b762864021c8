"""The tokens of user code: they end with their processes, however these end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.all import Control
from dagstead.control.work import Work
from dagstead.control.workers import NewWorker
from dagstead.errors import ForbiddenError, UnauthenticatedError
from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import How, LaunchEnd, LaunchTags, RunEnd
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import LAUNCH_RUN
from dagstead.plane.tokens import Grant, Token, TokenKind
from dagstead.plane.workers import (
    LAST_WORDS_SECONDS,
    MADE_SECONDS,
    SERVER_SECONDS,
    SETTLING_SECONDS,
    IssuedWorkerToken,
    PoolCount,
)
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import control_without_dagster
from tests.support.releases import deploy, new_location
from tests.support.stores import empty_store

RUN = "00000000-0000-4000-8000-000000000001"
LOST = LaunchEnd(status=None, how=How.EXITED, by="it", reason="It was killed.")
FAILED = LaunchEnd(status=RunEnd.FAILURE, how=How.EXITED, by="it", reason="It died.")


@dataclass(frozen=True, kw_only=True)
class Site:
    """A control plane and the agent of its pool."""

    store: Store
    control: Control
    clock: ManualClock
    prod: Deployment
    pool: Actor

    def mint(self, launch: int | None = None, pool: Actor | None = None) -> IssuedWorkerToken:
        run_id = None if launch is None else RUN
        new = NewWorker(agent_id="a1", location="weather", run_id=run_id, launch=launch)
        return self.control.workers.mint(pool or self.pool, self.prod, new, "org")

    def token(self, issued: IssuedWorkerToken) -> Token:
        return self.control.token_reader.of_secret(issued.secret)

    def is_valid(self, issued: IssuedWorkerToken) -> bool:
        try:
            self.token(issued)
        except UnauthenticatedError:
            return False
        return True

    def keep(self, *running: IssuedWorkerToken, ended: tuple[IssuedWorkerToken, ...] = ()) -> int:
        count = PoolCount(
            agent_ids=["a1"],
            running=[each.id for each in running],
            ended=[each.id for each in ended],
        )
        return self.control.workers.keep(self.pool, count)

    def end_launch(self, ending: LaunchEnd) -> None:
        self.control.launches.end(SYSTEM, self.prod, RUN, ending)


@pytest.fixture
def site(tmp_path: Path, clock: ManualClock) -> Iterator[Site]:
    store = empty_store(tmp_path, clock)
    prod = store.deployments.create("prod")
    token = store.tokens.create("pool", TokenKind.POOL, "pool:org:1", Grant(queues=[None]))
    control = control_without_dagster(store)
    control.launches.submit(SYSTEM, prod, RUN)
    yield Site(store=store, control=control, clock=clock, prod=prod, pool=Actor.holding(token))
    store.close()


def test_a_token_says_what_its_process_is_for(site: Site) -> None:
    token = site.token(site.mint(1))
    assert token.kind is TokenKind.WORKER
    assert token.worker is not None
    assert (token.worker.run_id, token.worker.location) == (RUN, "weather")
    assert token.grants_deployment("prod", is_branch=False)
    assert not token.grants_deployment("staging", is_branch=False)
    assert not token.grants_queue(None)


def test_the_location_of_a_run_is_that_of_its_launch_whatever_the_pool_says(site: Site) -> None:
    _launch(site, RUN, "weather")
    new = NewWorker(agent_id="a1", location="elsewhere", run_id=RUN, launch=1)
    issued = site.control.workers.mint(site.pool, site.prod, new, "org")
    worker = site.token(issued).worker
    assert worker is not None
    assert worker.location == "weather"


def test_no_secret_is_stored_nor_shown(site: Site) -> None:
    issued = site.mint()
    assert issued.secret.split(":")[:2] == ["worker", "org"]
    assert issued.secret not in repr(issued)
    assert issued.secret not in repr(site.store.workers.all(ORGANIZATION))


def test_a_worker_of_a_launch_that_is_over_gets_none(site: Site) -> None:
    with pytest.raises(ForbiddenError, match="Launch 2 of run .* is over"):
        site.mint(2)
    site.end_launch(FAILED)
    with pytest.raises(ForbiddenError, match="is over"):
        site.mint(1)


def test_the_next_launch_ends_the_token_of_the_one_before(site: Site) -> None:
    first = site.mint(1)
    site.end_launch(LOST)
    second = site.mint(2)
    assert (site.is_valid(first), site.is_valid(second)) == (False, True)


def test_only_the_pool_that_serves_a_deployment_gets_tokens_for_it(site: Site) -> None:
    site.store.deployments.create("staging")
    grants = (
        (TokenKind.AGENT, Grant()),
        (TokenKind.USER, Grant()),
        (TokenKind.POOL, Grant(deployments=["staging"], branch_deployments=False)),
    )
    for number, (kind, grant) in enumerate(grants):
        token = site.store.tokens.create(str(number), kind, str(number), grant)
        with pytest.raises(ForbiddenError):
            site.mint(pool=Actor.holding(token))
    with pytest.raises(ForbiddenError):
        site.mint(pool=Actor.holding(site.token(site.mint())))


def test_a_token_ends_when_its_process_is_reported_as_ended(site: Site) -> None:
    running, ended = site.mint(), site.mint()
    assert site.keep(running, ended=(ended,)) == 1
    assert (site.is_valid(running), site.is_valid(ended)) == (True, False)


def test_after_the_kill_of_a_pool_what_its_next_agent_does_not_find_ends(site: Site) -> None:
    lost = site.mint()
    assert site.keep() == 0, "it may be about to start"
    site.clock.advance(SETTLING_SECONDS + 1)
    fresh = site.mint()
    assert site.keep() == 1
    assert (site.is_valid(lost), site.is_valid(fresh)) == (False, True)


def test_one_pool_does_not_end_the_tokens_of_another(site: Site) -> None:
    mine = site.mint()
    site.clock.advance(SETTLING_SECONDS + 1)
    other = site.store.tokens.create("other", TokenKind.POOL, "pool:org:2", Grant())
    count = PoolCount(agent_ids=["a1"], running=[], ended=[mine.id])
    assert site.control.workers.keep(Actor.holding(other), count) == 0
    beside = PoolCount(agent_ids=["a2"], running=[], ended=[mine.id])
    assert site.control.workers.keep(site.pool, beside) == 0
    assert site.is_valid(mine)


def test_a_code_server_whose_pool_is_gone_loses_its_token_after_a_while(site: Site) -> None:
    server = site.mint()
    site.clock.advance(SERVER_SECONDS - 1)
    site.keep(server)
    site.clock.advance(SERVER_SECONDS - 1)
    assert site.is_valid(server)
    site.clock.advance(1)
    assert not site.is_valid(server)
    # The pool is back, and the server still runs.
    site.keep(server)
    assert site.is_valid(server)
    site.clock.advance(SERVER_SECONDS + 1)
    assert site.control.workers.sweep(SYSTEM) == 1
    assert site.store.workers.all(ORGANIZATION) == []


def test_the_worker_of_a_launch_outlives_its_pool_and_not_its_launch(site: Site) -> None:
    worker = site.mint(1)
    site.clock.advance(10 * SERVER_SECONDS)
    assert site.control.workers.sweep(SYSTEM) == 0
    assert site.is_valid(worker)
    site.end_launch(FAILED)
    site.clock.advance(LAST_WORDS_SECONDS - 1)
    assert site.control.workers.sweep(SYSTEM) == 0
    site.clock.advance(2)
    assert site.control.workers.sweep(SYSTEM) == 1
    assert not site.is_valid(worker)


def test_the_token_of_a_run_that_is_deleted_ends(site: Site) -> None:
    worker = site.mint(1)
    site.control.launches.forget(SYSTEM, site.prod, RUN)
    site.control.workers.sweep(SYSTEM)
    assert not site.is_valid(worker)


def test_a_pool_that_stops_takes_the_tokens_of_its_code_along(site: Site) -> None:
    secret = site.control.pool_tokens.renew(SYSTEM, "here", "org")
    own = Actor.holding(site.control.token_reader.of_secret(secret))
    of_stopped, of_other = site.mint(pool=own), site.mint()
    site.control.pool_tokens.revoke(SYSTEM, "here")
    assert (site.is_valid(of_stopped), site.is_valid(of_other)) == (False, True)


def test_a_code_server_writes_to_the_runs_that_are_executed_in_it(site: Site) -> None:
    inside = "00000000-0000-4000-8000-000000000002"
    server = Actor.holding(site.token(site.mint()))
    check = site.control.workers.require_run
    with pytest.raises(ForbiddenError):
        check(server, site.prod, RUN)
    for location, may in (("weather", True), ("digits", False)):
        _launch(site, inside, location, in_code_server=True)
        if may:
            check(server, site.prod, inside)
        else:
            with pytest.raises(ForbiddenError):
                check(server, site.prod, inside)
        site.control.launches.forget(SYSTEM, site.prod, inside)


def _launch(site: Site, run_id: str, location: str, *, in_code_server: bool = False) -> None:
    deploy(site.store, "prod", [new_location(location, "1")])
    work = Work(api=LAUNCH_RUN, queue=None, lifetime_seconds=60.0, run_id=run_id, location=location)
    site.control.launches.offer(SYSTEM, site.prod, work, LaunchTags(in_code_server=in_code_server))
    site.control.requests.begin_launch(SYSTEM, site.prod, run_id, "a1")


def test_what_was_made_is_forgotten_after_a_while(site: Site) -> None:
    worker = Actor.holding(site.token(site.mint(1)))
    site.control.workers.note_making(worker, site.prod, "made")
    site.control.workers.require_run(worker, site.prod, "made")
    site.clock.advance(MADE_SECONDS + 1)
    site.control.workers.sweep(SYSTEM)
    with pytest.raises(ForbiddenError):
        site.control.workers.require_run(worker, site.prod, "made")


@pytest.mark.parametrize(
    ("log_key", "may"),
    [
        ([RUN, "compute_logs", "step"], True),
        (["00000000-0000-4000-8000-000000000009", "compute_logs", "step"], False),
        (["__repository__", "sensor", "7"], False),
    ],
)
def test_a_run_worker_sends_the_output_of_its_run(
    site: Site, log_key: list[str], *, may: bool
) -> None:
    worker = Actor.holding(site.token(site.mint(1)))
    if may:
        site.control.workers.require_log(worker, site.prod, log_key)
    else:
        with pytest.raises(ForbiddenError):
            site.control.workers.require_log(worker, site.prod, log_key)


def test_a_code_server_sends_the_output_of_its_ticks_and_of_no_run(site: Site) -> None:
    server = Actor.holding(site.token(site.mint()))
    site.control.workers.require_log(server, site.prod, ["__repository__", "sensor", "7"])
    with pytest.raises(ForbiddenError):
        site.control.workers.require_log(server, site.prod, [RUN, "compute_logs", "step"])
