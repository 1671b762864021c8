"""Secrets that user code gets as environment variables, from the server's own environment.

``DAGSTEAD_SECRET_NAME=value`` gives every code location the variable ``NAME``.
``DAGSTEAD_SECRET_NAME__DEPLOYMENT`` and ``DAGSTEAD_SECRET_NAME__DEPLOYMENT__LOCATION`` limit it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

PREFIX = "DAGSTEAD_SECRET_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """One variable and where it goes; ``None`` is everywhere."""

    name: str
    value: str = field(repr=False)
    deployment: str | None = None
    location: str | None = None


def secrets_from_environment(environment: Mapping[str, str]) -> tuple[Secret, ...]:
    """The secrets among the server's environment variables."""
    found = []
    for key, value in sorted(environment.items()):
        if key.startswith(PREFIX):
            name, _, scope = key.removeprefix(PREFIX).partition("__")
            deployment, _, location = scope.partition("__")
            found.append(
                Secret(
                    name=name,
                    value=value,
                    deployment=deployment or None,
                    location=location or None,
                )
            )
    return tuple(found)


def secrets_for(
    secrets: Iterable[Secret], deployment: str, location: str | None
) -> Sequence[Secret]:
    """The secrets of a location, those that are for fewer places last: the last one wins.

    A call without a location gets those of the whole deployment.
    """
    fitting = [
        secret
        for secret in secrets
        if secret.deployment in {None, deployment} and secret.location in {None, location}
    ]
    return sorted(
        fitting, key=lambda each: (each.location is not None, each.deployment is not None)
    )
