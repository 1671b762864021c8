"""Tokens: who is calling, and what they were granted. Claims are cut down to grants here."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from dagstead.errors import ForbiddenError


class TokenKind(StrEnum):
    """Agents and people have different surfaces."""

    AGENT = "agent"
    USER = "user"


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A token as it is stored; the secret itself is shown once and never kept."""

    id: int
    name: str
    kind: TokenKind
    #: ``None`` grants every deployment.
    deployments: frozenset[str] | None
    #: Agent tokens only: ``None`` grants every queue; ``None`` *in* the set is the default queue.
    queues: frozenset[str | None] | None
    #: Whether all branch deployments are granted as well.
    branch_deployments: bool
    created_at: float
    revoked_at: float | None
    last_used_at: float | None

    def grants_deployment(self, name: str, *, is_branch: bool) -> bool:
        """Whether this deployment may be served or looked at."""
        if is_branch and self.branch_deployments:
            return True
        return self.deployments is None or name in self.deployments

    def grants_queue(self, queue: str | None) -> bool:
        """Whether requests of this queue may be taken."""
        return self.queues is None or queue in self.queues

    def cut_queues(self, claimed: Iterable[str | None]) -> frozenset[str | None]:
        """The claimed queues that are granted."""
        return frozenset(queue for queue in claimed if self.grants_queue(queue))

    def require_deployment(self, name: str, *, is_branch: bool) -> None:
        """Refuse unless the deployment is granted.

        Raises:
            ForbiddenError: with the sentence for the caller.
        """
        if not self.grants_deployment(name, is_branch=is_branch):
            msg = (
                f"Token {self.name!r} may not use deployment {name!r}. It may use: "
                f"{self.describe_deployments()}. Create one that may with "
                f"`dagstead token create --kind {self.kind} --deployment {name}`."
            )
            raise ForbiddenError(msg)

    def describe_deployments(self) -> str:
        """The granted deployments, for people."""
        names = ["all"] if self.deployments is None else sorted(self.deployments)
        if self.branch_deployments and self.deployments is not None:
            names.append("branch deployments")
        return ", ".join(names) or "none"

    def describe_queues(self) -> str:
        """The granted queues, for people."""
        if self.queues is None:
            return "all"
        return ", ".join(describe_queue(queue) for queue in sorted(self.queues, key=str))


def describe_queue(queue: str | None) -> str:
    """A queue for people to read; the default queue has no name."""
    return "(default queue)" if queue is None else queue


def new_secret(kind: TokenKind, organization: str) -> str:
    """A fresh token text. Agents insist on three parts separated by colons (auth/constants.py)."""
    return f"{kind}:{organization}:{secrets.token_hex(24)}"


def hash_secret(secret: str) -> str:
    """What is stored of a token. A secret has 192 random bits: a plain hash tells nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()
