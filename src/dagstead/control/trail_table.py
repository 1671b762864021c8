"""What the trail has of each act of ``control``: one line for every act, and none without.

A row of the trail is for what somebody decides: people, CI jobs, and agents where they administer.
What comes by itself, many times a second, or only shows something, leaves none; refusals always do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dagstead.control.actor import Actor
from dagstead.errors import UnauthenticatedError
from dagstead.plane.deployments import Deployment
from dagstead.plane.projects import Project
from dagstead.plane.reach import Reach
from dagstead.plane.releases import Release
from dagstead.plane.secrets import SecretTarget
from dagstead.plane.tokens import Grant, Token
from dagstead.plane.trail_texts import without_secrets
from dagstead.plane.trust import JobGrant, NewPolicy, Policy

if TYPE_CHECKING:
    from dagstead.control.backend import Backend

State: TypeAlias = Mapping[str, Any]


class Quiet(Enum):
    """Why an act leaves no row."""

    VIEW = "It shows something, and changes nothing."
    CHECK = "It checks a right for an act of a surface, which is recorded there."
    WORK = "Agents and user code do it with every poll, heartbeat, start, event or file."
    REPORT = "An agent reports how its work went: releases and runs have it."
    ITSELF = "The control plane does it by itself, to look after runs, requests and rows."
    BESIDE = "It is of the trail itself, which says so where that matters."


@dataclass(slots=True)
class Call:
    """An act with what it was given, and once it has ended, with what it returned."""

    act: str
    given: Mapping[str, Any]
    result: Any = None

    def __getitem__(self, name: str) -> Any:
        return self.given[name]


def _deployment(call: Call) -> str | None:
    found = call.given.get("deployment")
    return found.name if isinstance(found, Deployment) else None


def _nothing(_call: Call) -> str | None:
    return None


def _actor(_backend: Backend, call: Call) -> Actor | None:
    found: Actor = call["actor"]
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """An act that leaves a row."""

    #: What it is done on, in words.
    on: Callable[[Call], str | None] = _nothing
    #: The deployment that has it.
    place: Callable[[Call], str | None] = _deployment
    #: How that is, before and after: the row has what is not the same in both.
    state: Callable[[Backend, Call], State | None] | None = None
    #: How it is after, where that is known from what the act was given and returned.
    after: Callable[[Call], State | None] | None = None
    #: Who did it; ``None`` is nobody worth a row.
    who: Callable[[Backend, Call], Actor | None] = _actor
    #: Whether also the control plane itself leaves a row: where rights come into being.
    by_system: bool = False
    #: Whether it only shows something: what is shown again and again within an hour is counted.
    is_counted: bool = False


def _given(name: str, label: str = "") -> Callable[[Call], str | None]:
    """One of the arguments, with what it is called."""

    def named(call: Call) -> str | None:
        value = call[name]
        return None if value is None else f"{label}{value}"

    return named


def _token(_backend: Backend, call: Call) -> State | None:
    every = _backend.store.tokens.all()
    return next((_held(each) for each in every if each.id == call["token_id"]), None)


def _held(token: Token) -> State:
    return {
        "name": token.name,
        "kind": str(token.kind),
        **_reach(token.reach),
        "queues": None if token.queues is None else sorted(map(str, token.queues)),
        "locations": None if token.locations is None else sorted(token.locations),
        "expires_at": token.expires_at,
        "is_revoked": token.revoked_at is not None,
    }


def _reach(reach: Reach) -> State:
    return {
        "deployments": "all" if reach.organization else sorted(reach.deployments),
        "branch_deployments": reach.branch_deployments,
    }


def _issued(call: Call) -> State:
    return {"token": call.result.token.id, **_held(call.result.token)}


def _grant(grant: Grant | JobGrant) -> State:
    return {
        "deployments": "all" if grant.deployments is None else sorted(grant.deployments),
        "branch_deployments": grant.branch_deployments,
        "locations": None if grant.locations is None else sorted(grant.locations),
    }


def _new_policy(call: Call) -> State:
    added: Policy = call.result
    return {"policy": added.id, **_policy(added)}


def _policy(policy: Policy) -> State:
    return {
        "issuer": policy.issuer,
        "claims": dict(policy.claims),
        **_grant(policy.allowed),
        "minutes": policy.allowed.minutes,
    }


def _stored_policy(backend: Backend, call: Call) -> State | None:
    every = backend.store.trust.all()
    return next((_policy(each) for each in every if each.id == call["policy_id"]), None)


def _wanted_policy(call: Call) -> str:
    new: NewPolicy = call["new"]
    return f"trust in {new.issuer} for {new.wanted.repository}"


def _job(_backend: Backend, call: Call) -> Actor:
    """The CI job whose own token was checked."""
    policy: Policy = call["policy"]
    actor: Actor = call["actor"]
    project = Project.of_job(policy, call["claims"])
    return Actor(name=f"CI job of {project.path}", address=actor.address)


def _settings(backend: Backend, call: Call) -> State:
    return without_secrets(backend.store.deployments.get(call["deployment"].name).settings)


def _organization(backend: Backend, _call: Call) -> State:
    return without_secrets(backend.store.properties.organization_settings())


def _pause(backend: Backend, _call: Call) -> State:
    return {"is_paused": backend.store.properties.pause() is not None}


def _begun(call: Call) -> str:
    if call.result is not None:
        return f"release {call.result.number}"
    return ", ".join(sorted(each.name for each in call["new"].locations))


def _release(call: Call) -> State:
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


def _ended(call: Call) -> State:
    return {"reason": call["reason"], "state": str(call.result.state)}


def _reloaded(call: Call) -> str:
    names = call["names"]
    return "all locations" if names is None else ", ".join(sorted(names))


def _secret(call: Call) -> str:
    return f"secret {call['name']}"


def _of_target(call: Call) -> str | None:
    target: SecretTarget = call["target"]
    return target.deployment


def _target(call: Call) -> State:
    target: SecretTarget = call["target"]
    return {
        "scopes": sorted(map(str, target.kinds)),
        "locations": sorted(target.locations),
    }


def _reader(_backend: Backend, call: Call) -> Actor | None:
    """Who sees values: a list without any is a view."""
    found: Actor = call["actor"]
    return found if call["with_values"] else None


def _seen(call: Call) -> State:
    return {"seen": sorted({each.listed.name for each in call.result if each.can_view})}


def _keys(call: Call) -> State:
    return {"current": call.result.current, "lost": call["lost"]}


def _swept(call: Call) -> State:
    return {"removed": len(call.result.removable)}


def _deleted(call: Call) -> State:
    deletion = call.result
    return {"ended_runs": len(deletion.ended), "left_runs": len(deletion.left)}


def _branch(call: Call) -> str:
    branch = call["branch"]
    return f"branch {branch.branch_name} of {branch.repo_name}"


def _opened(call: Call) -> State:
    return {"closed": call.result.closed, "base": call.result.base}


def _of_result(call: Call) -> str | None:
    return None if call.result is None else call.result.name


def _uploader(_backend: Backend, call: Call) -> Actor | None:
    """Who may send a file: to ask for one is a view."""
    found: Actor = call["actor"]
    return found if call["method"] == "PUT" else None


def _holder(_backend: Backend, call: Call) -> Actor:
    return Actor.holding(call["token"], call["address"])


def _signed_out(backend: Backend, call: Call) -> Actor | None:
    try:
        token = backend.store.sessions.holder(call["secret"])
    except UnauthenticatedError:
        return None
    return Actor.holding(token, call["address"])


def _link_user(_backend: Backend, call: Call) -> Actor:
    return Actor(name=f"the user of a sign-in link, as {call['name']}", address=call["address"])


#: By group and name, as ``control/all.py`` has them.
TRAIL: Final[Mapping[str, Recorded | Quiet]] = {
    # Deployments and settings.
    "deployments.create": Recorded(place=_given("name"), on=_given("name"), by_system=True),
    "deployments.open_branch": Recorded(place=_of_result, on=_branch, after=_opened),
    "deployments.set_settings": Recorded(on=lambda _: "settings", state=_settings),
    "deployments.delete": Recorded(on=_deployment, after=_deleted),
    "deployments.granted": Quiet.VIEW,
    "deployments.named": Quiet.VIEW,
    "deployments.numbered": Quiet.VIEW,
    "deployments.branch_name": Quiet.VIEW,
    "deployments.settings": Quiet.VIEW,
    "deployments.runs_under_way": Quiet.VIEW,
    "deployments.sweep": Quiet.ITSELF,
    "organization.set_settings": Recorded(on=lambda _: "settings", state=_organization),
    "organization.settings": Quiet.VIEW,
    # Who may do what.
    "tokens.issue": Recorded(on=_given("name", "token "), after=_issued, by_system=True),
    "tokens.revoke": Recorded(on=_given("token_id", "token "), state=_token),
    "tokens.add_scope": Recorded(on=_given("token_id", "token "), state=_token),
    "tokens.remove_scope": Recorded(on=_given("token_id", "token "), state=_token),
    "tokens.all": Quiet.VIEW,
    "tokens.agent": Quiet.VIEW,
    "token_reader.of_secret": Quiet.WORK,
    "pool_tokens.renew": Recorded(on=_given("machine", "pool on "), by_system=True),
    "pool_tokens.revoke": Recorded(on=_given("machine", "pool on "), by_system=True),
    "trust.add": Recorded(on=_wanted_policy, after=_new_policy),
    "trust.remove": Recorded(on=_given("policy_id", "policy "), state=_stored_policy),
    "trust.exchange": Recorded(
        on=lambda call: f"policy {call['policy'].id}", after=_issued, who=_job, by_system=True
    ),
    "trust.all": Quiet.VIEW,
    "sign_ins.new_link": Recorded(on=lambda _: "sign-in link", by_system=True),
    "sign_ins.end_all": Recorded(
        on=_given("token_id", "token "), after=lambda call: {"sessions": call.result}
    ),
    "sessions.begin": Recorded(who=_holder, on=lambda _: "session"),
    "sessions.end": Recorded(who=_signed_out, on=lambda _: "session"),
    "sessions.use_link": Recorded(who=_link_user, on=lambda _: "sign-in link", after=_issued),
    "sessions.holder": Quiet.WORK,
    # Secrets. Their values are in no row.
    "secrets.set": Recorded(on=_secret, place=_of_target, after=_target),
    "secrets.remove": Recorded(on=_secret, place=_of_target, after=_target),
    "secrets.rotate_key": Recorded(on=lambda _: "master key", after=_keys),
    "secrets.shown": Recorded(on=lambda _: "values", who=_reader, after=_seen, is_counted=True),
    "secrets.key": Quiet.VIEW,
    "secrets.for_code": Quiet.WORK,
    "secrets.mask": Quiet.WORK,
    "secrets.require_key": Quiet.ITSELF,
    # What is deployed.
    "releases.begin": Recorded(on=_begun, after=_release),
    "releases.end": Recorded(on=_given("number", "release "), after=_ended),
    "releases.roll_back": Recorded(
        on=lambda call: f"release {call['goal'].number or 'before'}", after=_release
    ),
    "releases.all": Quiet.VIEW,
    "releases.get": Quiet.VIEW,
    "releases.open": Quiet.ITSELF,
    "releases.plan_rollback": Quiet.VIEW,
    "locations.remove": Recorded(on=_given("name")),
    "locations.reload": Recorded(on=_reloaded),
    "locations.all": Quiet.VIEW,
    "locations.get": Quiet.VIEW,
    "locations.manifests": Quiet.VIEW,
    "locations.names": Quiet.VIEW,
    "locations.version": Quiet.VIEW,
    "locations.to_serve": Quiet.WORK,
    "locations.note_importing": Quiet.WORK,
    "locations.remind": Quiet.ITSELF,
    "files.pex_address": Recorded(on=_given("name", "PEX file "), who=_uploader, is_counted=True),
    "files.stored_pex_files": Quiet.VIEW,
    "files.artifact_to_read": Quiet.WORK,
    "files.artifact_to_write": Quiet.WORK,
    "files.log_address": Quiet.WORK,
    "files.snapshots": Quiet.WORK,
    "signed_files.open": Quiet.WORK,
    "load_reports.snapshots": Quiet.REPORT,
    "load_reports.loaded": Quiet.REPORT,
    "load_reports.failed": Quiet.REPORT,
    # How it runs.
    "pauses.begin": Recorded(on=lambda _: "all runs", state=_pause),
    "pauses.end": Recorded(on=lambda _: "all runs", state=_pause),
    "pauses.current": Quiet.ITSELF,
    "storage.sweep": Recorded(on=lambda _: "what is old", after=_swept),
    "storage.report": Quiet.VIEW,
    "health.parts": Quiet.VIEW,
    "agents.forget_gone": Recorded(on=_given("agent_id", "agent ")),
    "agents.record": Quiet.WORK,
    "agents.listen": Quiet.ITSELF,
    "agents.forget": Quiet.ITSELF,
    "agents.alive": Quiet.VIEW,
    "agents.all": Quiet.VIEW,
    "agents.granted": Quiet.VIEW,
    "agents.of": Quiet.VIEW,
    "agents.shown": Quiet.VIEW,
    "availability.why_refused": Quiet.VIEW,
    "availability.why_unserved": Quiet.VIEW,
    "statuses.all": Quiet.VIEW,
    "statuses.stated": Quiet.VIEW,
    "statuses.heal": Quiet.ITSELF,
    "statuses.note_answered": Quiet.ITSELF,
    "statuses.note_refused": Quiet.ITSELF,
    # Requests and runs. Who launches or ends a run is recorded at the field of the operator's API.
    "requests.answer": Quiet.WORK,
    "requests.begin_launch": Quiet.WORK,
    "requests.take": Quiet.WORK,
    "requests.expire": Quiet.ITSELF,
    "requests.expire_overdue": Quiet.ITSELF,
    "requests.expire_unwanted": Quiet.ITSELF,
    "requests.launches": Quiet.ITSELF,
    "requests.open": Quiet.ITSELF,
    "requests.purge": Quiet.ITSELF,
    "requests.redeliver": Quiet.ITSELF,
    "requests.submit": Quiet.ITSELF,
    "requests.withdraw": Quiet.ITSELF,
    "launches.note_asking": Quiet.WORK,
    "launches.newest": Quiet.VIEW,
    "launches.of_run": Quiet.VIEW,
    "launches.open": Quiet.VIEW,
    "launches.why_out_of_reach": Quiet.VIEW,
    "launches.why_waiting": Quiet.VIEW,
    "launches.worker_reports": Quiet.VIEW,
    "launches.carry_out": Quiet.ITSELF,
    "launches.compare": Quiet.ITSELF,
    "launches.dequeue": Quiet.ITSELF,
    "launches.end": Quiet.ITSELF,
    "launches.end_unsubmitted": Quiet.ITSELF,
    "launches.ended_by_agent_at": Quiet.ITSELF,
    "launches.forget": Quiet.ITSELF,
    "launches.has_silent_workers": Quiet.ITSELF,
    "launches.last_sign": Quiet.ITSELF,
    "launches.note": Quiet.ITSELF,
    "launches.note_shown": Quiet.ITSELF,
    "launches.offer": Quiet.ITSELF,
    "launches.offer_again": Quiet.ITSELF,
    "launches.purge": Quiet.ITSELF,
    "launches.remind": Quiet.ITSELF,
    "launches.see": Quiet.ITSELF,
    "launches.start": Quiet.ITSELF,
    "launches.stop": Quiet.ITSELF,
    "launches.submit": Quiet.ITSELF,
    "launches.unshown": Quiet.ITSELF,
    "questions.ask": Quiet.ITSELF,
    "questions.has_changed": Quiet.ITSELF,
    "writes.interrupt_all": Quiet.ITSELF,
    "writes.ledger": Quiet.WORK,
    "writes.purge": Quiet.ITSELF,
    # User code in managed pools.
    "workers.mint": Quiet.WORK,
    "workers.keep": Quiet.WORK,
    "workers.note_making": Quiet.WORK,
    "workers.require_location": Quiet.CHECK,
    "workers.require_log": Quiet.CHECK,
    "workers.require_made": Quiet.CHECK,
    "workers.require_run": Quiet.CHECK,
    "workers.sweep": Quiet.ITSELF,
    "dagster_data.computes_states": Quiet.CHECK,
    "dagster_data.require_all": Quiet.CHECK,
    "dagster_data.require_assets": Quiet.CHECK,
    "dagster_data.require_locations": Quiet.CHECK,
    "dagster_data.require_new_run": Quiet.CHECK,
    "dagster_data.require_runs": Quiet.CHECK,
    # The trail.
    "trail.find": Quiet.VIEW,
    "trail.verify": Quiet.VIEW,
    "trail.prune": Quiet.BESIDE,
    "trail.settle": Quiet.BESIDE,
    "trail.write_down": Quiet.BESIDE,
    "trail.keep_sinks": Quiet.ITSELF,
    "trail.waiting": Quiet.ITSELF,
    "trail.note_sent": Quiet.ITSELF,
    "trail.note_failing": Quiet.ITSELF,
}
