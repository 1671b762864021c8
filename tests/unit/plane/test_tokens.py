"""What a token grants, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagstead.errors import ForbiddenError
from dagstead.plane.tokens import TokenKind
from tests.support.tokens import token_of

QUEUES = st.frozensets(st.one_of(st.none(), st.sampled_from(["a", "b", "c", ""])))


@given(claimed=QUEUES, granted=st.one_of(st.none(), QUEUES))
def test_a_claim_is_cut_down_to_the_grant(
    claimed: frozenset[str | None], granted: frozenset[str | None] | None
) -> None:
    cut = token_of(TokenKind.AGENT, queues=granted).cut_queues(claimed)

    assert cut <= claimed
    assert cut == (claimed if granted is None else claimed & granted)


def test_a_refusal_names_the_deployment_the_grant_and_the_command() -> None:
    limited = token_of(TokenKind.AGENT, deployments=frozenset({"staging"}), branch_deployments=True)

    limited.require_deployment("staging", is_branch=False)
    limited.require_deployment("abc123", is_branch=True)
    with pytest.raises(ForbiddenError) as refused:
        limited.require_deployment("prod", is_branch=False)
    assert "'eu' may not use deployment 'prod'" in refused.value.message
    assert "staging, branch deployments" in refused.value.message
    assert "dagstead token create" in refused.value.message
