"""Releases: begun, watched, ended and rolled back by our own command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes import deserialize_value
from graphql import GraphQLResolveInfo

from dagstead.control.releases import RollbackGoal
from dagstead.engine.workspace import DeploymentRequestContext
from dagstead.errors import InvalidDocumentError
from dagstead.operator_api.context import context_of
from dagstead.operator_api.documents import DeployTarget, read_location, read_locations
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error, as_member, as_python_error
from dagstead.plane.agents import Heartbeat
from dagstead.plane.releases import NewRelease, Part, Release

_MEMBERS = ("InvalidLocationError", "UnauthorizedError")


@as_error
def releases(info: GraphQLResolveInfo, limit: int | None = None) -> Sequence[Mapping[str, Any]]:
    """The deployment's releases, the newest first."""
    context = context_of(info)
    found = context.control.releases.all(context.actor, context.deployment, limit)
    beats = _alive(context)
    return [_release(release, beats) for release in found]


@as_error
def release(info: GraphQLResolveInfo, number: int) -> Mapping[str, Any]:
    """One release in its current state."""
    context = context_of(info)
    found = context.control.releases.get(context.actor, context.deployment, number)
    return _release(found, _alive(context))


@as_error
def deployed_locations(info: GraphQLResolveInfo) -> Sequence[Mapping[str, Any]]:
    """What is live of every location, for deploys that compare to deploy only what has changed."""
    context = context_of(info)
    return [
        {
            "locationName": location.name,
            "queue": location.queue,
            "release": location.release,
            "commitHash": _commit(location.live_document),
            "isLoading": location.is_loading,
            "notice": location.notice,
        }
        for location in context.control.locations.all(context.actor, context.deployment)
    ]


@as_error
def unserved(info: GraphQLResolveInfo, locations: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Why a release would be refused, before anybody has built it."""
    context = context_of(info)
    queues = {location["name"]: location.get("queue") for location in locations}
    pythons = {each["name"]: each["python"] for each in locations if each.get("python")}
    images = [each["name"] for each in locations if each.get("isImage")]
    return context.control.availability.why_refused(
        context.actor, context.deployment, queues, pythons, images
    )


@as_error
def rollback_plan(
    info: GraphQLResolveInfo,
    number: int | None = None,
    wholeDeployment: bool | None = None,  # noqa: N803, FBT001 - the wire's
) -> Mapping[str, Any]:
    """What a rollback would change now."""
    context = context_of(info)
    goal = RollbackGoal(number=number, whole_deployment=bool(wholeDeployment))
    plan = context.control.releases.plan_rollback(context.actor, context.deployment, goal)
    return {
        "undoes": plan.undoes,
        "backTo": plan.back_to,
        "returns": [
            {"locationName": name, "release": source if isinstance(source, int) else None}
            for name, source in sorted(plan.returns.items())
        ],
        "removes": plan.removes,
        "stays": plan.stays,
        "ends": plan.ends,
        "needsConfirmation": plan.needs_confirmation,
    }


@as_member(*_MEMBERS)
def create_release(
    info: GraphQLResolveInfo,
    document: object,
    atomic: bool | None = None,  # noqa: FBT001 - given by name
    removeOthers: bool | None = None,  # noqa: N803, FBT001 - the wire's
    commitHash: str | None = None,  # noqa: N803
    url: str | None = None,
) -> Mapping[str, Any]:
    """Begin a release of the locations of a document."""
    context = context_of(info)
    new = read_locations(document, DeployTarget(deployment=context.deployment))
    if not new:
        raise InvalidDocumentError(["There is no location in the document: nothing to release."])
    begun = context.control.releases.begin(
        context.actor,
        context.deployment,
        NewRelease(locations=new, atomic=atomic is not False, commit_hash=commitHash, url=url),
        remove_others=bool(removeOthers),
    )
    return _member(context, begun)


@as_member(*_MEMBERS)
def end_release(info: GraphQLResolveInfo, number: int, reason: str) -> Mapping[str, Any]:
    """End a release that is loading: its locations go back to what is live."""
    context = context_of(info)
    ended = context.control.releases.end(context.actor, context.deployment, number, reason)
    return _member(context, ended)


@as_member(*_MEMBERS)
def roll_back(
    info: GraphQLResolveInfo,
    number: int | None = None,
    wholeDeployment: bool | None = None,  # noqa: N803, FBT001 - the wire's
    confirmed: Sequence[str] | None = None,
) -> Mapping[str, Any]:
    """Undo one release, or return the whole deployment to one."""
    context = context_of(info)
    target = DeployTarget(deployment=context.deployment)
    begun = context.control.releases.roll_back(
        context.actor,
        context.deployment,
        RollbackGoal(number=number, whole_deployment=bool(wholeDeployment)),
        redeploy=lambda document: read_location(document, target),
        confirmed=confirmed,
    )
    return _member(context, begun)


QUERIES: Mapping[str, Resolver] = {
    "deployedLocations": deployed_locations,
    "release": release,
    "releases": releases,
    "rollbackPlan": rollback_plan,
    "unserved": unserved,
}

MUTATIONS: Mapping[str, Resolver] = {
    "createRelease": create_release,
    "endRelease": end_release,
    "rollBack": roll_back,
}


def _member(context: DeploymentRequestContext, found: Release) -> Mapping[str, Any]:
    return {"__typename": "Release", **_release(found, _alive(context))}


def _alive(context: DeploymentRequestContext) -> list[Heartbeat]:
    return context.control.agents.alive(context.actor, context.deployment)


def _release(found: Release, beats: Sequence[Heartbeat]) -> Mapping[str, Any]:
    return {
        "number": found.number,
        "state": str(found.state),
        "atomic": found.atomic,
        "cause": str(found.cause),
        "undoes": found.undoes,
        "backTo": found.back_to,
        "commitHash": found.commit_hash,
        "url": found.url,
        "by": found.by,
        "removes": found.removes,
        "reason": found.reason,
        "createdAt": found.created_at,
        "endedAt": found.ended_at,
        "parts": [_part(part, beats) for part in found.parts],
    }


def _part(part: Part, beats: Sequence[Heartbeat]) -> Mapping[str, Any]:
    error = part.error and as_python_error(deserialize_value(part.error, SerializableErrorInfo))
    return {
        "locationName": part.name,
        "queue": part.queue,
        "state": str(part.state),
        "phase": str(part.phase),
        "agents": [beat.label or beat.agent_id for beat in beats if part.queue in beat.queues],
        "error": error,
        "document": dict(part.document),
    }


def _commit(document: Mapping[str, Any] | None) -> str | None:
    git = (document or {}).get("git")
    return git.get("commit_hash") if isinstance(git, Mapping) else None
