"""Secrets that user code gets as environment variables, from the server's own environment.

``DAGSTEAD_SECRET_NAME`` gives the code of every full deployment the variable ``NAME``. Branch
deployments run code that nobody has reviewed yet: they get only the secrets that name them.
``DAGSTEAD_SECRET_NAME__DEPLOYMENT`` and ``DAGSTEAD_SECRET_NAME__DEPLOYMENT__LOCATION`` are for that
one deployment, of either kind; a branch deployment gets nothing of the deployment it is based on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.plane.deployments import Deployment

PREFIX = "DAGSTEAD_SECRET_"

_SEPARATOR = "__"
#: What a shell does not allow in the name of a variable.
_NOT_IN_A_VARIABLE = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """One variable and where it goes.

    The places are as they were written, see :func:`meant_by`.
    """

    #: Of user code.
    name: str
    value: str = field(repr=False)
    #: ``None`` is every full deployment. Empty text matches no deployment.
    deployment: str | None = None
    #: ``None`` is every location of the deployment.
    location: str | None = None

    @property
    def variable(self) -> str:
        """The variable of the server's environment."""
        parts = (self.name, self.deployment, self.location)
        return PREFIX + _SEPARATOR.join(part for part in parts if part is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownNames:
    """The names that the scope of a secret can mean."""

    deployments: frozenset[str]
    #: Of the deployment in question.
    locations: frozenset[str]


def secrets_from_environment(environment: Mapping[str, str]) -> tuple[Secret, ...]:
    """The secrets among the server's environment variables."""
    return tuple(
        _secret(key.removeprefix(PREFIX), value)
        for key, value in sorted(environment.items())
        if key.startswith(PREFIX)
    )


def secrets_for(
    secrets: Iterable[Secret], deployment: Deployment, location: str | None, names: KnownNames
) -> Sequence[Secret]:
    """The secrets of a location, those that are for fewer places last: the last one wins.

    A call without a location gets those of the whole deployment.
    """
    locations = names.locations if location is None else names.locations | {location}
    fitting = [
        secret
        for secret in secrets
        if _is_for_deployment(secret, deployment, names.deployments)
        and (
            secret.location is None
            or (location is not None and meant_by(secret.location, locations) == location)
        )
    ]
    return sorted(
        fitting, key=lambda secret: (secret.location is not None, secret.deployment is not None)
    )


def meant_by(written: str, names: Iterable[str]) -> str | None:
    """The deployment or location that the scope of a secret names, or ``None``.

    A variable of a shell has letters, digits and ``_`` only. Any other character of a name may be
    written as ``_`` where that fits no other name.
    """
    there = frozenset(names)
    if written in there:
        return written
    fitting = names_like(written, there)
    return fitting[0] if len(fitting) == 1 else None


def names_like(written: str, names: Iterable[str]) -> Sequence[str]:
    """All names that may be written so in a variable."""
    return sorted(name for name in {*names} if _NOT_IN_A_VARIABLE.sub("_", name) == written)


def _secret(key: str, value: str) -> Secret:
    # An empty part stays empty text, and matches nothing: a script whose variable was
    # not set must not widen a scope.
    name, *scope = key.split(_SEPARATOR, maxsplit=2)
    deployment, location = (*scope, None, None)[:2]
    return Secret(name=name, value=value, deployment=deployment, location=location)


def _is_for_deployment(secret: Secret, deployment: Deployment, names: frozenset[str]) -> bool:
    if secret.deployment is None:
        return not deployment.is_branch
    return meant_by(secret.deployment, names) == deployment.name
