"""What an agent of another queue or deployment, a user, and nobody get of an agent's things."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from inspect import signature
from itertools import product
from typing import Any

import pytest

from dagstead.agent_api.graphql.trail import ADMINISTERS
from dagstead.control.trail_table import Quiet
from dagstead.plane.tokens import TokenKind
from dagstead.plane.trail import Result
from tests.attack.agents_decisions import DECIDED, OF_ALL_QUEUES, QUIET, Names
from tests.attack.agents_operations import ENDPOINTS, Request, calls, endpoints, graphql_fields
from tests.attack.agents_plane import (
    AGENT_ID,
    DEPLOY_DATA,
    GRANTS,
    OURS,
    SECRET,
    THEIRS,
    AgentsPlane,
    Victim,
    agents_plane,
)
from tests.attack.agents_values import IN_STORAGE

#: Those who may do nothing in the deployment.
OUTSIDERS = ("nobody", "a user", "another deployment", "another pool", "code elsewhere")

OPERATIONS = [*graphql_fields(), *endpoints()]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentsPlane]:
    with agents_plane(tmp_path_factory.mktemp("attacked")) as made:
        yield made


@pytest.fixture(scope="module")
def victim(plane: AgentsPlane) -> Victim:
    """One for all attackers, as none of them changes it."""
    return plane.victim()


def is_refused(answer: Any) -> bool:
    """Whether an answer is a refusal, of HTTP or of GraphQL."""
    if answer.status_code >= 400:
        return True
    is_json = "json" in answer.headers.get("content-type", "")
    return is_json and "errors" in answer.json()


def sent(request: Request) -> str:
    """All that a request carries, with its files as they were before they were compressed."""
    files = request.more.get("files", {}).values()
    unpacked = [zlib.decompress(each) for each in files if each[:1] == b"x"]
    return repr((request.more, unpacked))


def test_every_operation_is_decided() -> None:
    assert sorted(DECIDED) == sorted(OPERATIONS), "say in DECIDED what a new operation names"
    assert sorted(ENDPOINTS) == sorted(endpoints()), "say in ENDPOINTS how it is called"
    assert len(OPERATIONS) > 100


def test_it_is_decided_of_every_operation_what_the_trail_has_of_it() -> None:
    reads = {name for name, names in DECIDED.items() if names in {Names.DATA, Names.NOT_HERE}}
    decided = sorted([*ADMINISTERS, *QUIET, *reads])
    assert decided == sorted(OPERATIONS), (
        "name a new operation in ADMINISTERS of agent_api/graphql/trail.py, or say in QUIET why "
        "the trail has nothing of it"
    )
    assert set(QUIET.values()) <= {Quiet.VIEW, Quiet.WORK, Quiet.REPORT}
    fields = graphql_fields()
    for name, argument in ADMINISTERS.items():
        assert argument is None or argument in signature(fields[name]).parameters, name


def test_every_kind_of_token_attacks() -> None:
    kinds = {kind for kind, _ in GRANTS.values()}
    assert kinds | {TokenKind.WORKER} == {*TokenKind}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_others_change_nothing_and_see_nothing_of_a_deployment(
    plane: AgentsPlane, victim: Victim, operation: str
) -> None:
    requests = calls(operation, plane, victim)
    before = plane.stored()
    for request in requests:
        for attacker, named in product(OUTSIDERS, (OURS, THEIRS, None)):
            caller = plane.attackers[attacker]
            answer = plane.call(caller, request.method, request.path, named, **request.more)
            for canary in (SECRET, DEPLOY_DATA, IN_STORAGE, AGENT_ID, *victim.runs):
                # What it sends itself may come back.
                assert canary not in answer.text or canary in sent(request), (attacker, named)
            if named == OURS and DECIDED[operation] not in {Names.CUT, Names.NOT_HERE}:
                assert is_refused(answer), (attacker, answer.text)
    assert plane.stored() == before


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_agent_of_another_queue_gets_what_is_decided(
    plane: AgentsPlane, victim: Victim, operation: str
) -> None:
    requests = calls(operation, plane, victim)
    decided, caller = DECIDED[operation], plane.attackers["another queue"]
    before = plane.stored(caller)
    for request in requests:
        for named in (OURS, THEIRS, None):
            answer = plane.call(caller, request.method, request.path, named, **request.more)
            assert answer.status_code < 500
            for canary in (SECRET, DEPLOY_DATA):
                assert canary not in answer.text, canary
            if named == OURS and decided in {Names.REFUSED, Names.NOT_OFFERED}:
                assert is_refused(answer), answer.text
            if named == OURS and decided in {Names.DATA, Names.DROPPED, Names.CUT}:
                assert "may not" not in answer.text, answer.text
    if decided is not Names.SHARED:
        assert plane.stored(caller) == before


@pytest.mark.parametrize(
    "operation",
    [name for name, decided in DECIDED.items() if decided in {Names.REFUSED, Names.DROPPED}],
)
def test_the_agent_itself_may(plane: AgentsPlane, operation: str) -> None:
    """So that what is refused above is refused for whose it is, not for how it is sent."""
    itself = plane.whole if operation in OF_ALL_QUEUES else plane.gpu
    for request in calls(operation, plane, plane.victim()):
        answer = plane.call(itself, request.method, request.path, OURS, **request.more)
        assert not is_refused(answer), answer.text


def test_the_trail_has_what_administers_and_no_more(plane: AgentsPlane) -> None:
    victim, found = plane.victim(), {}
    for operation in OPERATIONS:
        itself = plane.whole if operation in OF_ALL_QUEUES else plane.gpu
        before = plane.store.trail.head().seq
        for request in calls(operation, plane, victim):
            plane.call(itself, request.method, request.path, OURS, **request.more)
        rows = [row.said for row in plane.store.trail.after(before, 100)]
        administers = operation in ADMINISTERS
        # Whatever is refused is there.
        kept = [row for row in rows if administers or row["result"] != Result.REFUSED]
        found[operation] = {row["act"] for row in kept}
        if ADMINISTERS.get(operation) is not None:
            assert all(row["on"]["object"] for row in kept), operation
    expected = {name: {f"agent.{name}"} for name in ADMINISTERS}
    assert {name: acts for name, acts in found.items() if acts} == expected
