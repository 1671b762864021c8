"""The deploy path, as the official CLI's own documents call it."""

from __future__ import annotations

from typing import Any

import pytest
from dagster_cloud_cli import gql

from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.locations import LoadState
from dagstead.plane.organization import ORGANIZATION
from tests.support.heartbeats import heartbeat_of
from tests.unit.operator_api.surface import Operator


def location(name: str, **more: object) -> dict[str, Any]:
    return {"location_name": name, "code_source": {"module_name": name}, **more}


def deploy(operator: Operator, *locations: dict[str, Any]) -> dict[str, Any]:
    document = {"locations": list(locations)}
    result = operator.run(gql.DEPLOY_LOCATIONS_FROM_DOCUMENT_MUTATION, document=document)
    answer: dict[str, Any] = result["deployLocations"]
    return answer


def loaded(operator: Operator, *names: str) -> None:
    store = operator.context.store
    for name in names:
        row = store.locations.get("prod", name)
        store.releases.set_loaded("prod", name, deploy_id=row.deploy_id, manifest="{}")


def names(operator: Operator) -> list[str]:
    store = operator.context.store
    return [each.name for each in store.locations.all(operator.context.deployment.name)]


def serve_only_the_default_queue(operator: Operator) -> None:
    store = operator.context.store
    store.tokens.revoke(2)
    store.agents.record([heartbeat_of(None, now=store.clock())])


def test_deploy_puts_all_in_and_calls_every_queue(operator: Operator) -> None:
    answer = deploy(operator, location("weather"), location("digits", agent_queue="hybrid-queue"))
    assert answer == {
        "__typename": "DeployLocationsSuccess",
        "locations": [{"locationName": "digits"}, {"locationName": "weather"}],
    }
    assert operator.woken() == {("prod", None), ("prod", "hybrid-queue")}
    for each in operator.context.store.locations.all("prod"):
        assert each.state is LoadState.LOADING


def test_one_wrong_location_keeps_all_out(operator: Operator) -> None:
    answer = deploy(operator, location("weather"), location("digits", agent_queue=""))
    assert answer["__typename"] == "InvalidLocationError"
    assert "agent_queue is ''" in answer["errors"][0]
    assert names(operator) == []
    assert operator.woken() == set()


def test_a_moved_location_is_told_to_its_old_queue_too(operator: Operator) -> None:
    deploy(operator, location("weather"), location("other", agent_queue="third"))
    operator.woken()
    deploy(operator, location("weather", agent_queue="hybrid-queue"))
    assert operator.woken() == {("prod", None), ("prod", "hybrid-queue")}


def test_reconcile_removes_the_others(operator: Operator) -> None:
    deploy(operator, location("weather"), location("digits", agent_queue="hybrid-queue"))
    loaded(operator, "weather", "digits")
    answer = operator.run(
        gql.RECONCILE_LOCATIONS_FROM_DOCUMENT_MUTATION,
        document={"locations": [location("weather")]},
    )["reconcileLocationsFromDocument"]
    assert answer == {
        "__typename": "ReconcileLocationsSuccess",
        "locations": [{"locationName": "weather"}],
    }
    assert names(operator) == ["digits", "weather"]
    loaded(operator, "weather")
    assert names(operator) == ["weather"]


def test_a_queue_that_nobody_serves_is_refused(operator: Operator) -> None:
    serve_only_the_default_queue(operator)
    answer = deploy(operator, location("weather"), location("digits", agent_queue="gpu"))
    assert answer["__typename"] == "InvalidLocationError"
    [error] = answer["errors"]
    assert "'digits' would wait. No running agent serves" in error
    assert names(operator) == []


@pytest.mark.parametrize(("policy", "says"), [("warn", "No running agent serves"), ("wait", None)])
def test_a_deployment_may_take_what_nobody_serves(
    operator: Operator, policy: str, says: str | None
) -> None:
    store = operator.context.store
    store.deployments.set_settings("prod", {"releases": {"unserved_queue": policy}})
    serve_only_the_default_queue(operator)
    answer = deploy(operator, location("digits", agent_queue="gpu"))
    assert answer["__typename"] == "DeployLocationsSuccess"
    [begun] = store.releases.all("prod")
    assert (says or "") in (begun.reason or "")
    assert bool(begun.reason) is bool(says)


def test_add_or_update_one(operator: Operator) -> None:
    document = location("weather", image="a:1")
    for _ in range(2):
        answer = operator.run(gql.ADD_OR_UPDATE_LOCATION_FROM_DOCUMENT_MUTATION, document=document)[
            "addOrUpdateLocationFromDocument"
        ]
        assert answer == {"__typename": "WorkspaceEntry", "locationName": "weather"}
    assert names(operator) == ["weather"]


def test_add_wrong_one(operator: Operator) -> None:
    answer = operator.run(gql.ADD_OR_UPDATE_LOCATION_FROM_DOCUMENT_MUTATION, document={})
    assert answer["addOrUpdateLocationFromDocument"]["__typename"] == "InvalidLocationError"


def test_delete(operator: Operator) -> None:
    deploy(operator, location("digits", agent_queue="hybrid-queue"))
    operator.woken()
    answer = operator.run(gql.DELETE_LOCATION_MUTATION, locationName="digits")["deleteLocation"]
    assert answer == {"__typename": "DeleteLocationSuccess", "locationName": "digits"}
    assert names(operator) == []
    assert operator.woken() == {("prod", "hybrid-queue")}


def test_delete_unknown(operator: Operator) -> None:
    deploy(operator, location("digits"))
    answer = operator.run(gql.DELETE_LOCATION_MUTATION, locationName="digit")["deleteLocation"]
    assert answer == {
        "__typename": "PythonError",
        "message": "Deployment 'prod' has no code location 'digit'. It has: digits.",
        "stack": [],
    }


def test_pulled_document_can_be_deployed_again(operator: Operator) -> None:
    deploy(operator, location("weather", image="a:1"), location("digits", agent_queue="q"))
    pulled = operator.run(gql.GET_LOCATIONS_AS_DOCUMENT_QUERY)["locationsAsDocument"]["document"]
    before = [each.document for each in operator.context.store.locations.all("prod")]
    assert deploy(operator, *pulled["locations"])["__typename"] == "DeployLocationsSuccess"
    assert [each.document for each in operator.context.store.locations.all("prod")] == before


def test_workspace_entries_are_what_agents_get(operator: Operator) -> None:
    deploy(operator, location("weather"))
    (stored,) = operator.context.store.locations.all("prod")
    assert operator.run(gql.WORKSPACE_ENTRIES_QUERY) == {
        "workspace": {
            "workspaceEntries": [
                {"locationName": "weather", "serializedDeploymentMetadata": stored.deploy_data}
            ]
        }
    }


@pytest.mark.parametrize("uploaded", [True, False])
def test_pex_files_must_be_stored(operator: Operator, *, uploaded: bool) -> None:
    for file in ["deps-1.pex", "source-2.pex"] if uploaded else ["deps-1.pex"]:
        operator.context.store.blobs.put(BlobKey(BlobKind.PEX, ORGANIZATION, file), b"x")
    pex = {"pex_tag": "files=deps-1.pex:source-2.pex", "python_version": "3.11"}
    answer = deploy(operator, location("weather", pex_metadata=pex))
    if uploaded:
        assert answer["__typename"] == "DeployLocationsSuccess"
    else:
        assert answer["__typename"] == "InvalidLocationError"
        assert "'source-2.pex' is not stored here" in answer["errors"][0]
        assert names(operator) == []
