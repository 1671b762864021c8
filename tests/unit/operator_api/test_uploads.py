"""Addresses for PEX files, and small answers that the CLI needs on its way."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from dagster_cloud_cli import gql
from dagster_cloud_cli.core.pex_builder.pex_registry import (
    GENERATE_GET_URL_QUERY,
    GENERATE_PUT_URL_QUERY,
)
from dagster_dg_cli.utils.plus.defs_state_storage import (
    GET_LATEST_DEFS_STATE_INFO_QUERY,
    SET_LATEST_VERSION_MUTATION,
)
from graphql import parse

from dagstead.operator_api.not_offered import NOT_OFFERED, refusal
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.pex_files import Uploader
from dagstead.plane.tokens import Grant, TokenKind
from tests.unit.operator_api.surface import BASE_URL, Operator


@pytest.mark.parametrize(
    ("document", "method"), [(GENERATE_PUT_URL_QUERY, "PUT"), (GENERATE_GET_URL_QUERY, "GET")]
)
def test_addresses_are_signed_in_order(operator: Operator, document: str, method: str) -> None:
    names = ["source-b.pex", "deps-a.pex", "requirements-1-cHJvZA==.txt"]
    answer = operator.run(document, filenames=names)["generateServerlessPexUrl"]
    addresses = [each["url"].removeprefix(BASE_URL) for each in answer]
    keys = [operator.context.store.blobs.verify(address, method) for address in addresses]
    assert keys == [BlobKey(BlobKind.PEX, ORGANIZATION, name) for name in names]
    assert all(urlsplit(each["url"]).netloc == urlsplit(BASE_URL).netloc for each in answer)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "..", "a\0b", "/etc/passwd"])
def test_paths_are_refused(operator: Operator, name: str) -> None:
    result = operator.execute(GENERATE_PUT_URL_QUERY, filenames=[name])
    assert result.data is None
    assert len(result.errors) == 1


def test_limited_tokens_store_in_a_namespace_of_their_own(operator: Operator) -> None:
    blobs = operator.context.store.blobs
    tokens = operator.context.store.tokens
    grant = Grant(deployments=["prod"])
    first = tokens.create("ci", TokenKind.USER, "other", grant)
    second = tokens.create("ci again", TokenKind.USER, "another", grant)
    names = ["deps-a.pex", "requirements-1.txt"]

    def scopes(asking: Operator) -> set[str]:
        answer = asking.run(GENERATE_PUT_URL_QUERY, filenames=names)["generateServerlessPexUrl"]
        addresses = [each["url"].removeprefix(BASE_URL) for each in answer]
        return {blobs.verify(address, "PUT").scope for address in addresses}

    [own] = scopes(operator.by(first))
    assert own != ORGANIZATION
    # Who may deploy the same shares what is built, and caches of builds.
    assert scopes(operator.by(second)) == {own}
    assert scopes(operator) == {ORGANIZATION}


def test_a_cache_of_the_organization_is_read_by_all(operator: Operator) -> None:
    blobs = operator.context.store.blobs
    token = operator.context.store.tokens.create(
        "ci", TokenKind.USER, "other", Grant(deployments=["prod"])
    )
    blobs.put(BlobKey(BlobKind.PEX, ORGANIZATION, "requirements-1.txt"), b"x")

    def scope(name: str) -> str:
        answer = operator.by(token).run(GENERATE_GET_URL_QUERY, filenames=[name])
        url = answer["generateServerlessPexUrl"][0]["url"]
        return blobs.verify(url.removeprefix(BASE_URL), "GET").scope

    assert scope("requirements-1.txt") == ORGANIZATION
    own = Uploader.of(token).namespace
    blobs.put(BlobKey(BlobKind.PEX, own, "requirements-1.txt"), b"y")
    assert scope("requirements-1.txt") == own
    assert scope("deps-a.pex") == own


def test_pex_builds_stay_pex_builds(operator: Operator) -> None:
    answer = operator.run(gql.GET_ECR_CREDS_QUERY)["serverless"]
    assert answer["registryIsHarbor"] is False


def test_without_a_registry_the_build_says_how_to_get_one(operator: Operator) -> None:
    answer = operator.run(gql.GET_ECR_CREDS_QUERY)["serverless"]
    assert answer["awsAuthToken"] is None
    assert "registry_url" in answer["registryUrl"]


def test_cli_event_is_acknowledged(operator: Operator) -> None:
    assert operator.run(gql.MARK_CLI_EVENT_MUTATION, eventType="DEPLOY", durationSeconds=1.5) == {
        "markCliEvent": "ok"
    }


def test_deployments_without_component_state_say_so(operator: Operator) -> None:
    result = operator.execute(SET_LATEST_VERSION_MUTATION, key="k", version="v")
    assert [error.message for error in result.errors] == [
        "This deployment keeps no component state."
    ]
    assert operator.run(GET_LATEST_DEFS_STATE_INFO_QUERY) == {"latestDefsStateInfo": None}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (gql.GET_ATLAN_INTEGRATION_SETTINGS_QUERY, NOT_OFFERED["atlanIntegration"]),
        (gql.FULL_DEPLOYMENTS_QUERY, None),
        # The name of a field deeper down, or in a text, is no root field.
        ("{ workspace { issues } }", None),
        ('{ deploymentByName(name: "issues") { __typename } }', None),
    ],
)
def test_other_offers_are_refused(document: str, sentence: str | None) -> None:
    assert refusal(parse(document)) == sentence
