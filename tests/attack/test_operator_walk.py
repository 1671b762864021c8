"""Every operation of the operator's surface, by every kind of caller, about what is not theirs.

The fields are found by walking the schema, and asked for everything that they have. A new field
fails here until it has a row in ``dagstead.operator_api.rights``, a new argument until there is
something of somebody else's to put in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from dagster_graphql.schema import create_schema as create_open_source_schema
from graphql import GraphQLObjectType, GraphQLUnionType, get_named_type
from sqlalchemy import select
from websockets.exceptions import InvalidStatus

from dagstead.operator_api.rights import _NESTED, RIGHTS, Right, right_of
from dagstead.operator_api.schema import create_schema
from dagstead.plane.deployments import Branch
from dagstead.plane.locations import NewLocation
from dagstead.plane.projects import Project
from dagstead.plane.tokens import Grant, Token, TokenKind
from dagstead.plane.trust import JobGrant, Provider
from dagstead.store.tables import metadata
from tests.support.heartbeats import heartbeat_of
from tests.support.operator_questions import Questions, named_in
from tests.support.releases import deploy
from tests.unit.server.conftest import Plane

#: In everything that is planted where the caller must not see it; the rest says where.
MARK = "planted"
MINE = Project(path="org/mine", provider=Provider.GITHUB, issuer="https://hub", id="1")
THEIRS = Project(path="org/theirs", provider=Provider.GITHUB, issuer="https://hub", id="2")

SCHEMA = create_schema().graphql_schema

pytestmark = [
    # Where one resolver of open-source Dagster fails, its siblings are never awaited.
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


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
                    {name: value for name, value in row.items() if name != "last_used_at"}
                    for row in rows
                    if _is_kept(table.name, row, own, but_weather=but_weather)
                ]
        runs = self.instance.get_runs()
        found["runs"] = sorted((run.run_id, run.status.value, repr(run.tags)) for run in runs)
        found["organization"] = self.plane.store.properties.organization_settings()
        found["events"] = len(self.instance.all_logs(self.run_id))
        return found


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


@pytest.fixture(scope="module")
def scene(plane: Plane) -> Scene:
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
    evaluationId key message metadata mode nodeUniqueId partition partitionKey partitionSetName
    partitionsDefName pipelineName reason snapshotId stepKey url valuePrefix version
    repositoryID jobOriginId jobSelectorId scheduleOriginId scheduleSelectorId
"""


