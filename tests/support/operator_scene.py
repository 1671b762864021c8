"""A control plane in which something is planted everywhere, and callers who must not find it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import select

from dagstead.control.actor import SYSTEM
from dagstead.operator_api.schema import create_schema
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.deployments import Branch
from dagstead.plane.locations import NewLocation
from dagstead.plane.projects import Project
from dagstead.plane.secrets import SecretTarget
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.plane.trust import JobGrant, Provider
from dagstead.store.tables import metadata
from tests.support.alert_policies import entry_of
from tests.support.heartbeats import heartbeat_of
from tests.support.operator_questions import Questions
from tests.support.releases import deploy
from tests.unit.server.conftest import Plane

#: In everything that is planted where a caller must not see it; the rest says where.
MARK = "planted"
MINE = Project(path="org/mine", provider=Provider.GITHUB, issuer="https://hub", id="1")
THEIRS = Project(path="org/theirs", provider=Provider.GITHUB, issuer="https://hub", id="2")

SCHEMA = create_schema().graphql_schema


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody with a token."""

    kind: TokenKind = TokenKind.USER
    grant: Grant
    #: The deployments that are called; ``None`` is an address of none.
    places: tuple[str | None, ...]
    #: Where things are planted that may be seen.
    sees: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A control plane in which a lot is planted."""

    plane: Plane
    mine: str
    theirs: str
    run_id: str
    questions: Questions

    @property
    def instance(self) -> DagsterInstance:
        """Of the deployment prod."""
        orchestration: Any = self.plane.control.deployments._backend.orchestration
        found: DagsterInstance = orchestration.instance_of(self.plane.store.deployments.get("prod"))
        return found

    def stored(self, caller: Caller) -> dict[str, Any]:
        """Everything that a caller must not change."""
        own = {"prod"} if "in-theirs" in caller.sees else {"prod", self.theirs}
        but_weather = caller.grant.locations is not None
        found: dict[str, Any] = {}
        with self.plane.store.database.read() as connection:
            for table in metadata.sorted_tables:
                rows = [dict(row._mapping) for row in connection.execute(select(table))]
                found[table.name] = [
                    {name: value for name, value in row.items() if name not in _USED}
                    for row in rows
                    if _is_kept(table.name, row, own, but_weather=but_weather)
                ]
        runs = self.instance.get_runs()
        found["runs"] = sorted((run.run_id, run.status.value, repr(run.tags)) for run in runs)
        found["organization"] = self.plane.store.properties.organization_settings()
        found["events"] = len(self.instance.all_logs(self.run_id))
        return found


#: Noted when a token is used, for people.
_USED = {"last_used_at", "used_from"}
#: Rows that callers from elsewhere may add.
_OF_ALL = {"token_calls", "writes", "deletions", "properties", "leader", "workspace_versions"}


def _is_kept(table: str, row: Mapping[str, Any], own: set[str], *, but_weather: bool) -> bool:
    if table in {"tokens", "trust_policies"}:
        return True
    where = row.get("name") if table == "deployments" else row.get("deployment")
    if table in _OF_ALL or where not in own:
        return False
    is_of_weather = table in {"releases", "release_parts", "requests"} or (
        table == "locations" and row["name"] == "weather"
    )
    return not (but_weather and is_of_weather)


#: The name of an alert policy. Whoever asks for it sends it, so that it has no mark.
_POLICY = "on-call"


def scene_in(plane: Plane) -> Scene:
    """Plant a lot in a control plane."""
    store = plane.store
    store.deployments.set_settings(
        "prod", {"releases": {"unserved_queue": "wait"}, "sso_default_role": f"{MARK}-in-prod"}
    )
    store.deployments.set_settings("staging", {"releases": {"unserved_queue": "wait"}})
    store.properties.set_organization_settings({"planted": f"{MARK}-in-organization"})
    branches = {
        project.path: store.deployments.create_or_update_branch(
            Branch(
                repo_name=project.path,
                branch_name="f",
                commit_message=None if project is MINE else f"{MARK}-in-theirs",
            ),
            None,
            project,
        ).name
        for project in (MINE, THEIRS)
    }
    _deploy(plane, "prod", "weather", None, "prod-weather")
    _deploy(plane, "prod", "digits", f"{MARK}-queue-in-prod-digits", "prod-digits")
    _deploy(plane, branches["org/theirs"], "digits", None, "theirs")
    plane.store.agents.record(
        [
            heartbeat_of(
                f"{MARK}-queue-in-prod-digits",
                now=plane.clock(),
                agent_id=f"{MARK}-agent-in-prod-digits",
                label=f"{MARK}-label-in-prod-digits",
                token_id=1,
            ),
            heartbeat_of(
                None,
                now=plane.clock(),
                agent_id=f"{MARK}-default-agent-in-prod-digits",
                label="default agent of prod-weather",
                metadata={"m": f"{MARK}-metadata-in-prod-digits"},
                errors=(f"{MARK}-error-in-prod-digits",),
                token_id=1,
            ),
        ]
    )
    store.tokens.create(f"{MARK}-token-in-organization", TokenKind.USER, "hidden", Grant())
    store.trust.add(
        Provider.GITHUB,
        "https://hub",
        {"repository": f"org/{MARK}-in-organization"},
        JobGrant(deployments=frozenset({"prod"}), branch_deployments=True, locations=None),
    )
    of_digits = SecretTarget(deployment="prod", locations=frozenset({"digits"}))
    plane.control.secrets.set(
        SYSTEM, f"{MARK}_in_prod_digits", f"{MARK}-secret-in-prod-digits", of_digits
    )
    alerts, prod = plane.control.alerts, store.deployments.get("prod")
    policy = entry_of(_POLICY, description=f"{MARK}-description-in-prod-digits")
    alerts.sync(SYSTEM, prod, AlertDocument.OFFICIAL, [policy])
    alerts.test(SYSTEM, prod, _POLICY)
    alerts.silence(SYSTEM, prod, _POLICY, plane.clock() + 3600.0, f"{MARK}-note-in-prod-digits")
    partial = Scene(
        plane=plane,
        mine=branches["org/mine"],
        theirs=branches["org/theirs"],
        run_id="",
        questions=Questions(schema=SCHEMA, names={}),
    )
    run_id = create_run_for_test(
        partial.instance,
        job_name="nightly",
        status=DagsterRunStatus.STARTED,
        tags={"team": f"{MARK}-tag-in-prod-digits"},
        run_config={"ops": {"a": {"config": f"{MARK}-config-in-prod-digits"}}},
    ).run_id
    names = _names(plane, run_id)
    return Scene(
        plane=plane,
        mine=partial.mine,
        theirs=partial.theirs,
        run_id=run_id,
        questions=Questions(schema=SCHEMA, names=names),
    )


def _deploy(plane: Plane, deployment: str, name: str, queue: str | None, where: str) -> None:
    document = {
        "location_name": name,
        "code_source": {"module_name": "m"},
        "container_context": {"docker": {"env_vars": [f"SECRET={MARK}-env-in-{where}"]}},
        "git": {"commit_hash": f"{MARK}-commit-in-{where}"},
    }
    location = NewLocation(
        name=name,
        document=document,
        deploy_data=json.dumps(document),
        deploy_id=f"{deployment}-{name}",
        queue=queue,
    )
    deploy(plane.store, deployment, [location], by=f"{MARK}-by-in-{where}")


#: Nothing of these names is there, anywhere.
_WHATEVER = """
    action afterCursor attributes backfillId branch branchName checkName clientId clientTime
    commitHash componentId componentType concurrencyKey cursor defsStateKey description
    evaluationId head key message metadata mode nodeUniqueId note on partition partitionKey
    partitionSetName partitionsDefName pipelineName reason snapshotId stepKey url valuePrefix
    version what who
    repositoryID jobOriginId jobSelectorId scheduleOriginId scheduleSelectorId
