"""From what was asked for to what a token grants."""

from __future__ import annotations

from collections.abc import Collection

from dagstead.errors import InvalidInputError
from dagstead.plane.names import check_queue_name
from dagstead.plane.tokens import Grant, TokenKind


def grant(
    kind: TokenKind,
    *,
    deployments: Collection[str],
    branch_deployments: bool | None,
    queues: Collection[str],
    default_queue: bool | None,
) -> Grant:
    """The grant of a new token.

    Args:
        kind: agents have queues.
        deployments: none means all of them.
        branch_deployments: ``None`` grants them exactly when no deployment is named.
        queues: none means all of them, unless ``default_queue`` says otherwise.
        default_queue: ``None`` grants it exactly when no queue is named.

    Raises:
        InvalidInputError: for queues of a user token, or a grant of no queue at all.
    """
    if kind is TokenKind.USER and (queues or default_queue is not None):
        msg = "Only agent tokens have queues. Leave --queue out, or use --kind agent."
        raise InvalidInputError(msg)
    return Grant(
        deployments=frozenset(deployments) or None,
        branch_deployments=not deployments if branch_deployments is None else branch_deployments,
        queues=_queues(queues, default_queue=default_queue),
    )


def _queues(queues: Collection[str], *, default_queue: bool | None) -> frozenset[str | None] | None:
    if not queues and default_queue is None:
        return None
    if not queues and not default_queue:
        msg = "--no-default-queue without --queue grants no queue at all. Name one with --queue."
        raise InvalidInputError(msg)
    named: set[str | None] = {check_queue_name(queue) for queue in queues}
    return frozenset({*named, None} if default_queue else named)
