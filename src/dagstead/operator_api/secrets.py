"""Secrets, for the official command lines and for ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
)

from dagstead.control.secrets import ShownSecret
from dagstead.errors import InvalidInputError
from dagstead.operator_api.context import chosen_deployments, context_of, facts_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error, as_member
from dagstead.plane.deployments import Deployment
from dagstead.plane.master_keys import KeyReport
from dagstead.plane.secrets import SecretKind, SecretTarget

_VALUE = "secretValue"

#: The official names of the scopes.
_SCOPES: Mapping[str, SecretKind] = {
    "fullDeploymentScope": SecretKind.FULL,
    "allBranchDeploymentsScope": SecretKind.BRANCHES,
    "localDeploymentScope": SecretKind.LOCAL,
}
_OF_A_BRANCH = "specificBranchDeploymentScope"


@as_member("UnauthorizedError")
def secrets_or_error(
    info: GraphQLResolveInfo,
    locationName: str | None = None,  # noqa: N803 - the wire's
    scopes: Mapping[str, Any] | None = None,
    secretName: str | None = None,  # noqa: N803 - the wire's
    onlyViewable: bool | None = None,  # noqa: N803, FBT001 - the wire's
) -> Mapping[str, Any]:
    """The secrets of the deployment of the call, of those scopes."""
    context = context_of(info)
    asked = scopes or {}
    deployment = context.deployment
    if asked.get(_OF_A_BRANCH):
        deployment = context.control.deployments.named(context.actor, asked[_OF_A_BRANCH])
    kinds = _asked_kinds(asked, deployment)
    found = [
        each
        for each in _shown(info, deployment)
        if (kinds is None or each.listed.kinds & kinds)
        and secretName in {None, each.listed.name}
        and (locationName is None or not each.listed.locations or _is_at(each, locationName))
        and (each.can_view or not onlyViewable)
    ]
    if secretName is not None:
        # `dg api secret get` shows the first one: that which wins, of those that the caller may
        # see. Other commands go through all of them, and the last one wins.
        found.reverse()
        found.sort(key=lambda each: not each.can_view)
    return {"__typename": "Secrets", "secrets": [_view(each) for each in found]}


# `dg plus create env` asks for no other member that it could show: without a message, it ends with
# a KeyError.
@as_member("InvalidSecretInputError", "TooManySecretsError")
def create_or_update_secret(
    info: GraphQLResolveInfo,
    secretName: str,  # noqa: N803 - the wire's
    secretValue: str,  # noqa: N803 - the wire's
    scopes: Mapping[str, Any],
    locationName: str | None = None,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Set a secret of the deployment of the call, and of no other, as in Dagster+."""
    context = context_of(info)
    target = _official_target(context.deployment, scopes, locationName)
    context.control.secrets.set(context.actor, secretName, secretValue, target)
    secret = {
        "id": secretName,
        "secretName": secretName,
        # The caller has it.
        _VALUE: "",
        "updateTimestamp": context.control.clock(),
        "locationNames": sorted(target.locations),
        **_scopes_of(target.kinds or {SecretKind.BRANCH}, target.deployment),
        "canViewSecretValue": False,
        "canEditSecret": True,
        "deploymentName": target.deployment,
        "isGiven": False,
    }
    return {"__typename": "CreateOrUpdateSecretSuccess", "secret": secret}


@as_error
def stored_secrets(
    info: GraphQLResolveInfo,
    deploymentName: str | None = None,  # noqa: N803 - the wire's
) -> Sequence[Mapping[str, Any]]:
    """The secrets of one deployment, or of all that the token grants."""
    context = context_of(info)
    chosen = chosen_deployments(context, deploymentName)
    views = [_view(each) for deployment in chosen for each in _shown(info, deployment)]
    # Those of all deployments are in the list of each.
    return list({view["id"]: view for view in views}.values())


@as_error
def set_secret(info: GraphQLResolveInfo, name: str, value: str, target: Mapping[str, Any]) -> bool:
    """Set a secret."""
    context = context_of(info)
    context.control.secrets.set(context.actor, name, value, _target(target))
    return True


@as_error
def remove_secret(info: GraphQLResolveInfo, name: str, target: Mapping[str, Any]) -> int:
    """Remove a secret; from how many places."""
    context = context_of(info)
    return context.control.secrets.remove(context.actor, name, _target(target))