"""


def _names(plane: Plane, run_id: str) -> dict[str, Any]:
    """Things of prod, of its location digits, and of the organization, to ask about."""
    tokens = {token.name: token.id for token in plane.store.tokens.all()}
    location = {"location_name": "digits", "code_source": {"module_name": "m"}, "image": "evil:1"}
    return {
        **dict.fromkeys(_WHATEVER.split(), "nothing"),
        "alertPolicyId": plane.store.alert_policies.all("prod").readable[0].id,
        "alertPolicyName": _POLICY,
        "baseDeploymentName": "prod",
        "below": 99,
        "confirmed": ["digits"],
        "dayOffset": 0,
        "dayRange": 1,
        "deliveries": 9,
        "deploymentId": plane.store.deployments.get("prod").id,
        "deploymentName": "prod",
        "document": {**location, "locations": [location]},
        "filenames": ["source-1.pex", "deps-1.pex"],
        "id": tokens[f"{MARK}-token-in-organization"],
        "jobName": "nightly",
        "limit": 99,
        "locationName": "digits",
        "locations": ["digits"],
        "logKey": [run_id, "compute_logs", "step"],
        "name": "prod",
        "number": 2,
        "partitionKeys": ["a"],
        "prefix": ["a"],
        "repoName": "org/theirs",
        "repositoryLocationName": "digits",
        "repositoryName": "__repository__",
        "runConfigData": {},
        "runId": run_id,
        "runIds": [run_id],
        "scheduleName": "nightly",
        "secretName": f"{MARK}_in_prod_digits",
        "secretValue": "another",
        "sensorName": "watchful",
        "settings": {"run_retries": {"max_retries": 9}},
        "tagKeys": ["team"],
        "tags": ["a"],
        "tokenId": tokens[f"{MARK}-token-in-organization"],
        "agentTokenId": tokens[f"{MARK}-token-in-organization"],
        "userId": 1,
        "value": "another",
    }


CALLERS: Mapping[str, Caller] = {
    "user of another deployment": Caller(
        grant=Grant(deployments=["staging"], branch_deployments=False),
        places=("staging", "prod", "theirs", None),
    ),
    "limited to a location": Caller(
        grant=Grant(deployments=["prod"], branch_deployments=False, locations=["weather"]),
        places=("prod", "staging", "theirs", None),
        sees=("in-prod-weather",),
    ),
    "branches only": Caller(
        grant=Grant(deployments=[]), places=("theirs", "prod", None), sees=("in-theirs",)
    ),
    "job of a repository": Caller(
        grant=Grant(deployments=[], repository="org/mine", project=MINE),
        places=("mine", "theirs", "prod", None),
    ),
    "no branch deployments": Caller(
        grant=Grant(deployments=None, branch_deployments=False, locations=["weather"]),
        places=("theirs",),
        sees=("in-prod-weather",),
    ),
    "agent": Caller(kind=TokenKind.AGENT, grant=Grant(deployments=["prod"]), places=("prod",)),
}
