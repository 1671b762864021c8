"""Logs at the start of a server which secrets user code gets: names only, never a value."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence

from dagstead.agent_api.secrets import Secret, meant_by, names_like
from dagstead.plane.deployments import Deployment

logger = logging.getLogger(__name__)


def log_secrets(secrets: Iterable[Secret], deployments: Sequence[Deployment]) -> None:
    """One line for every place that gets any, and a warning for every secret that nobody gets."""
    by_place: dict[str, list[str]] = defaultdict(list)
    for secret in secrets:
        reason = _why_nobody(secret, deployments)
        if reason:
            logger.warning("Nobody gets %s: %s", secret.variable, reason)
        else:
            by_place[_place(secret, deployments)].append(secret.name)
    for place, names in by_place.items():
        logger.info("Secrets for %s: %s", place, ", ".join(names))


def _place(secret: Secret, deployments: Sequence[Deployment]) -> str:
    if secret.deployment is None:
        return "the full deployments (branch deployments do not get them)"
    deployment = meant_by(secret.deployment, (known.name for known in deployments))
    if secret.location is None:
        return f"deployment {deployment!r}"
    return f"location {secret.location!r} of deployment {deployment!r}"


def _why_nobody(secret: Secret, deployments: Sequence[Deployment]) -> str | None:
    if "" in {secret.name, secret.deployment, secret.location}:
        return (
            "a part of its name is empty. Write DAGSTEAD_SECRET_NAME, "
            "DAGSTEAD_SECRET_NAME__DEPLOYMENT or DAGSTEAD_SECRET_NAME__DEPLOYMENT__LOCATION."
        )
    names = [deployment.name for deployment in deployments]
    if secret.deployment is None or meant_by(secret.deployment, names):
        return None
    fitting = names_like(secret.deployment, names)
    if fitting:
        return (
            f"{secret.deployment!r} fits the deployments {' and '.join(map(repr, fitting))}. Set "
            "it by its exact name, for example with `env` or in a Compose file."
        )
    full = (
        ", ".join(deployment.name for deployment in deployments if not deployment.is_branch)
        or "none"
    )
    return (
        "the part after '__' must name a deployment, and there is no deployment "
        f"{secret.deployment!r}. Full deployments: {full}. Correct the variable's name, or create "
        "it with `dagstead deployment create`. A secret's own name cannot have '__'."
    )
