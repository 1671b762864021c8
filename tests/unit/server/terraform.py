"""What Terraform's provider for Dagster+ sends: its operations, and what it reads of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

_GRANTS = """
permissions {
  organizationPermissionGrant { ...grant }
  allBranchDeploymentsPermissionGrant { ...grant }
  deploymentPermissionGrants { ...grant }
}
"""
_ERRORS = "... on UnauthorizedError { message } ... on PythonError { message }"
_GRANT_FRAGMENT = (
    "fragment grant on DagsterCloudPermissionGrant { grant deploymentScope deploymentId }"
)
_DEPLOYMENT = "deploymentId deploymentName deploymentType deploymentStatus"

OPERATIONS: Mapping[str, str] = {
    "ListAgentTokens": (
        "query ListAgentTokens { result: agentTokensOrError { __typename "
        "... on DagsterCloudAgentTokens { tokens { id description token revoked } } } }"
    ),
    "CreateAgentToken": (
        "mutation CreateAgentToken($description: String!) { "
        "result: createAgentToken(description: $description) { __typename "
        f"... on DagsterCloudAgentToken {{ id description token revoked }} {_ERRORS} }} }}"
    ),
    "RevokeAgentToken": (
        "mutation RevokeAgentToken($tokenId: Int!) { "
        "result: revokeAgentToken(tokenId: $tokenId) { __typename } }"
    ),
    "GetAgentTokenGrants": (
        "query GetAgentTokenGrants($tokenId: Int!) { "
        "result: agentTokenOrError(tokenId: $tokenId) { __typename "
        f"... on DagsterCloudAgentToken {{ id {_GRANTS} }} }} }} {_GRANT_FRAGMENT}"
    ),
    "SetAgentGrant": (
        "mutation SetAgentGrant($agentTokenId: Int!, $scope: PermissionDeploymentScope!, "
        "$deploymentId: Int) { result: createOrUpdateAgentPermissions(agentPermission: "
        "{agentTokenId: $agentTokenId, deploymentScope: $scope, grant: AGENT, "
        "deploymentId: $deploymentId}) { __typename "
        f"... on DagsterCloudAgentToken {{ id {_GRANTS} }} {_ERRORS} }} }} {_GRANT_FRAGMENT}"
    ),
    "DeleteAgentGrant": (
        "mutation DeleteAgentGrant($agentTokenId: Int!, $scope: PermissionDeploymentScope!, "
        "$deploymentId: Int) { result: removeAgentPermissions(agentPermission: "
        "{agentTokenId: $agentTokenId, deploymentScope: $scope, deploymentId: $deploymentId}) "
        f"{{ __typename ... on DagsterCloudAgentToken {{ id }} {_ERRORS} }} }}"
    ),
    "ListDeployments": f"query ListDeployments {{ result: deployments {{ {_DEPLOYMENT} }} }}",
    "CreateDeployment": (
        "mutation CreateDeployment($name: String!, $agentType: DeploymentAgentType!) { "
        "result: createDeployment(deploymentName: $name, deploymentAgentType: $agentType) { "
        f"__typename ... on DagsterCloudDeployment {{ {_DEPLOYMENT} }} {_ERRORS} }} }}"
    ),
    "DeleteDeployment": (
        "mutation DeleteDeployment($id: Int!) { "
        "result: deleteDeployment(deploymentId: $id) { __typename } }"
    ),
    "GetDeploymentSettings": (
        "query GetDeploymentSettings { result: deploymentSettings { settings } }"
    ),
    "SetDeploymentSettings": (
        "mutation SetDeploymentSettings($settings: GenericScalar) { "
        "result: setDeploymentSettings(deploymentSettings: {settings: $settings}) { __typename "
        f"... on DeploymentSettings {{ settings }} {_ERRORS} }} }}"
    ),
    "ListUserTokens": (
        "query ListUserTokens($userId: Int!) { result: userTokensOrError(userId: $userId) { "
        "__typename ... on DagsterCloudUserTokens { "
        f"tokens {{ id description token user {{ userId }} }} }} {_ERRORS} }} }}"
    ),
    "CreateUserToken": (
        "mutation CreateUserToken($description: String!) { "
        "result: createUserToken(description: $description) { __typename "
        "... on DagsterCloudUserToken { id description token user { userId } } "
        f"{_ERRORS} }} }}"
    ),
    "RevokeUserToken": (
        "mutation RevokeUserToken($tokenId: Int!, $userId: Int!) { "
        "result: revokeUserToken(tokenId: $tokenId, userId: $userId) { __typename } }"
    ),
    "GetVersion": "query GetVersion { result: version }",
    "GetOrganization": (
        "query GetOrganization { result: organization { id publicId name status } }"
    ),
}


class RefusedError(AssertionError):
    """An answer with errors, which ends the provider's work with their text."""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """It has an address of the organization, and one for each deployment; no header names one."""

    http: httpx.Client
    token: str

    def send(self, operation: str, deployment: str | None = None, **variables: object) -> Any:
        """What an operation answers.

        Raises:
            RefusedError: when the answer has errors.
        """
        response = self.http.post(
            "/graphql" if deployment is None else f"/{deployment}/graphql",
            headers={"Dagster-Cloud-Api-Token": self.token},
            json={
                "operationName": operation,
                "query": OPERATIONS[operation],
                "variables": variables,
            },
        )
        body = response.json()
        if response.status_code != 200 or body.get("errors"):
            raise RefusedError(response.text)
        return body["data"]["result"]

    def grants(self, token_id: int) -> tuple[bool, bool, set[int]]:
        """Whether the organization is granted, all branch deployments, and which deployments."""
        found = self.send("GetAgentTokenGrants", tokenId=token_id)["permissions"]
        return (
            found["organizationPermissionGrant"] is not None,
            found["allBranchDeploymentsPermissionGrant"] is not None,
            {each["deploymentId"] for each in found["deploymentPermissionGrants"]},
        )

    def grant(self, token_id: int, scope: str, deployment_id: int = 0) -> Mapping[str, Any]:
        """Add a grant; what the token has then."""
        found: Mapping[str, Any] = self.send(
            "SetAgentGrant", agentTokenId=token_id, scope=scope, deploymentId=deployment_id
        )
        return found

    def withdraw(self, token_id: int, scope: str, deployment_id: int = 0) -> None:
        """Take a grant away."""
        self.send(
            "DeleteAgentGrant", agentTokenId=token_id, scope=scope, deploymentId=deployment_id
        )