def _names(plane: Plane, run_id: str) -> dict[str, Any]:
    """Things of prod, of its location digits, and of the organization, to ask about."""
    tokens = {token.name: token.id for token in plane.store.tokens.all()}
    location = {"location_name": "digits", "code_source": {"module_name": "m"}, "image": "evil:1"}
    return {
        **dict.fromkeys(_WHATEVER.split(), "nothing"),
        "baseDeploymentName": "prod",
        "confirmed": ["digits"],
        "dayOffset": 0,
        "dayRange": 1,
        "deploymentId": plane.store.deployments.get("prod").id,
        "deploymentName": "prod",
        "document": {**location, "locations": [location]},
        "filenames": ["source-1.pex", "deps-1.pex"],
        "id": tokens[f"{MARK}-token-in-organization"],
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
        "sensorName": "watchful",
        "settings": {"run_retries": {"max_retries": 9}},
        "tagKeys": ["team"],
        "tags": ["a"],
        "tokenId": tokens[f"{MARK}-token-in-organization"],
        "agentTokenId": tokens[f"{MARK}-token-in-organization"],
        "userId": 1,
    }


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody with a token."""

    kind: TokenKind = TokenKind.USER
    grant: Grant
    #: The deployments that are called; ``None`` is an address of none.
    places: tuple[str | None, ...]
    #: Where things are planted that may be seen.
    sees: tuple[str, ...] = ()


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


@pytest.fixture
def caller(request: pytest.FixtureRequest, scene: Scene) -> tuple[Caller, Token, str]:
    wanted = CALLERS[request.param]
    token, secret = scene.plane.token(wanted.kind, wanted.grant)
    return wanted, token, secret


def _path(scene: Scene, place: str | None) -> str:
    if place is None:
        return "/graphql"
    name = {"mine": scene.mine, "theirs": scene.theirs}.get(place, place)
    return f"/{name}/graphql"


def _leaks(answer: str, caller: Caller, asked: str) -> list[str]:
    """What an answer has that is planted elsewhere, or names without having been asked about it."""
    found = [
        piece
        for piece in answer.split(MARK)[1:]
        if not any(
            piece.split('"')[0].startswith("-") and each in piece.split('"')[0]
            for each in caller.sees
        )
    ]
    if "digits" in answer and "digits" not in asked and "in-theirs" not in caller.sees:
        found.append("digits")
    return found


def test_every_root_field_has_its_right() -> None:
    """Without a row here, nobody but holders of unlimited tokens gets an answer."""
    roots = {name for _operation, name, _field in Questions(schema=SCHEMA, names={}).roots()}
    assert roots - set(RIGHTS) == set(), "say in operator_api/rights.py what it needs"
    assert set(RIGHTS) - roots == set(), "these fields are gone"
    assert right_of("noSuchField") is Right.ADMINISTER


def test_there_is_something_to_ask_about_for_every_argument(scene: Scene) -> None:
    unknown = {
        f"{name}.{each}"
        for _operation, name, field in scene.questions.roots()
        for each in scene.questions.unknown(field)
    }
    assert unknown == set(), "say in _names what of somebody else's to put in"


def test_whoever_deploys_locations_reaches_no_type_of_dagster_beyond_these() -> None:
    """Fields that a deploy needs must not lead on to runs, jobs or assets."""
    reached: set[str] = set()
    ahead = [
        get_named_type(field.type)
        for _operation, name, field in Questions(schema=SCHEMA, names={}).roots()
        if right_of(name) <= Right.DEPLOY
    ]
    while ahead:
        kind = ahead.pop()
        if isinstance(kind, GraphQLUnionType):
            ahead += SCHEMA.get_possible_types(kind)
        elif isinstance(kind, GraphQLObjectType) and kind.name not in reached:
            reached.add(kind.name)
            harmless = _NESTED.get(kind.name, kind.fields)
            ahead += [get_named_type(kind.fields[name].type) for name in harmless]
    of_dagster = set(create_open_source_schema().graphql_schema.type_map) & reached
    assert of_dagster == {
        "DefsKeyStateInfo",
        "DefsStateInfo",
        "DefsStateInfoEntry",
        "ErrorChainLink",
        "FeatureFlag",
        "Permission",
        "PythonError",
        "RepositoryLocation",
        "RepositoryMetadata",
        "UnauthorizedError",
        "Workspace",
        "WorkspaceLocationEntry",
    }


@pytest.mark.parametrize("caller", CALLERS, indirect=True)
def test_nobody_sees_or_changes_what_is_not_theirs(
    scene: Scene, client: httpx.Client, caller: tuple[Caller, Token, str]
) -> None:
    who, _token, secret = caller
    headers = {"Dagster-Cloud-Api-Token": secret}
    is_of_weather = who.grant.locations is not None
    before = scene.stored(who)
    asked = 0
    for place in who.places:
        for operation, name, field in scene.questions.roots():
            if operation == "subscription":
                continue
            body = scene.questions.ask(operation, name, field)
            path = _path(scene, place)
            # The first one in a deployment makes its storage.
            answer = client.post(path, json=body, headers=headers, timeout=120)
            where = f"{operation} {name} at {place}: {answer.text[:2000]}"
            assert answer.status_code in {200, 400, 403}, where
            assert "got invalid value" not in answer.text, where
            assert "annot query field" not in answer.text, where
            assert _leaks(answer.text, who, named_in(body)) == [], where
            if is_of_weather and right_of(name) > Right.DEPLOY:
                assert answer.status_code == 403, where
            asked += 1
        now = scene.stored(who)
        assert now == before, place
    assert asked > 100


@pytest.mark.parametrize("caller", CALLERS, indirect=True)
def test_nobody_subscribes_to_what_is_not_theirs(
    scene: Scene, caller: tuple[Caller, Token, str]
) -> None:
    who, token, secret = caller
    for operation, name, field in scene.questions.roots():
        if operation != "subscription":
            continue
        body = scene.questions.ask(operation, name, field)
        with pytest.raises(InvalidStatus):
            scene.plane.socket("/prod/graphql", {"Dagster-Cloud-Api-Token": secret})
        if "staging" not in who.places or token.locations is not None:
            continue
        with scene.plane.socket("/staging/graphql", {"Dagster-Cloud-Api-Token": secret}) as socket:
            socket.send(json.dumps({"type": "start", "id": "1", "payload": body}))
            try:
                answer = str(socket.recv(1))
            except TimeoutError:
                # It waits for something to happen in its own deployment.
                continue
            assert _leaks(answer, who, named_in(body)) == []


@pytest.mark.parametrize("caller", CALLERS, indirect=True)
def test_no_page_of_another_deployment_opens(
    scene: Scene, client: httpx.Client, caller: tuple[Caller, Token, str]
) -> None:
    who, _token, secret = caller
    headers = {"Dagster-Cloud-Api-Token": secret, "Accept": "text/html"}
    others = ["prod", scene.theirs, "no-such"]
    if "in-theirs" in who.sees:
        others.remove(scene.theirs)
    for name in others:
        for path in (
            "/",
            "/locations",
            "/graphql",
            f"/logs/{scene.run_id}/compute_logs/step/err",
            f"/download_debug/{scene.run_id}",
            "/server_info",
            "/dagit_info",
            "/notebook?path=/etc/passwd&repoLocName=digits",
            "/static/x",
            "/assets/a",
        ):
            answer = client.get(f"/{name}{path}", headers=headers)
            is_open = name == "no-such" and who.grant.deployments is None
            assert answer.status_code == (404 if is_open else 403), (name, path, answer.text[:500])
            assert _leaks(answer.text, who, "digits") == []
        for path in ("materialization", "check", "observation"):
            answer = client.post(f"/{name}/report_asset_{path}/a", headers=headers, json={})
            assert answer.status_code in {403, 404}, (name, path)
