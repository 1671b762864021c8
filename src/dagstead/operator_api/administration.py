"""Administration: tokens, trust, agents, locations and settings, for our own command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.engine.location_entries import failure_of
from dagstead.errors import InvalidInputError
from dagstead.operator_api.context import chosen_deployments, context_of, facts_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error
from dagstead.plane.ci_logins import NewPins
from dagstead.plane.lifetimes import FOREVER, Lifetime
from dagstead.plane.location_status import LocationStatus
from dagstead.plane.locations import Location
from dagstead.plane.new_tokens import NewToken
from dagstead.plane.roles import EDITOR, Roles
from dagstead.plane.rotations import Rotation
from dagstead.plane.tokens import Token, TokenKind
from dagstead.plane.trust import JobFilter, JobGrant, NewPolicy, Policy, Provider


@as_error
def tokens(info: GraphQLResolveInfo) -> Sequence[Mapping[str, Any]]:
    """All tokens, revoked ones too, the oldest first."""
    context = context_of(info)
    now = context.control.clock()
    return [_token(token, now) for token in context.control.tokens.all(context.actor)]


@as_error
def issue_token(info: GraphQLResolveInfo, token: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make a token; its text is in this answer only."""
    context = context_of(info)
    now = context.control.clock()
    new = _new_token(token)
    issued = context.control.tokens.issue(
        context.actor, new.name, new.kind, new.grant(now), facts_of(info).organization
    )
    return {"token": _token(issued.token, now), "secret": issued.secret}


@as_error
def revoke_token(
    info: GraphQLResolveInfo,
    id: int,  # noqa: A002 - the wire's
) -> Mapping[str, Any]:
    """Revoke a token."""
    context = context_of(info)
    revoked = context.control.tokens.revoke(context.actor, id)
    return _token(revoked, context.control.clock())


