"""Documents that ask for the machine, a foreign registry or queue: by every way to deploy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from dagster_cloud.api.dagster_cloud_api import DagsterCloudCodeLocationManifest
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.serdes import serialize_value
from graphql import GraphQLField, GraphQLObjectType, GraphQLUnionType, get_named_type

from dagstead.operator_api.schema import create_schema
from dagstead.plane.deployments import Branch
from dagstead.plane.tokens import Grant, TokenKind
from tests.unit.server.conftest import Plane
from tests.unit.server.oidc_jobs import graphql

PRIVILEGED = {"docker": {"container_kwargs": {"privileged": True, "volumes": ["/:/host"]}}}
HOST = {"k8s": {"run_k8s_config": {"pod_spec_config": {"hostNetwork": True}}}}
ACCOUNT = {"k8s": {"service_account_name": "admin"}}

ERRORS = (
    "__typename ... on InvalidLocationError { errors } ... on PythonError { message } "
    "... on UnauthorizedError { message }"
)
SET = """mutation ($s: GenericScalar) { result: setDeploymentSettings(
  deploymentSettings: {settings: $s}) { __typename ... on UnauthorizedError { message }
  ... on PythonError { message } } }"""
SET_ALL = """mutation ($s: GenericScalar) { result: setOrganizationSettings(
  organizationSettings: {settings: $s}) { __typename ... on UnauthorizedError { message }
  ... on PythonError { message } } }"""
UNSERVED = "query ($l: [LocationOnQueue!]!) { result: unserved(locations: $l) }"


def _outcomes(field: GraphQLField) -> Sequence[GraphQLObjectType]:
    answer = get_named_type(field.type)
    return answer.types if isinstance(answer, GraphQLUnionType) else ()


def ways_to_deploy() -> list[str]:
    """The mutations that take a document of locations: they can refuse one of them."""
    mutations = create_schema().graphql_schema.mutation_type
    assert isinstance(mutations, GraphQLObjectType)
    return sorted(
        name
        for name, field in mutations.fields.items()
        if "document" in field.args
        and any(each.name == "InvalidLocationError" for each in _outcomes(field))
    )


WAYS = ways_to_deploy()
#: These take one location, not a list of them.
OF_ONE = {"addOrUpdateLocationFromDocument"}


def location(name: str = "weather", **more: Any) -> dict[str, Any]:
    return {"location_name": name, "code_source": {"module_name": "m"}, "image": "i:1", **more}


class Deployer:
    """Somebody with a token."""

    def __init__(self, client: httpx.Client, secret: str, deployment: str) -> None:
        self._client, self._secret, self._deployment = client, secret, deployment

    def ask(self, query: str, **variables: Any) -> str:
        answer = graphql(self._client, self._secret, self._deployment, query, **variables)
        return json.dumps(answer.json())

    def deploy(self, way: str, *locations: dict[str, Any], **defaults: Any) -> str:
        document: Any = {"locations": list(locations), **defaults}
        if way in OF_ONE:
            document = locations[0]
        query = f"mutation ($d: GenericScalar!) {{ result: {way}(document: $d) {{ {ERRORS} }} }}"
        return self.ask(query, d=document)


@pytest.fixture
def settled(plane: Plane) -> Iterator[None]:
    """There are no agents here; nothing is left to the next test."""
    store = plane.store
    waits = {"releases": {"unserved_queue": "wait"}}
    store.deployments.set_settings("prod", waits)
    branch = store.deployments.create_or_update_branch(
        Branch(repo_name="org/app", branch_name="f"), None
    )
    store.deployments.set_settings(branch.name, waits)
    yield
    store.deployments.delete(branch.name)
    store.properties.set_organization_settings({})
    for each in store.locations.all("prod"):
        store.releases.remove("prod", each.name)


@pytest.fixture
def branch(plane: Plane, settled: None) -> str:
    del settled
    return next(each.name for each in plane.store.deployments.all() if each.is_branch)


def deployer(plane: Plane, client: httpx.Client, deployment: str, **grant: Any) -> Deployer:
    return Deployer(client, plane.token(TokenKind.USER, Grant(**grant))[1], deployment)


def test_the_walk_finds_the_ways_to_deploy() -> None:
    assert set(WAYS) == {
        "addOrUpdateLocationFromDocument",
        "createRelease",
        "deployLocations",
        "reconcileLocationsFromDocument",
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("context", [PRIVILEGED, HOST])
def test_a_branch_does_not_get_the_machine(
    plane: Plane, client: httpx.Client, branch: str, way: str, context: dict[str, Any]
) -> None:
    job = deployer(plane, client, branch, deployments=[])
    answer = job.deploy(way, location(container_context=context))
    assert "InvalidLocationError" in answer
    assert "denies 'host'" in answer
    assert plane.store.locations.all(branch) == []
    assert "Error" not in job.deploy(way, location())


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("context", [PRIVILEGED, HOST, ACCOUNT])
def test_a_token_of_one_location_gets_neither_the_machine_nor_another_identity(
    plane: Plane, client: httpx.Client, way: str, context: dict[str, Any]
) -> None:
    job = deployer(plane, client, "prod", deployments=["prod"], locations=["weather"])
    answer = job.deploy(way, location(container_context=context))
    assert "deploy_policy.location_tokens.container_context denies" in answer
    assert plane.store.locations.all("prod") == []
    # Who may do everything deploys it once, and the job can go on with that.
    everybody = deployer(plane, client, "prod")
    assert "Error" not in everybody.deploy(way, location(container_context=context))
    assert "Error" not in job.deploy(way, location(container_context=context, image="i:2"))
    more = {**context, "ecs": {"task_role_arn": "arn"}}
    assert "denies 'identity'" in job.deploy(way, location(container_context=more))


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("way", sorted(set(WAYS) - OF_ONE))
def test_defaults_are_no_way_around(plane: Plane, client: httpx.Client, way: str) -> None:
    job = deployer(plane, client, "prod", locations=["weather"])
    answer = job.deploy(way, location(), defaults={"container_context": PRIVILEGED})
    assert "denies 'host'" in answer
    plane.store.properties.set_organization_settings({"deploy_policy": {"queues": [None]}})
    answer = job.deploy(way, location(), defaults={"agent_queue": "gpu"})
    assert "deploy_policy.queues has" in answer


def nested(depth: int, *, lists: bool = False) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if lists else {"a": value}
    return value


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", ["container_context", "metadata", "git", "build"])
def test_what_is_nested_without_end_is_refused_before_it_is_looked_at(
    plane: Plane, client: httpx.Client, way: str, key: str
) -> None:
    job = deployer(plane, client, "prod", deployments=["prod"], locations=["weather"])
    for depth in (101, 700):
        for lists in (True, False):
            asked = {**location(), key: {"k8s": nested(depth, lists=lists)}}
            assert "nested more than 100 levels deep" in job.deploy(way, asked)
    assert plane.store.locations.all("prod") == []
    answer = job.deploy(way, location(container_context={"k8s": nested(60)}))
    assert "Error" not in answer


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("way", WAYS)
def test_no_document_is_larger_than_others_can_read_it_again_and_again(
    plane: Plane, client: httpx.Client, way: str
) -> None:
    job = deployer(plane, client, "prod", deployments=["prod"])
    large = {"k8s": {"labels": {"a": "x" * 300_000}}}
    assert "at most 262144 are taken" in job.deploy(way, location(container_context=large))
    if way not in OF_ONE:
        answer = job.deploy(way, location(), defaults={"container_context": large})
        assert "at most 262144 are taken" in answer
        # What is written once stands in every location.
        defaults = {"container_context": {"k8s": {"labels": {"a": "x" * 200_000}}}}
        many = [location(f"l{number}") for number in range(50)]
        assert "have more than 4096 KiB" in job.deploy(way, *many, defaults=defaults)
    assert plane.store.locations.all("prod") == []


@pytest.mark.usefixtures("settled")
def test_nobody_stores_with_a_deployment_what_slows_down_all_others(
    plane: Plane, client: httpx.Client
) -> None:
    """Every caller's deployment is found among all of them, and they are read as a whole."""
    engineer = deployer(plane, client, "prod", deployments=["prod"])
    before = plane.store.deployments.get("prod").settings
    assert "at most 262144 are taken" in engineer.ask(SET, s={"a": "x" * 300_000})
    assert "nested more than" in engineer.ask(SET, s={"a": nested(200)})
    assert plane.store.deployments.get("prod").settings == before

    job = deployer(plane, client, "prod", deployments=["prod"], branch_deployments=True)
    opened = """mutation ($b: CreateOrUpdateBranchDeploymentInput!, $c: DeploymentCommitInput!) {
      result: createOrUpdateBranchDeployment(branchData: $b, commit: $c) { __typename
      ... on PythonError { message } } }"""
    texts = ("branchUrl", "pullRequestUrl", "pullRequestNumber")
    data = {"repoName": "org/app", "branchName": "large", **dict.fromkeys(texts, "x" * 100_000)}
    commit = {"commitHash": "c", "timestamp": 1, "commitMessage": "x" * 400_000}
    assert "DagsterCloudDeployment" in job.ask(opened, b=data, c=commit)
    for made in plane.store.deployments.all():
        if made.branch and made.branch.branch_name == "large":
            assert len(repr(made.branch)) < 20_000
            plane.store.deployments.delete(made.name)
    for name in ("repoName", "branchName"):
        assert "characters; at most" in job.ask(opened, b={**data, name: "x" * 2_000}, c=commit)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("way", WAYS)
