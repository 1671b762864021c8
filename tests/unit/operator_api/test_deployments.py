"""Deployments, as the official clients' own documents call them."""

from __future__ import annotations

from typing import Any

import pytest
from dagster_cloud_cli import gql

from dagstead.plane.agents import Heartbeat
from dagstead.plane.deployments import branch_deployment_name
from dagstead.plane.tokens import Grant, Token, TokenKind
from tests.support.heartbeats import heartbeat_of, of_pool
from tests.unit.operator_api.surface import Operator

BRANCH_DATA = {
    "repoName": "org/repo",
    "branchName": "feature",
    "branchUrl": None,
    "pullRequestUrl": "https://example.org/7",
    "pullRequestStatus": "OPEN",
    "pullRequestNumber": "7",
}
COMMIT = {
    "commitHash": "c0ffee",
    "timestamp": 1.5,
    "commitMessage": "Add it",
    "commitUrl": None,
    "authorName": "Ada",
    "authorEmail": "ada@example.org",
    "authorAvatarUrl": None,
}


def put_branch(operator: Operator, **data: object) -> dict[str, Any]:
    answer: dict[str, Any] = operator.run(
        gql.CREATE_OR_UPDATE_BRANCH_DEPLOYMENT,
        branchData={**BRANCH_DATA, **data},
        commit=COMMIT,
        baseDeploymentName="prod",
        snapshotBaseCondition="ON_CREATE",
    )["createOrUpdateBranchDeployment"]
    return answer


def limited(operator: Operator, grant: Grant) -> Operator:
    token: Token = operator.context.store.tokens.create("ci", TokenKind.USER, "other", grant)
    return operator.by(token)


def heartbeat(label: str, *queues: str | None, received_at: float = 0.0) -> Heartbeat:
    return heartbeat_of(
        *queues, now=received_at, agent_id=label, label=label, branch_deployments=True
    )


def test_lists_what_the_token_grants(operator: Operator) -> None:
    operator.context.store.deployments.create("staging")
    every = operator.run(gql.FULL_DEPLOYMENTS_QUERY)["fullDeployments"]
    assert [each["deploymentName"] for each in every] == ["prod", "staging"]
    assert {each["deploymentType"] for each in every} == {"PRODUCTION"}
    some = limited(operator, Grant(deployments=["staging"], branch_deployments=False))
    assert [
        each["deploymentName"] for each in some.run(gql.FULL_DEPLOYMENTS_QUERY)["fullDeployments"]
    ] == ["staging"]


def test_lookup_by_name(operator: Operator) -> None:
    document = """
        query ($n: String!) {
          deploymentByName(name: $n) {
            __typename
            ... on DagsterCloudDeployment { deploymentName organizationName agentType }
            ... on DeploymentNotFoundError { message }
            ... on UnauthorizedError { message }
          }
        }
    """
    assert operator.run(document, n="prod")["deploymentByName"] == {
        "__typename": "DagsterCloudDeployment",
        "deploymentName": "prod",
        "organizationName": "dagstead",
        "agentType": "HYBRID",
    }
    unknown = operator.run(document, n="prd")["deploymentByName"]
    assert unknown["__typename"] == "DeploymentNotFoundError"
    assert "'prd'" in unknown["message"]
    operator.context.store.deployments.create("staging")
    foreign = limited(operator, Grant(deployments=["staging"])).run(document, n="prod")
    assert foreign["deploymentByName"]["__typename"] == "UnauthorizedError"


def test_an_unknown_name_tells_a_limited_token_nothing(operator: Operator) -> None:
    document = '{ deploymentByName(name: "secret") { ... on Error { message __typename } } }'
    answer = limited(operator, Grant(deployments=["prod"])).run(document)["deploymentByName"]
    assert answer["__typename"] == "UnauthorizedError"


def test_branch_deployment_is_made_once_and_named_as_asked(operator: Operator) -> None:
    name = operator.run(gql.GET_BRANCH_DEPLOYMENT_NAME, repoName="org/repo", branchName="feature")
    first, second = put_branch(operator), put_branch(operator, pullRequestStatus="MERGED")
    assert first["deploymentName"] == name["getBranchDeploymentName"]
    assert first == second
    stored = operator.context.store.deployments.get(first["deploymentName"])
    assert (stored.is_branch, stored.closed, stored.base) == (True, True, "prod")
    assert stored.branch is not None
    assert stored.branch.commit_hash == "c0ffee"


def test_unknown_base_is_refused(operator: Operator) -> None:
    answer = operator.run(
        gql.CREATE_OR_UPDATE_BRANCH_DEPLOYMENT,
        branchData=BRANCH_DATA,
        commit=COMMIT,
        baseDeploymentName="nope",
    )["createOrUpdateBranchDeployment"]
    assert answer["__typename"] == "PythonError"
    assert "'nope'" in answer["message"]


