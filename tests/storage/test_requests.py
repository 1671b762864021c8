"""The request queue: who gets a request, once, and what becomes of it."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from dagstead.plane.deployments import Branch
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.pauses import Pause
from dagstead.plane.presence import SILENT_SECONDS
from dagstead.plane.requests import LAUNCH_RUN, Claim, NewRequest
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock

pytestmark = pytest.mark.storage


@pytest.fixture(autouse=True)
def _prod(store: Store) -> None:
    store.deployments.create("prod")


def request(
    request_id: str,
    *,
    queue: str | None = None,
    deployment: str = "prod",
    api: str = "PING_LOCATION",
    run_id: str | None = None,
    expires_at: float = 9e9,
    for_token: int | None = None,
) -> NewRequest:
    return NewRequest(
        id=request_id,
        api=api,
        deployment=deployment,
        queue=queue,
        location="weather",
        run_id=run_id,
        body="{}",
        expires_at=expires_at,
        for_token=for_token,
    )


def claim(
    *queues: str | None,
    token: int = 1,
    deployments: tuple[str, ...] = ("prod",),
    branches: bool = False,
    limit: int = 10,
) -> Claim:
    return Claim(
        token_id=token,
        deployments=frozenset(deployments),
        branch_deployments=branches,
        queues=frozenset(queues),
        limit=limit,
    )


def popped(store: Store, wanted: Claim) -> list[str]:
    return [each.id for each in store.requests.pop(wanted)]


@pytest.mark.parametrize(
    ("queues", "expected"),
    [
        ((None,), ["default"]),
        (("gpu",), ["gpu"]),
        (("gpu", None), ["default", "gpu"]),
        (("gpu", "eu", None), ["default", "gpu", "eu"]),
        (("nobody",), []),
        (("",), []),
        ((), []),
    ],
)
def test_a_poll_takes_the_requests_of_its_queues_and_no_others(
    store: Store, queues: tuple[str | None, ...], expected: list[str]
) -> None:
    store.requests.submit(request("default"))
    store.requests.submit(request("gpu", queue="gpu"))
    store.requests.submit(request("eu", queue="eu"))

    assert popped(store, claim(*queues)) == expected
    assert popped(store, claim(*queues)) == []


def test_a_poll_takes_the_requests_of_its_deployments_and_no_others(store: Store) -> None:
    store.deployments.create("staging")
    branch = store.deployments.create_or_update_branch(
        Branch(repo_name="shop", branch_name="fix"), base=None
    )
    store.requests.submit(request("of-prod"))
    store.requests.submit(request("of-staging", deployment="staging"))
    store.requests.submit(request("of-branch", deployment=branch.name))

    assert popped(store, claim(None, deployments=("staging",))) == ["of-staging"]
    assert popped(store, claim(None, deployments=(branch.name,))) == []
    assert popped(store, claim(None, deployments=(), branches=True)) == ["of-branch"]
    assert popped(store, claim(None, branches=True)) == ["of-prod"]


def test_in_a_pause_no_launch_is_handed_out(store: Store) -> None:
    store.requests.submit(request("launch", api=LAUNCH_RUN, run_id="run"))
    store.requests.submit(request("ping"))
    assert store.properties.begin_pause(Pause(since=1.0, reason="For a test."))

    assert popped(store, claim(None)) == ["ping"]

    assert store.properties.end_pause()
    assert popped(store, claim(None)) == ["launch"]


def test_a_busy_deployment_does_not_starve_another(store: Store) -> None:
    store.deployments.create("staging")
    for number in range(5):
        store.requests.submit(request(f"prod-{number}"))
    store.requests.submit(request("staging", deployment="staging"))

    taken = popped(store, claim(None, deployments=("prod", "staging"), limit=2))

    assert taken == ["prod-0", "prod-1", "staging"]


def test_agents_that_compete_never_both_get_a_request(store: Store) -> None:
    total = 60
    for number in range(total):
        store.requests.submit(request(str(number)))

    def agent(token: int) -> list[str]:
        taken: list[str] = []
        while batch := popped(store, claim(None, token=token, limit=3)):
            taken += batch
        return taken

    with ThreadPoolExecutor(4) as agents:
        counts = Counter(each for taken in agents.map(agent, range(4)) for each in taken)

    assert len(counts) == total
    assert set(counts.values()) == {1}


def test_the_first_answer_counts_and_only_in_its_deployment(store: Store) -> None:
    store.deployments.create("staging")
    store.requests.submit(request("r"))

    assert store.requests.answer("staging", "r", "foreign", by=None) is None
    assert store.requests.answer("prod", "r", "first", by=None) is not None
    assert store.requests.answer("prod", "r", "second", by=None) is None
    assert store.requests.answer("prod", "unknown", "?", by=None) is None
    answer = store.requests.get_answer("prod", "r")
    assert answer is not None
    assert answer.text == "first"
    assert store.requests.get_answer("staging", "r") is None


def test_what_a_gone_agent_held_waits_for_another(store: Store) -> None:
    store.requests.submit(request("r"))
    [held] = store.requests.pop(claim(None, token=1))

    assert store.requests.give_back(held)

    [again] = store.requests.pop(claim(None, token=2))
    assert (again.id, again.leased_by, again.deliveries) == ("r", 2, 2)
    assert not store.requests.give_back(held), "it was delivered anew since"


def test_a_request_for_one_agent_is_left_to_it_while_it_calls(
    store: Store, clock: ManualClock
) -> None:
    store.token_calls.polled(1)
    store.requests.submit(request("for-1", for_token=1))
    store.requests.submit(request("for-any"))

    assert popped(store, claim(None, token=2)) == ["for-any"]
    assert popped(store, claim(None, token=2)) == []
    [held] = store.requests.pop(claim(None, token=1))
    assert held.id == "for-1"

    store.requests.submit(request("late", for_token=1))
    clock.advance(SILENT_SECONDS)
    assert popped(store, claim(None, token=2)) == ["late"]
    assert store.requests.give_back(held), "its agent is gone"
    store.token_calls.polled(1)
    assert popped(store, claim(None, token=2)) == ["for-1"]


def test_a_launch_that_was_begun_is_never_given_back(store: Store) -> None:
    store.requests.submit(request("r", api=LAUNCH_RUN, run_id="run"))
    [held] = store.requests.pop(claim(None))

    assert store.requests.begin_launch("prod", "run", "agent-1", by=None)

    assert not store.requests.give_back(held)


def test_only_the_first_agent_begins_a_run(store: Store) -> None:
    store.requests.submit(request("r", api=LAUNCH_RUN, run_id="run"))

    with ThreadPoolExecutor(8) as agents:
        begun = list(
            agents.map(
                lambda n: store.requests.begin_launch("prod", "run", f"a{n}", by=None), range(8)
            )
        )

    assert begun.count(True) == 1
    winner = f"a{begun.index(True)}"
    assert store.requests.begin_launch("prod", "run", winner, by=None), (
        "the same agent may say it again"
    )


def test_ids_of_requests_and_runs_lead_to_nothing_in_another_deployment(store: Store) -> None:
    store.deployments.create("staging")
    store.requests.submit(request("r", api=LAUNCH_RUN, run_id="run"))
    [before] = store.requests.of_run("prod", "run")

    assert store.requests.of_run("staging", "run") == []
    assert store.requests.begin_launch("staging", "run", "foreign", by=None), (
        "nobody has begun one there"
    )
    assert store.requests.withdraw("staging", ["r"]) == 0
    store.requests.expire("staging", ["r"])
    assert store.requests.of_run("prod", "run") == [before]


def test_runs_of_one_id_in_two_deployments_are_begun_apart(store: Store) -> None:
    store.deployments.create("staging")
    for deployment in ("prod", "staging"):
        store.requests.submit(
            request(f"of-{deployment}", deployment=deployment, api=LAUNCH_RUN, run_id="run")
        )

    assert store.requests.begin_launch("prod", "run", "agent-of-prod", by=None)
    assert store.requests.begin_launch("staging", "run", "agent-of-staging", by=None)
    begun = {
        name: launch.begun_by
        for name in ("prod", "staging")
        for launch in store.requests.of_run(name, "run")
    }
    assert begun == {"prod": "agent-of-prod", "staging": "agent-of-staging"}


def test_overdue_requests_expire_and_are_not_handed_out(store: Store, clock: ManualClock) -> None:
    store.requests.submit(request("soon", expires_at=clock() + 5))
    store.requests.submit(request("late", expires_at=clock() + 500))
    clock.advance(10)

    assert [each.id for each in store.requests.expire_overdue(ORGANIZATION)] == ["soon"]
    assert popped(store, claim(None)) == ["late"]
    assert store.requests.answer("prod", "soon", "too late", by=None) is None


def test_only_a_waiting_request_can_be_withdrawn(store: Store) -> None:
    store.requests.submit(request("taken"))
    store.requests.pop(claim(None))
    store.requests.submit(request("waiting"))

    assert store.requests.withdraw("prod", ["taken", "waiting"]) == 1
    assert [each.id for each in store.requests.open(ORGANIZATION)] == ["taken"]


def test_ended_requests_are_purged_by_age_and_open_ones_stay(
    store: Store, clock: ManualClock
) -> None:
    store.requests.submit(request("ended", run_id="run"))
    store.requests.answer("prod", "ended", "x", by=None)
    store.requests.submit(request("open", run_id="run"))
    clock.advance(100)

    assert store.requests.purge(ORGANIZATION, older_than_seconds=50) == 1
    assert [each.id for each in store.requests.of_run("prod", "run")] == ["open"]


def test_a_deleted_deployment_takes_its_requests_along(store: Store) -> None:
    store.deployments.create("staging")
    store.requests.submit(request("r", run_id="run"))
    store.deployments.delete("prod")

    assert store.requests.of_run("prod", "run") == []
