"""Secrets as the official command lines ask for them, with their own documents."""

from __future__ import annotations

from typing import Any

import pytest
from dagster_dg_cli.utils.plus import gql

from dagstead.plane.deployments import Branch
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from tests.unit.operator_api.surface import Operator

EVERY = {
    "fullDeploymentScope": True,
    "allBranchDeploymentsScope": True,
    "localDeploymentScope": True,
}
LOCAL = {"localDeploymentScope": True}
FULL = {"fullDeploymentScope": True}
BRANCHES = {"allBranchDeploymentsScope": True}


def create(
    operator: Operator, name: str, value: str, scopes: Any, location: str | None = None
) -> Any:
    variables = {
        "secretName": name,
        "secretValue": value,
        "scopes": scopes,
        "locationName": location,
    }
    document = gql.CREATE_OR_UPDATE_SECRET_FOR_SCOPES_MUTATION
    return operator.run(document, **variables)["createOrUpdateSecretForScopes"]


def pulled(operator: Operator, scopes: Any) -> dict[str, str]:
    """What the commands that take values take: the last one of a name wins."""
    found = operator.run(gql.SECRETS_QUERY, onlyViewable=True, scopes=scopes)["secretsOrError"]
    return {each["secretName"]: each["secretValue"] for each in found["secrets"]}


def shown(operator: Operator, **variables: Any) -> list[dict[str, Any]]:
    found = operator.run(gql.GET_SECRETS_FOR_SCOPES_QUERY, **variables)["secretsOrError"]
    secrets: list[dict[str, Any]] = found["secrets"]
    return secrets


def ci(operator: Operator, **grant: Any) -> Operator:
    grant = {"branch_deployments": False, "repository": "org/app", **grant}
    token = operator.context.store.tokens.create("ci", TokenKind.USER, str(grant), Grant(**grant))
    return operator.by(token)


@pytest.fixture
def preview(store: Store, operator: Operator) -> str:
    assert operator.context.deployment.name == "prod"
    branch = Branch(repo_name="org/app", branch_name="f")
    return store.deployments.create_or_update_branch(branch, base="prod").name


def test_what_is_set_for_all_scopes_is_one_secret(operator: Operator) -> None:
    made = create(operator, "KEY", "hunter2", EVERY)
    assert (made["__typename"], made["secret"]["secretName"]) == (
        "CreateOrUpdateSecretSuccess",
        "KEY",
    )
    (found,) = shown(operator, scopes=EVERY, secretName="KEY")
    assert found.pop("id").isdigit()
    assert found == {
        "secretName": "KEY",
        # A part of it is for people's own machines.
        "secretValue": "hunter2",
        "updatedBy": {"email": "admin"},
        "updateTimestamp": operator.context.store.clock(),
        "locationNames": [],
        "fullDeploymentScope": True,
        "allBranchDeploymentsScope": True,
        "specificBranchDeploymentScope": None,
        "localDeploymentScope": True,
        "canViewSecretValue": True,
        "canEditSecret": True,
    }


def test_a_scope_that_is_set_again_leaves_the_others(operator: Operator) -> None:
    create(operator, "KEY", "one", EVERY)
    create(operator, "KEY", "two", FULL)
    by_scope = {
        name: {each["secretValue"] for each in shown(operator, scopes=scopes, secretName="KEY")}
        for name, scopes in (("full", FULL), ("branches", BRANCHES), ("local", LOCAL))
    }
    assert by_scope == {"full": {""}, "branches": {"one"}, "local": {"one"}}
    assert pulled(ci(operator, deployments=["prod"]), FULL) == {"KEY": "two"}


def test_people_pull_what_is_local(operator: Operator) -> None:
    create(operator, "LOCAL_ONE", "mine", LOCAL)
    create(operator, "FULL_ONE", "theirs", FULL)
    create(operator, "LOCAL_ONE", "for etl", LOCAL, "etl")
    assert pulled(operator, LOCAL) == {"LOCAL_ONE": "for etl"}
    assert pulled(operator, FULL) == {}
    (full,) = shown(operator, scopes=EVERY, secretName="FULL_ONE")
    assert (full["secretValue"], full["canViewSecretValue"]) == ("", False)


def test_ci_pulls_what_its_code_gets(operator: Operator, preview: str) -> None:
    create(operator, "KEY", "of prod", FULL)
    create(operator, "KEY", "of branches", BRANCHES)
    create(operator, "KEY", "of people", LOCAL)
    create(operator, "OTHER", "of weather", FULL, "weather")
    main = ci(operator, deployments=["prod"])
    assert pulled(main, FULL) == {"KEY": "of prod", "OTHER": "of weather"}
    assert pulled(main, LOCAL) == pulled(main, BRANCHES) == {}
    pull_request = ci(operator, deployments=[], branch_deployments=True).on(preview)
    assert pulled(pull_request, BRANCHES) == {"KEY": "of branches"}
    assert pulled(pull_request, FULL) == pulled(pull_request, LOCAL) == {}
    of_etl = ci(operator, deployments=["prod"], locations=["etl"])
    assert pulled(of_etl, FULL) == {"KEY": "of prod"}
    assert {each["secretName"] for each in shown(of_etl, scopes=EVERY)} == {"KEY"}