def test_branches_need_a_token_that_may(operator: Operator) -> None:
    ci = limited(operator, Grant(deployments=["prod"], branch_deployments=False))
    assert put_branch(ci)["__typename"] == "PythonError"
    ci = limited_again(operator)
    assert put_branch(ci)["__typename"] == "DagsterCloudDeployment"


def limited_again(operator: Operator) -> Operator:
    token = operator.context.store.tokens.create(
        "ci-branches", TokenKind.USER, "third", Grant(deployments=["prod"])
    )
    return operator.by(token)


@pytest.mark.parametrize(("status", "shown"), [(None, 1), ("OPEN", 1), ("CLOSED", 0)])
def test_branch_deployments_by_status(operator: Operator, status: str | None, shown: int) -> None:
    put_branch(operator)
    document = (
        "query ($s: PullRequestStatus) { branchDeployments(limit: 9, pullRequestStatus: $s) "
        "{ nodes { deploymentName isBranchDeployment deploymentStatus } } }"
    )
    nodes = operator.run(document, s=status)["branchDeployments"]["nodes"]
    assert len(nodes) == shown


def delete(operator: Operator, name: str) -> dict[str, Any]:
    found = operator.context.store.deployments.get(name)
    answer: dict[str, Any] = operator.run(gql.DELETE_DEPLOYMENT_MUTATION, deploymentId=found.id)[
        "deleteDeployment"
    ]
    return answer


def test_branch_deployment_is_deleted_with_its_storage(operator: Operator) -> None:
    name = put_branch(operator)["deploymentName"]
    assert delete(operator, name)["__typename"] == "DagsterCloudDeployment"
    assert operator.context.orchestration.dropped == [name]
    assert [each.name for each in operator.context.store.deployments.all()] == ["prod"]


def test_last_full_deployment_stays(operator: Operator) -> None:
    put_branch(operator)
    assert delete(operator, "prod") == {"__typename": "DeleteFinalDeploymentError"}
    document = """mutation ($id: Int!) { deleteDeployment(deploymentId: $id) {
        ... on DeleteFinalDeploymentError { message } } }"""
    prod = operator.context.store.deployments.get("prod")
    message = operator.run(document, id=prod.id)["deleteDeployment"]["message"]
    assert message.startswith("'prod' is the last full deployment.")
    assert "`dagstead deployment create NAME`" in message
    assert operator.context.orchestration.dropped == []
    operator.context.store.deployments.create("staging")
    assert delete(operator, "staging")["__typename"] == "DagsterCloudDeployment"
    assert operator.context.orchestration.dropped == ["staging"]


def test_full_deployment_needs_an_unlimited_token(operator: Operator) -> None:
    operator.context.store.deployments.create("staging")
    answer = delete(limited(operator, Grant(deployments=["prod", "staging"])), "staging")
    assert answer["__typename"] == "PythonError"
    assert "needs a token for all deployments" in answer["message"]


def test_unknown_id(operator: Operator) -> None:
    answer = operator.run(gql.DELETE_DEPLOYMENT_MUTATION, deploymentId=99)["deleteDeployment"]
    assert answer["__typename"] == "DeploymentNotFoundError"


def test_branch_name_is_stable() -> None:
    assert branch_deployment_name("org/repo", "a") != branch_deployment_name("org/rep", "oa")


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ([], "HYBRID"),
        ([heartbeat("pool", None)], "SERVERLESS"),
        ([heartbeat("mine", "hybrid-queue")], "HYBRID"),
        ([heartbeat("pool", None), heartbeat("mine", "q", received_at=9.0)], "SERVERLESS"),
        ([heartbeat("pool", None), heartbeat("mine", None, received_at=9.0)], "HYBRID"),
    ],
)
def test_agent_type_is_that_of_the_default_queue(
    operator: Operator, beats: list[Heartbeat], expected: str
) -> None:
    store = operator.context.store
    sent = [of_pool(store, beat) if beat.label == "pool" else beat for beat in beats]
    store.agents.record(sent)
    assert operator.run(gql.AGENT_TYPE_QUERY) == {"currentDeployment": {"agentType": expected}}


def test_agents_that_take_branches_serve_every_branch(operator: Operator) -> None:
    store = operator.context.store
    now = store.clock()
    store.agents.record([of_pool(store, heartbeat("pool", None, received_at=now))])
    branch = operator.on(put_branch(operator)["deploymentName"])
    operator.context.store.deployments.create("staging")
    assert branch.run(gql.AGENT_TYPE_QUERY) == {"currentDeployment": {"agentType": "SERVERLESS"}}
    assert len(branch.run(gql.AGENT_STATUS_QUERY)["agents"]) == 1
    staging = operator.on("staging")
    # The pool serves it, too, though it has not named it yet; an agent of one's own does not.
    assert staging.run(gql.AGENT_TYPE_QUERY) == {"currentDeployment": {"agentType": "SERVERLESS"}}
    operator.context.store.agents.record([heartbeat("mine", None)])
    assert len(staging.run(gql.AGENT_STATUS_QUERY)["agents"]) == 1
