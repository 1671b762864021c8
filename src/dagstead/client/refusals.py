"""What a control plane refuses, as the errors that it was there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagstead.errors import (
    ConflictError,
    DagsteadError,
    DeploymentNotFoundError,
    ForbiddenError,
    InvalidInputError,
    LastDeploymentError,
    LocationNotFoundError,
    NotFoundError,
    RefusedError,
    ReleaseNotFoundError,
)

#: By the names that the server gives them.
_KINDS: Mapping[str, type[DagsteadError]] = {
    each.__name__: each
    for each in (
        ConflictError,
        DeploymentNotFoundError,
        ForbiddenError,
        InvalidInputError,
        LastDeploymentError,
        LocationNotFoundError,
        NotFoundError,
        ReleaseNotFoundError,
    )
}
#: Members of unions that tell one error.
_MEMBERS: Mapping[str, type[DagsteadError]] = {
    "DeleteFinalDeploymentError": LastDeploymentError,
    "DeploymentNotFoundError": DeploymentNotFoundError,
    "UnauthorizedError": ForbiddenError,
}

#: To be selected of each union's members, so that :func:`succeeded` can tell what went wrong.
ERROR_MEMBERS = (
    "__typename ... on UnauthorizedError { message } ... on PythonError { message className }"
)


def refusal(errors: Sequence[Mapping[str, Any]]) -> DagsteadError:
    """The error of an answer's ``errors``."""
    code = (errors[0].get("extensions") or {}).get("code")
    message = " ".join(str(each.get("message", each)) for each in errors)
    return _KINDS.get(str(code), RefusedError)(message)


def succeeded(found: Mapping[str, Any], expected: str) -> Mapping[str, Any]:
    """A union's member when it is the expected one.

    Raises:
        DagsteadError: the one that another member tells.
    """
    name = str(found["__typename"])
    if name == expected:
        return found
    kind = _MEMBERS.get(name) or _KINDS.get(str(found.get("className")), RefusedError)
    raise kind(str(found.get("message") or name))
