"""How the trail says what an act is done on, and how that is before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from dagstead.control.actor import Actor
from dagstead.errors import UnauthenticatedError
from dagstead.model.queues import name_queue
from dagstead.plane.ci_logins import NewPins
from dagstead.plane.deployments import Deployment
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.projects import Project
from dagstead.plane.registry import is_digest
from dagstead.plane.releases import Release
from dagstead.plane.secrets import SecretTarget
from dagstead.plane.tokens import Grant, Token
from dagstead.plane.trail_texts import without_secrets
from dagstead.plane.trust import JobGrant, NewPolicy, Policy
from dagstead.store.all import Store

State: TypeAlias = Mapping[str, Any]


@dataclass(slots=True)
class Call:
    """An act with what it was given, and once it has ended, with what it returned."""

    act: str
    given: Mapping[str, Any]
    result: Any = None

    def __getitem__(self, name: str) -> Any:
        return self.given[name]


def deployment(call: Call) -> str | None:
    """The name of the deployment that the act was given."""
    found = call.given.get("deployment")
    return found.name if isinstance(found, Deployment) else None


def _nothing(_call: Call) -> str | None:
    return None


def _actor(_store: Store, call: Call) -> Actor | None:
    found: Actor = call["actor"]
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class RowRule:
    """An act that leaves a row."""

    #: What it is done on, in words.
    on: Callable[[Call], str | None] = _nothing
    #: The deployment that has it.
    place: Callable[[Call], str | None] = deployment
    #: How that is, before and after: the row has what is not the same in both.
    state: Callable[[Store, Call], State | None] | None = None
    #: How it is after, where that is known from what the act was given and returned.
    after: Callable[[Call], State | None] | None = None
    #: Who did it; ``None`` is nobody worth a row.
    who: Callable[[Store, Call], Actor | None] = _actor
    #: Whether also the control plane itself leaves a row: where rights come into being.
    by_system: bool = False
    #: Whether it only shows something: what is shown again and again within an hour is counted.
    is_counted: bool = False


def given(name: str, label: str = "") -> Callable[[Call], str | None]:
    """One of the arguments, with what it is called."""

    def named(call: Call) -> str | None:
        value = call[name]
        return None if value is None else f"{label}{value}"

    return named


def queue(call: Call) -> str:
    """The queue that the act was given."""
    return name_queue(call["queue"])


def stored_queue(store: Store, call: Call) -> State | None:
    """What people have said of it."""
    found = store.queues.get(ORGANIZATION, call["queue"])
    return asdict(found) if found.is_made else None


def synced(call: Call) -> State:
    """The names of the alert policies of a document."""
    return {"policies": call.result}


def put_policy(call: Call) -> str | None:
    """The alert policy that the act was given."""
    entry = call["entry"]
    name = entry.get("name") if isinstance(entry, Mapping) else None
    return f"alert policy {name}" if isinstance(name, str) else None


def tested(call: Call) -> State:
    """The message that tries a policy."""
    return {"delivery": call.result}


def silenced(call: Call) -> str:
    """What a silence holds back."""
    name = call["name"]
    return "all alert policies" if name is None else f"alert policy {name}"


def silence(call: Call) -> State:
    """It, and until when."""
    return {"silence": call.result.id, "until": call["until"], "note": call["note"]}


def token(store: Store, call: Call) -> State | None:
    """The token of the number that the act was given."""
    every = store.tokens.all()
    return next((_held(each) for each in every if each.id == call["token_id"]), None)


def _held(token: Token) -> State:
    return {
        "name": token.name,
        "kind": str(token.kind),
        "deployments": "all" if token.deployments is None else sorted(token.deployments),
        "branch_deployments": token.branch_deployments,
        "beside": sorted(token.beside.deployments),
        "queues": None if token.queues is None else sorted(map(str, token.queues)),
        "locations": None if token.locations is None else sorted(token.locations),
        "role": str(token.roles),
        "secret_values": None if token.secret_values is None else sorted(token.secret_values),
        "rotated_at": token.rotated_at,
        "expires_at": token.expires_at,
        "is_revoked": token.revoked_at is not None,
    }


def issued(call: Call) -> State:
    """A new token, without its secret."""
    return {"token": call.result.token.id, **_held(call.result.token)}


def _grant(grant: Grant | JobGrant) -> State:
    return {
        "deployments": "all" if grant.deployments is None else sorted(grant.deployments),
        "branch_deployments": grant.branch_deployments,
        "locations": None if grant.locations is None else sorted(grant.locations),
        "role": str(grant.roles),
    }


def new_policy(call: Call) -> State:
    """A policy that was added."""
    added: Policy = call.result
    return {"policy": added.id, **_policy(added)}


def _policy(policy: Policy) -> State:
    return {
        "issuer": policy.issuer,
        "claims": dict(policy.claims),
        **_grant(policy.allowed),
        "minutes": policy.allowed.minutes,
    }


def stored_policy(store: Store, call: Call) -> State | None:
    """The policy of the number that the act was given."""
    every = store.trust.all()
    return next((_policy(each) for each in every if each.id == call["policy_id"]), None)


def wanted_policy(call: Call) -> str:
    """A policy that is to be added."""
    new: NewPolicy = call["new"]
    return f"trust in {new.issuer} for {new.wanted.repository}"


def pinned(call: Call) -> str:
    """A repository whose numbers are pinned."""
    new: NewPins = call["pinned"]
    return f"numbers of {new.repository} at {new.issuer}"


def pins(store: Store, call: Call) -> State:
    """The numbers that are pinned for a repository and its owner, at any issuer."""
    new: NewPins = call["pinned"]
    paths = {new.repository, new.repository.rpartition("/")[0]}
    every = store.ci_logins.pins()
    return {f"{each.path} at {each.issuer}": each.number for each in every if each.path in paths}


def job(_store: Store, call: Call) -> Actor:
    """The CI job whose own token was checked."""
    policy: Policy = call["policy"]
    actor: Actor = call["actor"]
    project = Project.of_job(policy, call["claims"])
    return Actor(name=f"CI job of {project.path}", address=actor.address)


def settings(store: Store, call: Call) -> State:
    """The settings of the deployment that the act was given."""
    return without_secrets(store.deployments.get(call["deployment"].name).settings)


def organization(store: Store, _call: Call) -> State:
    """The settings of the organization."""
    return without_secrets(store.properties.organization_settings())


def pause(store: Store, _call: Call) -> State:
    """Whether there is a pause, and of what."""
    found = store.properties.pause()
    return {"is_paused": found is not None, "everything": found is not None and found.everything}


def begun(call: Call) -> str:
    """A release by its number, once it has one; before that, by its locations."""
    if call.result is not None:
        return f"release {call.result.number}"
    return ", ".join(sorted(each.name for each in call["new"].locations))


def release(call: Call) -> State:
    """What a release brings: images and PEX files, and none of its environment."""
    release: Release = call.result
    return {
        "release": release.number,
        "state": str(release.state),
        "cause": str(release.cause),
        "commit": release.commit_hash,
        "locations": {
            part.name: {"queue": part.queue, **_built(part.document)} for part in release.parts
        },
        "removes": sorted(release.removes),
    }


def _built(document: State) -> State:
    """What is deployed: an image, or the PEX files of a tag."""
    pex = (document.get("pex_metadata") or {}).get("pex_tag")
    return {
        name: value for name, value in (("image", document.get("image")), ("pex", pex)) if value
    }


def ended(call: Call) -> State:
    """Why a release was ended."""
    return {"reason": call["reason"], "state": str(call.result.state)}


def reloaded(call: Call) -> str:
    """The locations that are loaded again."""
    names = call["names"]
    return "all locations" if names is None else ", ".join(sorted(names))


def secret(call: Call) -> str:
    """A secret by its name."""
    return f"secret {call['name']}"


def of_target(call: Call) -> str | None:
    """The deployment that a secret is for."""
    target: SecretTarget = call["target"]
    return target.deployment


def target(call: Call) -> State:
    """For whom a secret is."""
    target: SecretTarget = call["target"]
    return {
        "scopes": sorted(map(str, target.kinds)),
        "locations": sorted(target.locations),
    }


def reader(_store: Store, call: Call) -> Actor | None:
    """Who sees values: a list without any is a view."""
    found: Actor = call["actor"]
    return found if call["with_values"] else None


def seen(call: Call) -> State:
    """The secrets whose values were shown."""
    return {"seen": sorted({each.listed.name for each in call.result if each.can_view})}


def keys(call: Call) -> State:
    """The master key after a change."""
    return {"current": call.result.current, "lost": call["lost"]}


def swept(call: Call) -> State:
    """How much was removed."""
    return {"removed": len(call.result.removable)}


def canceled(call: Call) -> State:
    """What became of a run."""
    return {"cancellation": str(call.result)}


def deleted(call: Call) -> State:
    """What became of the runs of a deployment."""
    deletion = call.result
    return {"ended_runs": len(deletion.ended), "left_runs": len(deletion.left)}


def branch(call: Call) -> str:
    """A branch of a repository."""
    branch = call["branch"]
    return f"branch {branch.branch_name} of {branch.repo_name}"


def opened(call: Call) -> State:
    """A branch deployment after it was made or changed."""
    return {"closed": call.result.closed, "base": call.result.base}


def of_result(call: Call) -> str | None:
    """The name of the deployment that the act returned."""
    return None if call.result is None else call.result.name


def uploader(_store: Store, call: Call) -> Actor | None:
    """Who may send a file: to ask for one is a view."""
    found: Actor = call["actor"]
    return found if call["method"] == "PUT" else None


def pushed_image(call: Call) -> str:
    """The image that was pushed."""
    return f"image {call['name']}:{call['reference']}"


def pusher(_store: Store, call: Call) -> Actor | None:
    """Who pushes an image; parts of one, which are pushed by their digest, leave no row."""
    found: Actor = call["actor"]
    return None if is_digest(call["reference"]) else found


def holder(_store: Store, call: Call) -> Actor:
    """Who signs in."""
    return Actor.holding(call["token"], call["address"])


def signed_out(store: Store, call: Call) -> Actor | None:
    """Who signs out; nobody, if the session was over."""
    try:
        token = store.sessions.holder(call["secret"])
    except UnauthenticatedError:
        return None
    return Actor.holding(token, call["address"])


def link_user(_store: Store, call: Call) -> Actor:
    """Who opens a sign-in link."""
    return Actor(name=f"the user of a sign-in link, as {call['name']}", address=call["address"])