def test_what_the_organization_sets_holds_for_everybody(
    plane: Plane, client: httpx.Client, way: str
) -> None:
    admin = deployer(plane, client, "prod")
    policy = {
        "registries": ["ghcr.io/acme"],
        "queues": ["gpu"],
        "container_context": {"denied": ["host", "k8s.namespace"]},
    }
    assert "Error" not in admin.ask(SET_ALL, s={"deploy_policy": policy})
    for wrong, says in (
        ({"image": "evil.io/x:1", "agent_queue": "gpu"}, "image is 'evil.io/x:1'"),
        ({"image": "ghcr.io/acme/x"}, "agent_queue is (default queue)"),
        ({"image": "ghcr.io/acme/x", "agent_queue": "cpu"}, "deploy_policy.queues has"),
        (
            {
                "image": "ghcr.io/acme/x",
                "agent_queue": "gpu",
                "container_context": {"k8s": {"namespace": "kube-system"}},
            },
            "denies 'k8s.namespace'",
        ),
    ):
        answer = admin.deploy(way, location(**wrong))
        assert says in answer, answer
        assert "token for all deployments can change that with" in answer
        assert "organization settings set-from-file" in answer
    fits = location(image="ghcr.io/acme/x:1", agent_queue="gpu")
    assert "Error" not in admin.deploy(way, fits)


