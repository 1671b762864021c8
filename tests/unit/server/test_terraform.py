"""The whole life of what Terraform manages, with the operations of its provider for Dagster+."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from dagstead.control.actor import SYSTEM
from dagstead.control.work import Work
from dagstead.plane.deployments import Branch
from dagstead.plane.requests import CHECK_FOR_WORKSPACE_UPDATES
from dagstead.plane.tokens import TokenKind
from tests.unit.server.conftest import Plane
from tests.unit.server.terraform import Provider, RefusedError

_POP = """
query Poll($full: [String!], $branch: Boolean) {
  userCloudAgent {
    popUserCloudAgentRequests(forFullDeployments: $full, forBranchDeployments: $branch) {
      deploymentName
    }
  }
}
"""


@pytest.fixture
def terraform(plane: Plane, client: httpx.Client) -> Provider:
    return Provider(http=client, token=plane.token(TokenKind.USER)[1])


@pytest.fixture
def agent_token(terraform: Provider) -> Iterator[Mapping[str, Any]]:
    """A new agent token, as the provider makes it; it is revoked in the end."""
    made = terraform.send("CreateAgentToken", description="eu")
    yield made
    terraform.send("RevokeAgentToken", tokenId=made["id"])


def ids(terraform: Provider) -> dict[str, int]:
    return {
        each["deploymentName"]: each["deploymentId"] for each in terraform.send("ListDeployments")
    }


def popped(plane: Plane, client: httpx.Client, secret: str) -> set[str]:
    """The deployments whose work an agent gets that asks for all that it can name."""
    deployments = plane.control.deployments.granted(SYSTEM)
    for each in deployments:
        work = Work(api=CHECK_FOR_WORKSPACE_UPDATES, queue=None, lifetime_seconds=60.0)
        plane.control.requests.submit(SYSTEM, each, work)
    full = [each.name for each in deployments if not each.is_branch]
    answer = client.post(
        "/graphql",
        headers={"Dagster-Cloud-Api-Token": secret},
        json={"query": _POP, "variables": {"full": full, "branch": True}},
    ).json()
    taken = answer["data"]["userCloudAgent"]["popUserCloudAgentRequests"]
    left = plane.control.requests.open(SYSTEM)
    for each in deployments:
        mine = [request.id for request in left if request.deployment == each.name]
        plane.control.requests.expire(SYSTEM, each, mine)
    return {each["deploymentName"] for each in taken}


def test_a_deployment_lives_and_dies(terraform: Provider) -> None:
    made = terraform.send("CreateDeployment", name="eu", agentType="SERVERLESS")
    assert (made["deploymentName"], made["deploymentType"]) == ("eu", "PRODUCTION")
    number = made["deploymentId"]
    assert ids(terraform)["eu"] == number

    settings = {"run_queue": {"max_concurrent_runs": 3}}
    kept = terraform.send("SetDeploymentSettings", "eu", settings=settings)
    assert kept == {"__typename": "DeploymentSettings", "settings": settings}
    assert terraform.send("GetDeploymentSettings", "eu") == {"settings": settings}
    wrong = terraform.send("SetDeploymentSettings", "eu", settings={"run_queu": {}})
    assert wrong["__typename"] == "PythonError"

    again = terraform.send("CreateDeployment", name="eu", agentType="HYBRID")
    assert again["__typename"] == "PythonError"
    assert "already" in again["message"]

    terraform.send("DeleteDeployment", id=number)
    assert "eu" not in ids(terraform)
    with pytest.raises(RefusedError, match=f"There is no deployment with id {number}"):
        terraform.send("DeleteDeployment", id=number)
    # A state that names the old number must not be about the new deployment.
    anew = terraform.send("CreateDeployment", name="eu", agentType="HYBRID")["deploymentId"]
    assert anew > number
    terraform.send("DeleteDeployment", id=anew)


def test_the_last_deployment_is_not_deleted_in_silence(plane: Plane, terraform: Provider) -> None:
    known = ids(terraform)
    terraform.send("DeleteDeployment", id=known["staging"])
    try:
        with pytest.raises(RefusedError, match="is the last full deployment"):
            terraform.send("DeleteDeployment", id=known["prod"])
    finally:
        plane.control.deployments.create(SYSTEM, "staging")
    assert set(ids(terraform)) == {"prod", "staging"}


def test_an_agent_token_serves_what_it_is_granted_and_no_more(
    plane: Plane, client: httpx.Client, terraform: Provider, agent_token: Mapping[str, Any]
) -> None:
    number, secret = agent_token["id"], agent_token["token"]
    known = ids(terraform)
    branch = plane.control.deployments.open_branch(
        SYSTEM, Branch(repo_name="org/repo", branch_name="f"), None
    )
    every = {"prod", "staging", branch.name}
    assert terraform.grants(number) == (True, False, set())
    assert popped(plane, client, secret) == every

    # organization = false takes it away right after the token was made.
    terraform.withdraw(number, "ORGANIZATION")
    assert terraform.grants(number) == (False, False, set())
    assert popped(plane, client, secret) == set()

    given = terraform.grant(number, "DEPLOYMENT", known["prod"])["permissions"]
    assert given["deploymentPermissionGrants"] == [
        {"grant": "AGENT", "deploymentScope": "DEPLOYMENT", "deploymentId": known["prod"]}
    ]
    assert popped(plane, client, secret) == {"prod"}
    terraform.grant(number, "ALL_BRANCH_DEPLOYMENTS")
    assert terraform.grants(number) == (False, True, {known["prod"]})
    assert popped(plane, client, secret) == {"prod", branch.name}

    # The grant of everything does not take the place of the others.
    terraform.grant(number, "ORGANIZATION")
    terraform.grant(number, "DEPLOYMENT", known["staging"])
    assert terraform.grants(number) == (True, True, {known["prod"], known["staging"]})
    assert popped(plane, client, secret) == every
    terraform.withdraw(number, "DEPLOYMENT", known["prod"])
    terraform.withdraw(number, "ORGANIZATION")
    assert popped(plane, client, secret) == {"staging", branch.name}

    terraform.withdraw(number, "ALL_BRANCH_DEPLOYMENTS")
    terraform.withdraw(number, "DEPLOYMENT", known["staging"])
    assert terraform.grants(number) == (False, False, set())
    assert popped(plane, client, secret) == set()
    plane.control.deployments.delete(SYSTEM, branch)


def test_an_agent_token_is_found_by_its_number_and_revoked(
    client: httpx.Client, terraform: Provider, agent_token: Mapping[str, Any]
) -> None:
    number, secret = agent_token["id"], agent_token["token"]

    def listed() -> Mapping[str, Any]:
        tokens = terraform.send("ListAgentTokens")["tokens"]
        return next(each for each in tokens if each["id"] == number)

    assert listed() == {"id": number, "description": "eu", "token": None, "revoked": False}
    terraform.send("RevokeAgentToken", tokenId=number)
    assert listed()["revoked"]
    answer = client.post("/graphql", headers={"Dagster-Cloud-Api-Token": secret}, json={})
    assert answer.status_code == 401


def test_what_is_not_there_is_no_agent_token(plane: Plane, terraform: Provider) -> None:
    user, _ = plane.token(TokenKind.USER)
    for number in (user.id, 4711):
        found = terraform.send("GetAgentTokenGrants", tokenId=number)
        assert found == {"__typename": "PythonError"}
        with pytest.raises(RefusedError, match=f"There is no agent token {number}"):
            terraform.send("RevokeAgentToken", tokenId=number)
        refused = terraform.grant(number, "ORGANIZATION")
        assert f"There is no agent token {number}" in refused["message"]


@pytest.mark.parametrize(
    ("scope", "deployment", "says"),
    [
        ("DEPLOYMENT", None, "needs a deployment"),
        ("DEPLOYMENT", 4711, "There is no deployment with id 4711"),
    ],
)
def test_a_grant_of_no_deployment_is_refused(
    terraform: Provider,
    agent_token: Mapping[str, Any],
    scope: str,
    deployment: int | None,
    says: str,
) -> None:
    refused = terraform.send(
        "SetAgentGrant", agentTokenId=agent_token["id"], scope=scope, deploymentId=deployment
    )
    assert says in refused["message"]
    assert terraform.grants(agent_token["id"]) == (True, False, set())


def test_a_branch_deployment_is_not_granted_by_itself(
    plane: Plane, terraform: Provider, agent_token: Mapping[str, Any]
) -> None:
    branch = plane.control.deployments.open_branch(
        SYSTEM, Branch(repo_name="org/repo", branch_name="g"), None
    )
    refused = terraform.grant(agent_token["id"], "DEPLOYMENT", branch.id)
    assert "Grant ALL_BRANCH_DEPLOYMENTS instead." in refused["message"]
    plane.control.deployments.delete(SYSTEM, branch)


def test_user_tokens_are_all_of_one_user(
    plane: Plane, client: httpx.Client, terraform: Provider
) -> None:
    made = terraform.send("CreateUserToken", description="ci")
    user, number, secret = made["user"]["userId"], made["id"], made["token"]
    assert Provider(http=client, token=secret).send("GetVersion")

    def listed() -> dict[int, Mapping[str, Any]]:
        tokens = terraform.send("ListUserTokens", userId=user)["tokens"]
        return {each["id"]: each for each in tokens}

    assert listed()[number] == {
        "id": number,
        "description": "ci",
        "token": None,
        "user": {"userId": user},
    }
    terraform.send("RevokeUserToken", tokenId=number, userId=user)
    assert number not in listed()
    with pytest.raises(RefusedError, match="revoked"):
        Provider(http=client, token=secret).send("GetVersion")
    elsewhere = terraform.send("ListUserTokens", userId=user + 1)
    assert elsewhere["message"].startswith(f"There is no user {user + 1}.")
    agent, _ = plane.token(TokenKind.AGENT)
    with pytest.raises(RefusedError, match=f"There is no user token {agent.id}"):
        terraform.send("RevokeUserToken", tokenId=agent.id, userId=user)


def test_the_organization_and_the_version_are_told(terraform: Provider) -> None:
    found = terraform.send("GetOrganization")
    assert found == {"id": 1, "publicId": "dagstead", "name": "dagstead", "status": "ACTIVE"}
    assert terraform.send("GetVersion")
