"""The plane's rules: grants, names, who may have a request again."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagstead.errors import ForbiddenError, InvalidInputError
from dagstead.plane.agents import ALIVE_SECONDS, Heartbeat
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.names import check_location_name, check_queue_name
from dagstead.plane.requests import LAUNCH_RUN, Request, RequestState, holder_is_gone
from dagstead.plane.tokens import Token, TokenKind

QUEUES = st.frozensets(st.one_of(st.none(), st.sampled_from(["a", "b", "c", ""])))


def token(
    *,
    deployments: frozenset[str] | None = None,
    queues: frozenset[str | None] | None = None,
    branches: bool = False,
) -> Token:
    return Token(
        id=1,
        name="eu",
        kind=TokenKind.AGENT,
        deployments=deployments,
        queues=queues,
        branch_deployments=branches,
        created_at=0,
        revoked_at=None,
        last_used_at=None,
    )


def beat(*, seen: float, first: float, token_id: int = 1) -> Heartbeat:
    return Heartbeat(
        agent_id=f"{token_id}-{first}",
        deployment="prod",
        token_id=token_id,
        received_at=seen,
        first_received_at=first,
        label=None,
        type=None,
        version=None,
        queues=frozenset({None}),
        branch_deployments=False,
        metadata={},
        run_worker_statuses=None,
        errors=(),
    )


def leased(at: float) -> Request:
    return Request(
        id="r",
        api=LAUNCH_RUN,
        deployment="prod",
        is_branch=False,
        queue=None,
        location="weather",
        run_id="run",
        body="",
        state=RequestState.LEASED,
        created_at=0,
        expires_at=9e9,
        leased_at=at,
        leased_by=1,
        deliveries=1,
        begun_by=None,
    )


@given(claimed=QUEUES, granted=st.one_of(st.none(), QUEUES))
def test_a_claim_is_cut_down_to_the_grant(
    claimed: frozenset[str | None], granted: frozenset[str | None] | None
) -> None:
    cut = token(queues=granted).cut_queues(claimed)

    assert cut <= claimed
    assert cut == (claimed if granted is None else claimed & granted)


def test_a_refusal_names_the_deployment_the_grant_and_the_command() -> None:
    limited = token(deployments=frozenset({"staging"}), branches=True)

    limited.require_deployment("staging", is_branch=False)
    limited.require_deployment("abc123", is_branch=True)
    with pytest.raises(ForbiddenError) as refused:
        limited.require_deployment("prod", is_branch=False)
    assert "'eu' may not use deployment 'prod'" in refused.value.message
    assert "staging, branch deployments" in refused.value.message
    assert "dagstead token create" in refused.value.message


@pytest.mark.parametrize(
    ("now", "beats", "gone"),
    [
        pytest.param(1000, [beat(seen=990, first=0)], False, id="its only agent lives"),
        pytest.param(1000, [beat(seen=800, first=0)], True, id="its only agent is silent"),
        pytest.param(1000, [], True, id="it never said a word"),
        pytest.param(
            1000, [beat(seen=990, first=950)], True, id="only an agent that came later lives"
        ),
        pytest.param(1000, [beat(seen=990, first=0, token_id=2)], True, id="a stranger lives"),
        pytest.param(
            1000,
            [beat(seen=800, first=0), beat(seen=990, first=1)],
            False,
            id="one of two with the same token lives",
        ),
        pytest.param(700 + ALIVE_SECONDS - 1, [], False, id="too early to say"),
    ],
)
def test_when_the_holder_of_a_request_counts_as_gone(
    now: float, beats: list[Heartbeat], *, gone: bool
) -> None:
    assert holder_is_gone(leased(700), beats, now) is gone


def test_a_waiting_request_has_no_holder() -> None:
    waiting = dataclasses.replace(leased(0), leased_at=None, state=RequestState.WAITING)

    assert not holder_is_gone(waiting, [], 1e9)


@pytest.mark.parametrize("name", ["R2AE Project", "1_etl", "a-b", "Ünïcode"])
def test_location_names_of_real_repositories_are_taken(name: str) -> None:
    assert check_location_name(name) == name


@pytest.mark.parametrize("name", ["", "  ", None, 7, "a\nb", "x" * 300])
def test_location_names_that_nobody_can_use_are_refused(name: object) -> None:
    with pytest.raises(InvalidInputError):
        check_location_name(name)


def test_an_empty_queue_name_is_refused_and_no_queue_is_the_default() -> None:
    assert check_queue_name(None) is None
    assert check_queue_name("gpu") == "gpu"
    for bad in ("", " ", 3, ["gpu"]):
        with pytest.raises(InvalidInputError, match="agent_queue"):
            check_queue_name(bad)


@given(st.text(max_size=60))
def test_no_key_of_a_file_leaves_its_scope(path: str) -> None:
    try:
        key = BlobKey(BlobKind.ARTIFACT, "prod", path)
    except InvalidInputError:
        return
    parts = str(key).split("/")
    assert parts[:2] == ["artifact", "prod"]
    assert not {"", ".", ".."} & set(parts)