@pytest.mark.usefixtures("settled")
def test_a_rollback_brings_back_nothing_that_is_not_allowed_now(
    plane: Plane, client: httpx.Client
) -> None:
    admin = deployer(plane, client, "prod")
    manifest = DagsterCloudCodeLocationManifest(
        repositories=[],
        container_image=None,
        executable_path=None,
        dagster_library_versions=None,
        code_location_deploy_data=CodeLocationDeployData(python_file="m.py"),
    )
    for image in ("evil.io/x:1", "ghcr.io/acme/x:1"):
        assert "Error" not in admin.deploy("createRelease", location(image=image))
        row = plane.store.locations.get("prod", "weather")
        loaded = plane.store.releases.set_loaded(
            "prod", "weather", deploy_id=row.deploy_id, manifest=serialize_value(manifest)
        )
        assert loaded.counted
    plane.store.properties.set_organization_settings(
        {"deploy_policy": {"registries": ["ghcr.io/acme"]}}
    )
    answer = admin.ask(f"mutation {{ result: rollBack {{ {ERRORS} }} }}")
    assert "image is 'evil.io/x:1', and deploy_policy.registries has: ghcr.io/acme" in answer


@pytest.mark.usefixtures("settled")
def test_nothing_is_built_for_a_queue_that_is_not_allowed(
    plane: Plane, client: httpx.Client
) -> None:
    plane.store.properties.set_organization_settings({"deploy_policy": {"queues": ["gpu"]}})
    admin = deployer(plane, client, "prod")
    answer = admin.ask(UNSERVED, l=[{"name": "weather", "queue": "cpu"}])
    assert "deploy_policy.queues has" in answer


@pytest.mark.usefixtures("settled")
def test_only_who_may_everything_changes_a_policy(plane: Plane, client: httpx.Client) -> None:
    admin = deployer(plane, client, "prod")
    limited = deployer(plane, client, "prod", deployments=["prod"])
    ours = {"deploy_policy": {"queues": ["gpu"]}, "releases": {"unserved_queue": "wait"}}
    assert "Error" not in admin.ask(SET, s=ours)

    changes: list[dict[str, Any]] = [
        {},
        {"deploy_policy": {}},
        {"deploy_policy": {"queues": ["gpu", "cpu"]}},
    ]
    for changed in changes:
        answer = limited.ask(SET, s=changed)
        assert "needs a token for all deployments" in answer, changed
        assert plane.store.deployments.get("prod").settings == ours
    # The rest of the settings is theirs.
    more = {**ours, "run_retries": {"max_retries": 1}}
    assert "Error" not in limited.ask(SET, s=more)
    assert "needs a token for all deployments" in limited.ask(SET_ALL, s={})
    assert "deploy_policy.queues has" in limited.deploy("createRelease", location())


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ({"registrys": []}, "Unknown setting 'deploy_policy.registrys'. Did you mean"),
        ({"registries": ["acme"]}, "'acme' is not a registry. Begin with its address"),
        ({"queues": [""]}, "deploy_policy.queues.0"),
        ({"queues": "gpu"}, "deploy_policy.queues is 'gpu'"),
        ({"container_context": {"denied": ["a b"]}}, "deploy_policy.container_context.denied.0"),
        ({"container_context": ["host"]}, "deploy_policy.container_context is ['host']"),
    ],
)
def test_a_policy_that_could_not_be_meant_is_refused(
    plane: Plane, client: httpx.Client, policy: dict[str, Any], says: str
) -> None:
    admin = deployer(plane, client, "prod")
    for query in (SET, SET_ALL):
        assert (
            says
            in json.loads(admin.ask(query, s={"deploy_policy": policy}))["data"]["result"][
                "message"
            ]
        )
    assert plane.store.properties.organization_settings() == {}
