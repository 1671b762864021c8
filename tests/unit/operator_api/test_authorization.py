"""Every added field is either of the request's one deployment, or looks at the token itself."""

from __future__ import annotations

import pytest
from graphql import ObjectTypeExtensionNode, parse

from dagstead.operator_api.schema import definitions
from dagstead.plane.tokens import Grant, TokenKind
from tests.unit.operator_api.surface import Operator

#: The server has checked that the token grants the deployment before these are asked.
OF_ONE_DEPLOYMENT = {
    "alertBoard",
    "alertDelivery",
    "alertDocument",
    "alertPolicies",
    "alertPoliciesAsDocumentOrError",
    "alertPoliciesForJob",
    "alertPolicyById",
    "alertPolicyNotifications",
    "createOrUpdateAlertPolicyFromDocument",
    "deleteAlertPolicy",
    "endAlertSilence",
    "reconcileAlertPoliciesFromDocument",
    "runNotificationsOrError",
    "silenceAlerts",
    "syncAlerts",
    "testAlert",
    "addOrUpdateLocationFromDocument",
    "agents",
    "baseComparison",
    "createOrUpdateSecretForScopes",
    "createRelease",
    "currentDeployment",
    "deleteLocation",
    "deployLocations",
    "deployedLocations",
    "deploymentSettings",
    "endRelease",
    "locationsAsDocument",
    "reconcileLocationsFromDocument",
    "release",
    "releases",
    "rollBack",
    "rollbackPlan",
    "runsUnderWay",
    "secretsOrError",
    "setDeploymentSettings",
    "setLatestDefsStateVersion",
    "unserved",
    "workspace",
}

#: They tell and change nothing.
OF_NOBODY = {"getBranchDeploymentName", "markCliEvent", "serverless"}

#: What is asked by name, and not found where the token does not grant it.
FOUND_BY_NAME = {"why": ('{ f: why(name: "weather") { id } }', "There is no run, location or")}

#: Any user token may read them: the CLI asks for the one to see whether its token is good, and the
#: other tells about names that only those know who have the content.
READABLE = {"organization", "organizationSettings", "storedPexFiles"}

#: What each field of our own administration is called with; all are refused.
ADMINISTRATION = {
    "addTrustPolicy": (
        'addTrustPolicy(policy: {issuer: "github", repository: "org/repo", anyRef: true, '
        'claims: {}, deployments: ["prod"], branchDeployments: false, minutes: 5}) { id }'
    ),
    "createSignInLink": "createSignInLink { code }",
    "endSessions": "endSessions(tokenId: 1)",
    "forgetAgent": 'forgetAgent(id: "a1")',
    "removeSecret": 'removeSecret(name: "KEY", target: {scopes: [], locationNames: []})',
    "setSecret": 'setSecret(name: "KEY", value: "v", target: {scopes: [], locationNames: []})',
    "masterKey": "masterKey { current }",
    "rotateMasterKey": "rotateMasterKey(lost: false) { current }",
    "issueToken": 'issueToken(token: {name: "more", kind: user}) { secret }',
    "pauseRuns": "pauseRuns",
    "pauseQueue": "pauseQueue { name }",
    "queue": 'queue(name: "gpu") { name }',
    "removeQueue": "removeQueue",
    "resumeQueue": "resumeQueue",
    "setQueue": "setQueue(change: {limit: 1}) { name }",
    "refusedCallers": "refusedCallers { name }",
    "pinRepository": (
        'pinRepository(pins: {issuer: "github", repository: "org/repo", number: "1"}) { path }'
    ),
    "removeDeployment": 'removeDeployment(name: "prod") { endedRuns }',
    "removeTrustPolicy": "removeTrustPolicy(id: 1)",
    "resumeRuns": "resumeRuns",
    "revokeToken": "revokeToken(id: 1) { id }",
    "rotateToken": "rotateToken(id: 1, rotation: {overlapSeconds: 0}) { secret }",
    "serverParts": "serverParts { name }",
    "serverSettings": "serverSettings { name }",
    "storage": "storage { kinds { count } }",
    "sweepStorage": "sweepStorage { kinds { count } }",
    "tokens": "tokens { id }",
    "trail": "trail { below }",
    "trailVerification": "trailVerification { rows }",
    "trustPins": "trustPins { path }",
    "trustPolicies": "trustPolicies { id }",
}

#: What each field of Terraform's is called with; all are refused.
OF_ADMINISTRATORS = {
    "agentTokenOrError": "agentTokenOrError(tokenId: 1)",
    "agentTokensOrError": "agentTokensOrError",
    "createAgentToken": "createAgentToken",
    "createDeployment": 'createDeployment(deploymentName: "other")',
    "createOrUpdateAgentPermissions": (
        "createOrUpdateAgentPermissions(agentPermission: "
        "{agentTokenId: 1, deploymentScope: ORGANIZATION, grant: AGENT, deploymentId: 0})"
    ),
    "createUserToken": "createUserToken",
    "removeAgentPermissions": (
        "removeAgentPermissions(agentPermission: {agentTokenId: 1, deploymentScope: ORGANIZATION})"
    ),
    "revokeAgentToken": "revokeAgentToken(tokenId: 1)",
    "revokeUserToken": "revokeUserToken(tokenId: 1, userId: 1)",
    "userTokensOrError": "userTokensOrError(userId: 1)",
}

