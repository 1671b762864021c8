"""Every act and view of the control plane, found by walking it, and values to try each with."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from dagstead.control.actor import NOBODY, SYSTEM, Actor
from dagstead.control.agents import AgentReport
from dagstead.control.all import Control
from dagstead.control.dequeues import RunInLine
from dagstead.control.questions import Question
from dagstead.control.releases import RollbackGoal
from dagstead.control.requests import Poll
from dagstead.control.work import Work
from dagstead.control.workers import NewWorker
from dagstead.model.retention import Retention
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.branches import SnapshotCondition
from dagstead.plane.ci_logins import NewPins, TokenUse
from dagstead.plane.deployments import Branch
from dagstead.plane.launch_machine.events import StopWish
from dagstead.plane.launches import How, LaunchEnd, LaunchTags, RunEnd
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.queues import QueueChange
from dagstead.plane.reach import Scope
from dagstead.plane.registry import ImageManifest
from dagstead.plane.releases import NewRelease
from dagstead.plane.requests import LAUNCH_RUN
from dagstead.plane.roles import Role, RoleGrant, Roles
from dagstead.plane.rotations import Rotation
from dagstead.plane.secrets import SecretTarget
from dagstead.plane.server_logs import ServerLog
from dagstead.plane.tokens import Grant, PoolReach, TokenKind
from dagstead.plane.trail import Row, TrailFilter
from dagstead.plane.trust import JobFilter, JobGrant, NewPolicy, Provider
from dagstead.plane.workers import Minter, PoolCount, Worker
from dagstead.store.all import Store
from dagstead.store.tables import metadata, refused_callers, token_calls, trail, trail_head
from dagstead.testing.clock import ManualClock
from tests.support.alert_policies import entry_of
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import control_without_dagster
from tests.support.releases import deploy, new_location
from tests.support.stores import empty_store

#: The secret, or the signature, is what is checked: there is no actor yet.
WITHOUT_ACTOR = {"token_reader", "sessions", "signed_files"}

_USER, _AGENT = TokenKind.USER, TokenKind.AGENT

#: Nothing of the deployment prod, or of the organization, is for these.
OUTSIDERS: Mapping[str, tuple[TokenKind, Grant]] = {
    "staging": (_USER, Grant(deployments=["staging"], branch_deployments=False)),
    "branches": (_USER, Grant(deployments=["staging"], repository="org/mine")),
    "locations": (
        _USER,
        Grant(deployments=["staging"], branch_deployments=False, locations=["weather", "digits"]),
    ),
    "staging agent": (_AGENT, Grant(deployments=["staging"], branch_deployments=False)),
    "staging pool": (TokenKind.POOL, Grant(deployments=["staging"], branch_deployments=False)),
}

#: Some of it is for these.
INSIDERS: Mapping[str, tuple[TokenKind, Grant]] = {
    "admin": (_USER, Grant()),
    "prod": (_USER, Grant(deployments=["prod"])),
    "weather": (_USER, Grant(locations=["weather"])),
    "agent": (_AGENT, Grant()),
    "pool": (TokenKind.POOL, Grant()),
}

#: The roles in the whole organization.
IN_ROLES: Mapping[str, tuple[TokenKind, Grant]] = {
    role: (_USER, Grant(roles=Roles(default=role))) for role in Role
}
#: Viewers of prod, who are more elsewhere: in another deployment, or at another location.
MORE_ELSEWHERE: Mapping[str, tuple[TokenKind, Grant]] = {
    name: (_USER, Grant(roles=Roles(default=Role.VIEWER, grants=frozenset({grant}))))
    for name, grant in (
        ("admin of staging", RoleGrant(role=Role.ADMIN, deployment="staging")),
        ("admin of branches", RoleGrant(role=Role.ADMIN, deployment=None)),
        ("admin of digits", RoleGrant(role=Role.ADMIN, deployment="prod", location="digits")),
    )
}

#: A token's name is its secret here, and "admin" is an insider's.
_OF_ROLES = {**{name: IN_ROLES[name] for name in IN_ROLES if name != "admin"}, **MORE_ELSEWHERE}

#: Code that a pool runs: the worker of a run of prod, and a code server elsewhere.
WORKER = Worker(deployment="prod", location="weather", run_id="run", launch=1)
STAGING_SERVER = Worker(deployment="staging", location="weather")


def groups() -> dict[str, type]:
    """The classes of the control plane that work with the store, by the name of their field."""
    hints = typing.get_type_hints(Control)
    return {name: kind for name, kind in hints.items() if "_backend" in _fields(kind)}


def acts() -> list[str]:
    """All acts and views that take an actor, as ``group.name``."""
    return [
        f"{group}.{name}"
        for group, kind in groups().items()
        if group not in WITHOUT_ACTOR
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    ]


def signature(act: str) -> inspect.Signature:
    group, _, name = act.partition(".")
    return inspect.signature(getattr(groups()[group], name), eval_str=True)


def _fields(kind: object) -> Mapping[str, object]:
    return getattr(kind, "__dataclass_fields__", {})


@dataclass(frozen=True, kw_only=True)
class World:
    """A control plane with all sorts of things in the deployment prod."""

    store: Store
    control: Control

    def actors(self, of: Mapping[str, tuple[TokenKind, Grant]]) -> dict[str, Actor]:
        tokens = {token.name: token for token in self.store.tokens.all()}
        return {name: Actor.holding(tokens[name]) for name in of}

    def worker(self, worker: Worker) -> Actor:
        every = self.store.workers.all(ORGANIZATION)
        return Actor.holding(next(token for token in every if token.worker == worker))

    def attempt(self, act: str, location: str = "weather") -> Callable[[Actor], object]:
        """An act on a location of the deployment prod, or on something of prod's as it is now."""
        group, _, name = act.partition(".")
        known = self._values(location)
        values = {
            each: known.get(f"{act}.{each}", known.get(each, _UNKNOWN))
            for each in list(signature(act).parameters)[2:]
        }
        unknown = [each for each, value in values.items() if value is _UNKNOWN]
        assert not unknown, f"Say in {__name__} what {act} is to be tried with: {unknown}"
        return partial(getattr(getattr(self.control, group), name), **values)

    def stored(self) -> dict[str, list[Any]]:
        """All that the database holds, beside when a token was heard of, and what was refused."""
        with self.store.database.read() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(select(table))))
                for table in metadata.sorted_tables
                if table not in {refused_callers, token_calls, trail, trail_head}
            }

    def _values(self, location: str) -> dict[str, Any]:
        store = self.store
        prod = store.deployments.get("prod")
        policy = store.trust.all()[0]
        request = next(each for each in store.requests.open(ORGANIZATION) if each.api == LAUNCH_RUN)
        row = store.locations.get("prod", location)
        (delivery,) = store.alert_outbox.newest(ORGANIZATION, range(10), 1)
        return {
            "alerts.deliveries.policies": None,
            "alerts.deliveries.before": None,
            "alerts.deliveries.limit": 10,
            "alerts.delivery.delivery_id": delivery.id,
            "alerts.document.kind": AlertDocument.OWN,
            "alerts.remove.name": "theirs",
            "alerts.silence.name": "ours",
            "alerts.silence.until": store.clock() + 60.0,
            "alerts.sync.kind": AlertDocument.OWN,
            "alerts.test.name": "ours",
            "alerts.test.kind": None,
            "alert_watch.due.limit": 10,
            "besides": (),
            "delivery": delivery,
            "document": [_ALERT_POLICY],
            "entry": _ALERT_POLICY,
            "silence_id": store.alert_silences.all(ORGANIZATION, ["prod"])[0].id,
            "overview.problems_of_each.names": ["prod"],
            "agent_id": "a2",
            "answer": "{}",
            "asked": row,
            "beats": store.agents.all(ORGANIZATION),
            "ending": LaunchEnd(status=RunEnd.FAILURE, how=How.EXITED, by="it", reason="It died."),
            "launch": store.launches.newest("prod", "run"),
            "tags": LaunchTags(),
            "wish": StopWish(end=RunEnd.CANCELED, by="somebody", reason="It was terminated."),
            "launches.offer.work": Work(
                api=LAUNCH_RUN, queue=None, lifetime_seconds=1.0, run_id="another"
            ),
            "base": None,
            "below": None,
            "overview.locations.names": None,
            "overview.releases.names": None,
            "overview.routes.names": None,
            "snapshot": SnapshotCondition.ON_CREATE,
            "branch": Branch(repo_name="org/other", branch_name="f"),
            "deployments.branch_name.repository": "org/other",
            "deployments.branch_name.branch": "f",
            "claims": {"repository": "org/repo", "ref": "refs/heads/main"},
            "deadline": store.clock(),
            "deploy_id": row.deploy_id,
            "deployment": prod,
            "deployment_id": prod.id,
            "error": "{}",
            "files.artifact_to_read.name": "manifest",
            "images.note_pushed.name": "prod",
            "images.require_pull.name": "prod",
            "images.require_push.name": "prod",
            "images.note_pushed.manifest": ImageManifest(digest=f"sha256:{'1' * 64}"),
            "reference": f"sha256:{'1' * 64}",
            "images.note_pushed.reference": "a-tag",
            "grant": Grant(),
            "kind": TokenKind.USER,
            "limit": None,
            "reasons.waiting_requests.limit": 10,
            "reasons.waiting_runs.limit": 10,
            "log_key": ["run", "compute_logs", "key"],
            "made_id": "run",
            "workers.mint.new": NewWorker(agent_id="a1", location=location),
            "count": PoolCount(agent_ids=["a1"], running=[]),
            "location": location,
            "log": ServerLog(server="s", started_at=store.clock(), lines=["hello"], is_cut=False),
            "part": "run",
            "runs.find.limit": 10,
            "loopback": False,
            "machine": "here",
            "serves": PoolReach.ALL,
            "manifest": "{}",
            "method": "PUT",
            "name": location,
            "deployments.named.name": "prod",
            "names": [location],
            "new": NewRelease(locations=[new_location(location, "new")]),
            "trust.add.new": NewPolicy(
                issuer="github",
                provider=Provider.GITHUB,
                wanted=JobFilter(repository="org/repo", any_ref=True, claims={}),
                allowed=JobGrant(
                    deployments=frozenset({"prod"}), branch_deployments=False, locations=None
                ),
            ),
            "given": (),
            "secrets.remove.name": "KEY",
            "secrets.set.name": "KEY",
            "lost": False,
            "report": "{}",
            "target": SecretTarget(deployment="prod"),
            "trail.find.wanted": TrailFilter(),
            "trail.note_sent.last": Row(seq=0, at=0.0, body="{}", hash=""),
            "noted": None,
            "sink": "file",
            "fault": "It is away.",
            "trail.keep_sinks.names": frozenset({"file"}),
            "trail.waiting.limit": 10,
            "all_of_them": True,
            "value": "another",
            "with_values": True,
            "change": QueueChange(limit=2),
            "everything": True,
            "note": "Maintenance.",
            "until": None,
            "queues.remove.queue": "idle",
            "number": row.open_release,
            "of": "run",
            "dagster_data.require_assets.locations": lambda: [location],
            "goal": RollbackGoal(number=2),
            "confirmed": None,
            "older_than_seconds": 0.0,
            "work_of_an_agent": 20,
            "organization": "dagstead",
            "path": "final/stdout/key",
            "pinned": NewPins(issuer="github", repository="org/repo", number="2"),
            "use": TokenUse(key="used", expires_at=store.clock() + 60.0),
            "policy": policy,
            "policy_id": policy.id,
            "poll": Poll(full_deployments=["prod"], branch_deployments=True),
            "question": Question(
                location=location,
                api="X",
                args=None,
                asked_at=store.clock(),
                deadline=store.clock(),
            ),
            "queue": None,
            "queues": [None],
            "availability.why_refused.queues": {location: None},
            "pythons": {location: "3.12"},
            "images": [location],
            "reason": "By hand.",
            "redeploy": lambda document: new_location(document["location_name"], "again"),
            "remove_others": False,
            "reports": [_report()],
            "request": request,
            "request_id": request.id,
            "request_ids": [request.id],
            "retention": Retention(),
            "rotation": Rotation(overlap_seconds=0.0),
            "run_id": "run",
            "run_ids": ["run"],
            "run": RunInLine(run_id="run", location=location),
            "runs": [RunInLine(run_id="run", location=location)],
            "what": "Something",
            "scope": Scope.ORGANIZATION,
            "stopped": lambda: False,
            "settings": {"run_retries": {"max_retries": 1}},
            "token_id": 1,
            "sentence": "It goes on.",
            "unknown_since": 1.0,
            "work": Work(api="X", queue=None, lifetime_seconds=1.0),
        }


