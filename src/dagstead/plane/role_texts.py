"""Roles as people write them: ``viewer``, ``prod=editor``, ``prod/etl=launcher``."""

from __future__ import annotations

from collections.abc import Sequence

from dagstead.errors import InvalidInputError
from dagstead.plane.roles import Role, RoleGrant, Roles

_FORM = "ROLE, DEPLOYMENT=ROLE or DEPLOYMENT/LOCATION=ROLE"


def read_roles(
    texts: Sequence[str], *, branch_role: Role | None, default: Role, label: str
) -> Roles:
    """Roles from their texts.

    Args:
        texts: of the roles.
        branch_role: in branch deployments; ``None`` is as everywhere.
        default: where none of the texts says anything.
        label: what a text is called in an error.

    Raises:
        InvalidInputError: when one cannot be read.
    """
    given = [(text, *text.rpartition("=")) for text in texts]
    everywhere = [_role(label, text, role) for text, _, equals, role in given if not equals]
    if len(everywhere) > 1:
        raise InvalidInputError(f"{label} names two roles for everything: {everywhere}.")
    grants = [_grant(label, text, place, role) for text, place, equals, role in given if equals]
    if branch_role is not None:
        grants.append(RoleGrant(role=branch_role, deployment=None))
    return Roles(default=everywhere[0] if everywhere else default, grants=frozenset(grants))


def _grant(label: str, text: str, place: str, role: str) -> RoleGrant:
    deployment, slash, location = place.partition("/")
    if not deployment or (slash and not location):
        raise InvalidInputError(f"{label} {text!r} is not of the form {_FORM}.")
    return RoleGrant(
        role=_role(label, text, role), deployment=deployment, location=location or None
    )


def _role(label: str, text: str, role: str) -> Role:
    if role not in set(Role):
        raise InvalidInputError(
            f"{label} {text!r} names no role. The form is {_FORM}, and the roles are: "
            f"{', '.join(Role)}."
        )
    return Role(role)