@as_error
def rotate_token(
    info: GraphQLResolveInfo,
    id: int,  # noqa: A002 - the wire's
    rotation: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Give a token a new secret; it is in this answer only."""
    context = context_of(info)
    wanted = Rotation(overlap_seconds=rotation["overlapSeconds"], lifetime=_lifetime(rotation))
    rotated = context.control.tokens.rotate(context.actor, id, wanted, facts_of(info).organization)
    return {
        "token": _token(rotated.token, context.control.clock()),
        "secret": rotated.secret,
        "formerEndsAt": rotated.former_ends_at,
    }


@as_error
def create_sign_in_link(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """Make a link with which one person signs in."""
    context = context_of(info)
    link = context.control.sign_ins.new_link(context.actor)
    return {"code": link.code, "expiresAt": link.expires_at}


@as_error
def end_sessions(
    info: GraphQLResolveInfo,
    tokenId: int,  # noqa: N803 - the wire's
) -> int:
    """Sign out all browsers of a token."""
    context = context_of(info)
    return context.control.sign_ins.end_all(context.actor, tokenId)


@as_error
def trust_policies(info: GraphQLResolveInfo) -> Sequence[Mapping[str, Any]]:
    """Which CI jobs get a token."""
    context = context_of(info)
    return [_policy(policy) for policy in context.control.trust.all(context.actor)]


@as_error
def add_trust_policy(info: GraphQLResolveInfo, policy: Mapping[str, Any]) -> Mapping[str, Any]:
    """Trust more jobs."""
    context = context_of(info)
    added = context.control.trust.add(
        context.actor, _new_policy(policy), loopback=facts_of(info).loopback_issuers
    )
    return _policy(added)


@as_error
def remove_trust_policy(
    info: GraphQLResolveInfo,
    id: int,  # noqa: A002 - the wire's
) -> bool:
    """Trust fewer jobs."""
    context = context_of(info)
    context.control.trust.remove(context.actor, id)
    return True


@as_error
def trust_pins(info: GraphQLResolveInfo) -> Sequence[Mapping[str, Any]]:
    """Which repositories and owners are known by their numbers."""
    context = context_of(info)
    return [asdict(pin) for pin in context.control.trust.pins(context.actor)]


@as_error
def pin_repository(
    info: GraphQLResolveInfo, pins: Mapping[str, Any]
) -> Sequence[Mapping[str, Any]]:
    """Know a repository by other numbers."""
    context = context_of(info)
    pinned = NewPins(
        issuer=pins["issuer"],
        repository=pins["repository"],
        number=pins.get("number"),
        owner_number=pins.get("ownerNumber"),
    )
    made = context.control.trust.pin(
        context.actor, pinned, loopback=facts_of(info).loopback_issuers
    )
    return [asdict(pin) for pin in made]


@as_error
def forget_agent(
    info: GraphQLResolveInfo,
    id: str,  # noqa: A002 - the wire's
) -> str:
    """Remove the heartbeats of an agent that is gone."""
    context = context_of(info)
    return context.control.agents.forget_gone(context.actor, id)


@as_error
def code_locations(
    info: GraphQLResolveInfo,
    deploymentName: str | None = None,  # noqa: N803 - the wire's
) -> Sequence[Mapping[str, Any]]:
    """What is deployed, in one deployment or in all that the token grants."""
    context = context_of(info)
    chosen = chosen_deployments(context, deploymentName)
    return [
        _location(stated.location, stated.status)
        for deployment in chosen
        for stated in context.control.statuses.stated(context.actor, deployment)
    ]


@as_error
def runs_under_way(info: GraphQLResolveInfo) -> Sequence[str]:
    """The runs that the deletion of the deployment would end."""
    context = context_of(info)
    return context.control.deployments.runs_under_way(context.actor, context.deployment)


@as_error
def base_comparison(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The assets that are not the same in a branch deployment and in its base."""
    context = context_of(info)
    found = context.control.branches.compare(context.actor, context.deployment)
    return {
        "base": found.base,
        "takenAt": found.taken_at,
        "changes": [asdict(each) for each in found.changes],
    }


@as_error
def remove_deployment(info: GraphQLResolveInfo, name: str) -> Mapping[str, Any]:
    """End the runs of a deployment, and remove it with everything that it stored."""
    context = context_of(info)
    deployments = context.control.deployments
    deletion = deployments.delete(context.actor, deployments.named(context.actor, name))
    return {"endedRuns": deletion.ended, "leftRuns": deletion.left}


@as_error
def server_settings(info: GraphQLResolveInfo) -> Sequence[Mapping[str, Any]]:
    """The settings in force, without passwords."""
    context_of(info).actor.require_organization("Looking at the server's settings")
    return facts_of(info).settings


@as_error
def server_parts(info: GraphQLResolveInfo) -> Sequence[Mapping[str, Any]]:
    """How each part of the control plane is."""
    context = context_of(info)
    return [
        {"name": part.name, "isWell": part.is_well, "says": part.says}
        for part in context.control.health.parts(context.actor)
    ]


@as_error
def pause_runs(
    info: GraphQLResolveInfo,
    everything: bool | None = None,  # noqa: FBT001 - the wire's
) -> bool:
    """Have no run start and nothing tick, or have agents get no work; whether that is new."""
    context = context_of(info)
    return context.control.pauses.begin(context.actor, everything=bool(everything))


@as_error
def resume_runs(info: GraphQLResolveInfo) -> bool:
    """End the pause; whether there was one."""
    context = context_of(info)
    return context.control.pauses.end(context.actor)


QUERIES: Mapping[str, Resolver] = {
    "codeLocations": code_locations,
    "runsUnderWay": runs_under_way,
    "baseComparison": base_comparison,
    "serverParts": server_parts,
    "serverSettings": server_settings,
    "tokens": tokens,
    "trustPins": trust_pins,
    "trustPolicies": trust_policies,
}

MUTATIONS: Mapping[str, Resolver] = {
    "addTrustPolicy": add_trust_policy,
    "createSignInLink": create_sign_in_link,
    "endSessions": end_sessions,
    "forgetAgent": forget_agent,
    "issueToken": issue_token,
    "pauseRuns": pause_runs,
    "pinRepository": pin_repository,
    "removeDeployment": remove_deployment,
    "removeTrustPolicy": remove_trust_policy,
    "resumeRuns": resume_runs,
    "revokeToken": revoke_token,
    "rotateToken": rotate_token,
}


def _token(token: Token, now: float) -> Mapping[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "kind": str(token.kind),
        "deployments": None if token.deployments is None else sorted(token.deployments),
        "branchDeployments": token.branch_deployments,
        "queues": None if token.queues is None else sorted(token.queues, key=str),
        "repository": token.repository,
        "locations": None if token.locations is None else sorted(token.locations),
        "secretValues": None if token.secret_values is None else sorted(token.secret_values),
        "roles": token.roles.as_json(),
        "createdAt": token.created_at,
        "lastUsedAt": token.last_used_at,
        "usedFrom": [asdict(each) for each in token.used_from],
        "rotatedAt": token.rotated_at,
        "expiresAt": token.expires_at,
        "revokedAt": token.revoked_at,
        "isValid": token.is_valid_at(now),
    }


def _new_token(asked: Mapping[str, Any]) -> NewToken:
    return NewToken(
        name=asked["name"],
        kind=TokenKind(asked["kind"]),
        deployments=asked.get("deployments"),
        branch_deployments=asked.get("branchDeployments"),
        queues=asked.get("queues"),
        default_queue=asked.get("defaultQueue"),
        secret_values=asked.get("secretValues"),
        roles=_roles(asked),
        lifetime=_lifetime(asked),
    )


def _lifetime(asked: Mapping[str, Any]) -> Lifetime | None:
    """The one that is asked for; ``None`` is the usual one."""
    seconds, until = asked.get("expiresInSeconds"), asked.get("expiresAt")
    if seconds is None and until is None:
        return FOREVER if asked.get("neverExpires") else None
    return Lifetime(seconds=seconds, until=until)


def _policy(policy: Policy) -> Mapping[str, Any]:
    allowed = policy.allowed
    return {
        "id": policy.id,
        "provider": str(policy.provider),
        "issuer": policy.issuer,
        "claims": dict(policy.claims),
        "deployments": sorted(allowed.deployments),
        "branchDeployments": allowed.branch_deployments,
        "locations": None if allowed.locations is None else sorted(allowed.locations),
        "minutes": allowed.minutes,
        "roles": allowed.roles.as_json(),
        "createdAt": policy.created_at,
        "lastUsedAt": policy.last_used_at,
    }


def _new_policy(asked: Mapping[str, Any]) -> NewPolicy:
    provider = asked.get("provider")
    locations = asked.get("locations")
    return NewPolicy(
        issuer=asked["issuer"],
        provider=provider and Provider(provider),
        wanted=JobFilter(
            repository=asked["repository"],
            branch=asked.get("branch"),
            tag=asked.get("tag"),
            environment=asked.get("environment"),
            any_ref=asked["anyRef"],
            claims=_claims(asked["claims"]),
        ),
        allowed=JobGrant(
            deployments=frozenset(asked["deployments"]),
            branch_deployments=asked["branchDeployments"],
            locations=None if locations is None else frozenset(locations),
            minutes=asked["minutes"],
            roles=_roles(asked) or EDITOR,
        ),
    )


def _roles(asked: Mapping[str, Any]) -> Roles | None:
    roles = asked.get("roles")
    return None if roles is None else Roles.from_json(roles)


def _claims(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        msg = f"The claims must map names to texts. They are: {value!r}."
        raise InvalidInputError(msg)
    return value


def _location(location: Location, status: LocationStatus) -> Mapping[str, Any]:
    return {
        "deploymentName": location.deployment,
        "locationName": location.name,
        "state": str(status),
        "queue": location.queue,
        "servesOlderDefinitions": location.serves_older_definitions,
        "deployedAt": location.timestamp,
        "failure": failure_of(location, status),
    }