_UNKNOWN = object()
#: Its address has the word that no row of the trail may have.
_ALERT_POLICY = entry_of(
    "third", notification_service={"webhook": {"webhook_url": "https://example.com/another"}}
)


def world(folder: Path) -> World:
    """Make one."""
    store = empty_store(folder, ManualClock())
    for name in ("prod", "staging"):
        store.deployments.create(name)
    store.deployments.set_settings("prod", {"releases": {"unserved_queue": "wait"}})
    store.deployments.create_or_update_branch(Branch(repo_name="org/other", branch_name="g"), None)
    for name, (kind, grant) in {**INSIDERS, **OUTSIDERS, **_OF_ROLES}.items():
        store.tokens.create(name, kind, name, grant)
    _release(store, "1", "weather", "digits")
    _release(store, "2", "weather", "digits")
    # Two that are loading.
    deploy(store, "prod", [new_location("weather", "3")])
    deploy(store, "prod", [new_location("digits", "4")])
    claims = {"repository": "org/repo", "ref": "refs/heads/*"}
    allowed = JobGrant(deployments=frozenset({"prod"}), branch_deployments=False, locations=None)
    store.trust.add(Provider.GITHUB, Provider.GITHUB.issuer, claims, allowed)
    store.agents.record([heartbeat_of(None, now=store.clock())])
    for worker in (WORKER, STAGING_SERVER):
        minter = Minter(pool="pool", agent_id="a1")
        store.workers.create(worker, worker.name, minter, lifetime_seconds=None)
    control = control_without_dagster(store)
    prod = store.deployments.get("prod")
    control.queues.set(SYSTEM, "idle", QueueChange(limit=1))
    control.queues.pause(SYSTEM, None, None, None)
    control.alerts.sync(SYSTEM, prod, AlertDocument.OWN, [entry_of("ours")])
    control.alerts.sync(SYSTEM, prod, AlertDocument.OFFICIAL, [entry_of("theirs")])
    control.alerts.test(SYSTEM, prod, "ours")
    control.alerts.silence(SYSTEM, prod, None, store.clock() + 3600.0)
    control.secrets.require_key(SYSTEM)
    control.secrets.set(SYSTEM, "KEY", "hunter2", SecretTarget(deployment="prod"))
    launch = Work(api=LAUNCH_RUN, queue=None, lifetime_seconds=60.0, run_id="run")
    control.launches.offer(SYSTEM, prod, launch, LaunchTags())
    # Only who has taken it may begin and answer it.
    agent = next(token for token in store.tokens.all() if token.name == "agent")
    control.requests.take(Actor.holding(agent), Poll(full_deployments=["prod"]))
    return World(store=store, control=control)


def _release(store: Store, deploy_id: str, *names: str) -> None:
    deploy(store, "prod", [new_location(name, deploy_id) for name in names])
    for name in names:
        store.releases.set_loaded("prod", name, deploy_id=deploy_id, manifest="{}")


def _report() -> AgentReport:
    return AgentReport(
        agent_id="a9",
        deployment="prod",
        label=None,
        type=None,
        version=None,
        queues=frozenset({None}),
        branch_deployments=False,
        metadata={},
        run_worker_statuses=None,
        errors=(),
    )


def everybody_outside(made: World) -> Iterator[tuple[str, Actor]]:
    """Outsiders, and a caller without a token."""
    yield "nobody", NOBODY
    yield from made.actors(OUTSIDERS).items()
    yield "staging server", made.worker(STAGING_SERVER)
