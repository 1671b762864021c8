from __future__ import annotations

from typing import Any

import pytest

from dagstead.plane.grant_words import read_back
from dagstead.plane.roles import Role, Roles
from dagstead.plane.tokens import Grant, TokenKind


@pytest.mark.parametrize(
    ("kind", "grant", "says"),
    [
        (
            TokenKind.AGENT,
            {"deployments": ["prod"], "queues": ["gpu", None], "branch_deployments": True},
            (
                "An agent with it gets the work of queue 'gpu' and the default queue in deployment "
                "'prod' and branch deployments. It is valid until it is revoked."
            ),
        ),
        (
            TokenKind.AGENT,
            {"branch_deployments": False},
            (
                "An agent with it gets the work of every queue in all full deployments. It is "
                "valid until it is revoked."
            ),
        ),
        (
            TokenKind.POOL,
            {"queues": [None]},
            (
                "A managed pool with it runs the code of the default queue in all deployments. "
                "It is valid until it is revoked."
            ),
        ),
        (
            TokenKind.USER,
            {"expires_at": 1_800_000_000.0},
            (
                "Whoever holds it may do everything in all deployments. That includes making "
                "tokens and deployments. It ends on 2027-01-15 at 08:00 UTC."
            ),
        ),
        (
            TokenKind.USER,
            {
                "deployments": ["b", "a"],
                "branch_deployments": False,
                "roles": Roles(default=Role.VIEWER),
            },
            (
                "Whoever holds it may see everything and change nothing in deployment 'a' and "
                "deployment 'b'. It is valid until it is revoked."
            ),
        ),
    ],
)
def test_a_grant_is_read_back(kind: TokenKind, grant: dict[str, Any], says: str) -> None:
    assert read_back(kind, Grant(**grant)) == says