@as_error
def master_key(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The master key that is current, and what each key encrypts."""
    context = context_of(info)
    return _report(context.control.secrets.key(context.actor))


@as_error
def rotate_master_key(
    info: GraphQLResolveInfo,
    lost: bool,  # noqa: FBT001 - the wire's
) -> Mapping[str, Any]:
    """Have everything encrypted with a new master key."""
    context = context_of(info)
    return _report(context.control.secrets.rotate_key(context.actor, lost=lost))


QUERIES: Mapping[str, Resolver] = {
    "masterKey": master_key,
    "secretsOrError": secrets_or_error,
    "storedSecrets": stored_secrets,
}

MUTATIONS: Mapping[str, Resolver] = {
    "createOrUpdateSecretForScopes": create_or_update_secret,
    "removeSecret": remove_secret,
    "rotateMasterKey": rotate_master_key,
    "setSecret": set_secret,
}


def _shown(info: GraphQLResolveInfo, deployment: Deployment) -> Sequence[ShownSecret]:
    context = context_of(info)
    return context.control.secrets.shown(
        context.actor, deployment, facts_of(info).secrets, with_values=_asks_for(info, _VALUE)
    )


def _is_at(shown: ShownSecret, location: str) -> bool:
    return location in shown.listed.locations


def _asked_kinds(scopes: Mapping[str, Any], deployment: Deployment) -> frozenset[SecretKind] | None:
    """The kinds that are asked for; ``None`` is all of them."""
    kinds = {kind for name, kind in _SCOPES.items() if scopes.get(name)}
    if SecretKind.BRANCHES in kinds or scopes.get(_OF_A_BRANCH):
        # What `refresh-defs-state` asks for is what code of the branch deployment gets.
        kinds |= {SecretKind.BRANCH} if deployment.is_branch else set()
    return frozenset(kinds) or None


def _official_target(
    deployment: Deployment, scopes: Mapping[str, Any], location: str | None
) -> SecretTarget:
    locations = frozenset() if location is None else frozenset({location})
    kinds = frozenset(kind for name, kind in _SCOPES.items() if scopes.get(name))
    branch: str | None = scopes.get(_OF_A_BRANCH)
    if branch is not None and not kinds:
        return SecretTarget(deployment=branch, locations=locations)
    if branch is not None or not kinds:
        msg = (
            "A secret needs a scope: full, branch and local deployments, or one branch deployment "
            "and no other."
        )
        raise InvalidInputError(msg)
    return SecretTarget(kinds=kinds, deployment=deployment.name, locations=locations)


def _target(asked: Mapping[str, Any]) -> SecretTarget:
    return SecretTarget(
        kinds=frozenset(map(SecretKind, asked["scopes"])),
        deployment=asked.get("deploymentName"),
        locations=frozenset(asked["locationNames"]),
    )


def _view(shown: ShownSecret) -> Mapping[str, Any]:
    listed = shown.listed
    by = listed.first.updated_by
    return {
        "id": listed.first.id,
        "secretName": listed.name,
        _VALUE: shown.value or "",
        "updatedBy": None if by is None else {"email": by},
        "updateTimestamp": listed.first.updated_at,
        "locationNames": sorted(listed.locations),
        **_scopes_of(listed.kinds, listed.deployment),
        "canViewSecretValue": shown.can_view,
        "canEditSecret": shown.can_edit,
        "deploymentName": listed.deployment,
        "isGiven": not listed.first.is_stored,
    }


def _scopes_of(kinds: Iterable[SecretKind], deployment: str | None) -> Mapping[str, Any]:
    given = frozenset(kinds)
    return {
        **{name: kind in given for name, kind in _SCOPES.items()},
        _OF_A_BRANCH: deployment if SecretKind.BRANCH in given else None,
    }


def _report(report: KeyReport) -> Mapping[str, Any]:
    return {"current": report.current, "source": report.source, "used": dict(report.used)}


def _asks_for(info: GraphQLResolveInfo, name: str) -> bool:
    """Whether a field of that name is asked for, anywhere below the root field."""
    ahead: list[SelectionSetNode | None] = [node.selection_set for node in info.field_nodes]
    looked_into: set[str] = set()
    while ahead:
        for selection in getattr(ahead.pop(), "selections", ()):
            match selection:
                case FieldNode():
                    if selection.name.value == name:
                        return True
                    ahead.append(selection.selection_set)
                case InlineFragmentNode():
                    ahead.append(selection.selection_set)
                case FragmentSpreadNode() if selection.name.value not in looked_into:
                    looked_into.add(selection.name.value)
                    ahead.append(info.fragments[selection.name.value].selection_set)
                case _:
                    pass
    return False
