"""Tokens as the store keeps them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dagstead.plane.tokens import Token, TokenKind

_USUAL = Token(
    id=1,
    name="eu",
    kind=TokenKind.AGENT,
    deployments=None,
    queues=None,
    branch_deployments=True,
    created_at=0,
    revoked_at=None,
    last_used_at=None,
)


def token_of(kind: TokenKind, **changes: Any) -> Token:
    """A token that is limited to nothing; ``changes`` are other values of the fields."""
    return replace(_USUAL, kind=kind, **changes)