def test_the_branch_deployments_own_secret_wins_there(operator: Operator, preview: str) -> None:
    create(operator, "KEY", "of branches", BRANCHES)
    create(operator, "KEY", "of this one", {"specificBranchDeploymentScope": preview})
    pull_request = ci(operator, deployments=[], branch_deployments=True).on(preview)
    assert pulled(pull_request, BRANCHES) == {"KEY": "of this one"}
    # A pull request sets its own, and nobody else's.
    create(pull_request, "KEY", "again", {"specificBranchDeploymentScope": preview})
    assert pulled(pull_request, BRANCHES) == {"KEY": "again"}
    for scopes in (BRANCHES, FULL, LOCAL, EVERY):
        refused = create(pull_request, "KEY", "all of them", scopes)
        assert "message" in refused, scopes
    assert pulled(pull_request, BRANCHES) == {"KEY": "again"}


def test_deployments_have_secrets_of_their_own(operator: Operator, store: Store) -> None:
    store.deployments.create("staging")
    create(operator, "KEY", "of prod", LOCAL)
    create(operator.on("staging"), "KEY", "of staging", LOCAL)
    assert pulled(operator, LOCAL) == {"KEY": "of prod"}
    assert pulled(operator.on("staging"), LOCAL) == {"KEY": "of staging"}


@pytest.mark.parametrize(
    ("name", "value", "scopes", "member"),
    [
        ("1KEY", "v", FULL, "InvalidSecretInputError"),
        ("DAGSTER_CLOUD_GIT_SHA", "v", FULL, "InvalidSecretInputError"),
        ("KEY", "hunter2\0", FULL, "InvalidSecretInputError"),
        ("KEY", "v", {}, "InvalidSecretInputError"),
        ("KEY", "v", {"specificBranchDeploymentScope": "nope"}, "PythonError"),
    ],
)
def test_a_refusal_is_one_that_the_command_line_shows(
    operator: Operator, name: str, value: str, scopes: Any, member: str
) -> None:
    refused = create(operator, name, value, scopes)
    assert refused["__typename"] == member
    # It is shown as it is; without this key, the command ends with a KeyError.
    assert refused["message"]
    assert "hunter2" not in str(refused)


def test_whoever_deploys_locations_sets_no_secrets(operator: Operator) -> None:
    """The refusal stands among the errors, which the official command line shows."""
    of_etl = ci(operator, deployments=["prod"], locations=["etl"])
    variables = {"secretName": "KEY", "secretValue": "v", "scopes": FULL, "locationName": "etl"}
    target = '{deploymentName: "prod", scopes: [], locationNames: ["etl"]}'
    for change in (
        gql.CREATE_OR_UPDATE_SECRET_FOR_SCOPES_MUTATION,
        f'mutation {{ setSecret(name: "KEY", value: "v", target: {target}) }}',
        f'mutation {{ removeSecret(name: "KEY", target: {target}) }}',
    ):
        result = of_etl.execute(change, **variables)
        assert "may only deploy etl" in str(result.errors), change
    assert shown(operator, scopes=EVERY) == []


def test_a_list_has_what_is_for_the_locations_of_the_token(operator: Operator) -> None:
    create(operator, "KEY", "v", FULL, "etl")
    create(operator, "KEY", "v", FULL, "gpu")
    document = "{ storedSecrets { secretName locationNames } }"
    of_etl = ci(operator, deployments=["prod"], locations=["etl"])
    assert of_etl.run(document)["storedSecrets"] == [
        {"secretName": "KEY", "locationNames": ["etl"]}
    ]


def test_names_are_listed_without_the_master_key(operator: Operator, store: Store) -> None:
    create(operator, "KEY", "v", LOCAL)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE secrets SET sealed = json_set(sealed, '$.key', 'gone')")
    names = operator.run(gql.GET_SECRETS_FOR_SCOPES_QUERY_NO_VALUE, scopes=EVERY)
    assert [each["secretName"] for each in names["secretsOrError"]["secrets"]] == ["KEY"]
    with_values = operator.run(gql.SECRETS_QUERY, onlyViewable=True, scopes=LOCAL)["secretsOrError"]
    assert with_values["__typename"] == "PythonError"
    assert "needs the master key gone" in with_values["message"]