BRANCH = '{repoName: "org/repo", branchName: "f"}'
COMMIT = '{commitHash: "c0ffee", timestamp: 1}'

#: What a token for ``staging`` gets of ``prod``, which is number 1, and of the organization.
OF_THE_ORGANIZATION = {
    "branchDeployments": ("{ f: branchDeployments(limit: 9) { nodes { deploymentName } } }", []),
    "queues": ("{ f: queues { deploymentName: name } }", []),
    "deployments": ("{ f: deployments { deploymentName } }", ["staging"]),
    "fullDeployments": ("{ f: fullDeployments { deploymentName } }", ["staging"]),
    "problems": ("{ f: problems { deploymentName: deployment } }", []),
    "waitingRuns": ("{ f: waitingRuns { total rows { runId } } }", "'total': 0, 'rows': []"),
    "codeLocations": ("{ f: codeLocations { deploymentName } }", []),
    "deploymentByName": ('{ f: deploymentByName(name: "prod") { __typename } }', "Unauthorized"),
    "createOrUpdateBranchDeployment": (
        (
            f"mutation {{ f: createOrUpdateBranchDeployment(branchData: {BRANCH}, "
            f"commit: {COMMIT}) "
            "{ ... on PythonError { message } } }"
        ),
        "may not use deployment",
    ),
    "deleteDeployment": (
        "mutation { f: deleteDeployment(deploymentId: 1) { ... on PythonError { message } } }",
        "needs a token for all deployments",
    ),
    "generateServerlessPexUrl": (
        (
            "mutation { f: generateServerlessPexUrl("
            'filenames: ["requirements-1.txt"], method: PUT) { url } }'
        ),
        "/by-",
    ),
    "storedSecrets": ("{ f: storedSecrets { deploymentName } }", []),
    "servingAgents": ("{ f: servingAgents { deploymentName: name } }", []),
    "setOrganizationSettings": (
        (
            "mutation { f: setOrganizationSettings(organizationSettings: {settings: {}}) "
            "{ ... on UnauthorizedError { message } } }"
        ),
        "needs a token for all deployments",
    ),
}


def test_every_added_field_is_accounted_for() -> None:
    added = {
        field.name.value
        for node in parse(definitions()).definitions
        if isinstance(node, ObjectTypeExtensionNode)
        for field in node.fields
    }
    assert added == (
        OF_ONE_DEPLOYMENT
        | OF_NOBODY
        | READABLE
        | set(OF_THE_ORGANIZATION)
        | set(FOUND_BY_NAME)
        | set(OF_ADMINISTRATORS)
        | set(ADMINISTRATION)
    )


def test_a_limited_token_gets_only_its_part(operator: Operator) -> None:
    store = operator.context.store
    store.deployments.create("staging")
    token = store.tokens.create(
        "limited", TokenKind.USER, "other", Grant(deployments=["staging"], branch_deployments=False)
    )
    limited = operator.on("staging").by(token)
    for field, (document, expected) in OF_THE_ORGANIZATION.items():
        answer = limited.run(document)["f"]
        if isinstance(expected, str):
            assert expected in str(answer), field
        else:
            nodes = answer["nodes"] if isinstance(answer, dict) else answer
            assert [each["deploymentName"] for each in nodes] == expected, field
    for field, (document, expected) in FOUND_BY_NAME.items():
        assert expected in str(limited.execute(document).errors), field
    assert {each.name for each in store.deployments.all()} == {"prod", "staging"}


@pytest.mark.parametrize(
    "grant",
    [
        Grant(deployments=["prod"]),
        Grant(deployments=[], repository="org/repo"),
    ],
)
@pytest.mark.parametrize("field", OF_ADMINISTRATORS)
def test_a_limited_token_administers_nothing(operator: Operator, field: str, grant: Grant) -> None:
    store = operator.context.store
    token = store.tokens.create("limited", TokenKind.USER, "other", grant)
    before = store.tokens.all()
    call = OF_ADMINISTRATORS[field]
    is_query = field in operator.schema.graphql_schema.query_type.fields

    kind = "query" if is_query else "mutation"
    document = f"{kind} {{ f: {call} {{ __typename ... on UnauthorizedError {{ message }} }} }}"
    answer = operator.by(token).run(document)["f"]
    assert "needs a token for all deployments" in answer["message"]
    if not is_query:
        # Who looks at no member must not take it for done.
        result = operator.by(token).execute(f"mutation {{ f: {call} {{ __typename }} }}")
        assert "needs a token for all deployments" in str(result.errors)
    assert store.tokens.all() == before
    assert [each.name for each in store.deployments.all()] == ["prod"]


@pytest.mark.parametrize("field", ADMINISTRATION)
def test_our_administration_is_for_unlimited_tokens(operator: Operator, field: str) -> None:
    store = operator.context.store
    token = store.tokens.create("limited", TokenKind.USER, "o", Grant(deployments=["prod"]))
    before = store.tokens.all()
    is_query = field in operator.schema.graphql_schema.query_type.fields
    document = f"{'query' if is_query else 'mutation'} {{ f: {ADMINISTRATION[field]} }}"

    refused = operator.by(token).execute(document)
    assert "needs a token for all deployments" in str(refused.errors)
    assert store.tokens.all() == before
    assert store.trust.all() == []
