"""What acts count for metrics, and who may see it."""

from __future__ import annotations

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.errors import ForbiddenError
from dagstead.model.queues import describe_queues
from dagstead.plane.launches import Launch
from dagstead.plane.tallies import TallyKind
from dagstead.plane.tokens import TokenKind


def count_end(backend: Backend, launch: Launch) -> None:
    """Count a run that has ended with its launch."""
    ending = launch.ending
    if ending is not None and ending.status is not None:
        status = ending.status.lower()
        backend.store.tallies.tally.count(TallyKind.RUNS_ENDED, launch.deployment, status)


def require_metrics(actor: Actor, what: str, *queues: str | None) -> None:
    """Refuse all but those who may see numbers of all deployments.

    Args:
        actor: who asks.
        what: the view, as the subject of a sentence.
        queues: that it shows; all of them if none is named.

    Raises:
        ForbiddenError: with a sentence for the caller.
    """
    token = actor.token
    if token is None or token.kind is not TokenKind.METRICS:
        actor.require_organization(what)
    elif token.queues is not None and not (queues and all(map(actor.grants_queue, queues))):
        of = describe_queues(queues) if queues else "all queues"
        raise ForbiddenError(
            f"{what} of {of} is not for token {token.name!r}, which grants: "
            f"{token.describe_queues()}. Create one that does with "
            "`dagstead token create --kind metrics`."
        )
