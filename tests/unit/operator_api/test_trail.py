"""The trail of the operator's API: every mutation is decided on, and pages show what was done."""

from __future__ import annotations

from typing import Any

import graphene
import pytest
from dagster_cloud_cli import gql

from dagstead.operator_api.trail import KEPT, TrailPlace, named
from dagstead.plane.trail import Entry, Result, TrailFilter, Who, WhoKind
from dagstead.store.all import Store
from tests.unit.operator_api.surface import Operator

PAGE = """
query Page($what: String, $below: Int, $limit: Int, $result: TrailResult) {
  trail(what: $what, below: $below, limit: $limit, result: $result) {
    rows {
      seq at act deployment object result reason before after count since line
      who { kind name tokenId project address }
    }
    below
  }
}
"""


def said(store: Store) -> list[Any]:
    return [row.said for row in store.trail.find(TrailFilter())][::-1]


def test_every_mutation_is_decided_on(schema: graphene.Schema) -> None:
    mutations = schema.graphql_schema.mutation_type
    assert mutations is not None
    assert set(KEPT) == set(mutations.fields)


def test_what_an_act_records_is_recorded_once(operator: Operator, store: Store) -> None:
    operator.run(gql.SET_DEPLOYMENT_SETTINGS_MUTATION, deploymentSettings={"settings": {}})
    (row,) = said(store)
    assert (row["act"], row["who"]["name"]) == ("deployments.set_settings", "admin")


def test_pages_follow_each_other(operator: Operator, store: Store) -> None:
    who = Who(kind=WhoKind.PERSON, name="ada", token_id=7)
    for number in range(5):
        store.trail.append(
            Entry(
                who=who,
                act="graphql.launchRun",
                result=Result.DONE,
                deployment="prod",
                object=f"job {number}",
            )
        )
    first = operator.run(PAGE, limit=3)["trail"]
    assert [row["seq"] for row in first["rows"]] == [5, 4, 3]
    row = first["rows"][0]
    assert (row["deployment"], row["object"]) == ("prod", "job 4")
    assert row["who"]["kind"] == "person"
    assert (row["result"], row["count"]) == ("done", 1)
    second = operator.run(PAGE, limit=3, below=first["below"])["trail"]
    assert [row["seq"] for row in second["rows"]] == [2, 1]
    assert second["below"] is None
    assert operator.run(PAGE, what="tokens")["trail"]["rows"] == []
    assert operator.run(PAGE, result="refused")["trail"]["rows"] == []
    check = operator.run("{ trailVerification { faults rows first head } }")["trailVerification"]
    assert (check["faults"], check["rows"], check["first"]) == ([], 5, 1)
    assert check["head"] == str(store.trail.head())
    noted = operator.run(
        "query V($head: String) { trailVerification(head: $head) { faults } }",
        head=f"3:{'0' * 64}",
    )
    assert "was noted" in noted["trailVerification"]["faults"][0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, None),
        (
            {
                "executionParams": {
                    "selector": {
                        "pipelineName": "etl",
                        "repositoryName": "__repository__",
                        "repositoryLocationName": "weather",
                    },
                    "runConfigData": {"ops": {"load": {"config": {"password": "hunter2"}}}},
                    "executionMetadata": {"tags": [{"key": "team", "value": "hunter2"}]},
                }
            },
            "job etl, location weather, key team",
        ),
        ({"runIds": list("abcdefg")}, "runs a/b/c/d/e and 2 more"),
        (
            {"assetPartitionRanges": [{"assetKey": {"path": ["a", "b"]}, "partitions": None}]},
            "asset a/b",
        ),
        ({"paused": True}, "paused True"),
    ],
)
def test_arguments_say_what_is_acted_on_and_nothing_besides(
    arguments: dict[str, Any], words: str | None
) -> None:
    assert named(arguments) == words


def test_only_what_changes_nothing_is_left_out() -> None:
    left_out = {name for name, kept in KEPT.items() if kept is TrailPlace.NOWHERE}
    assert left_out == {
        *("logTelemetry", "markCliEvent", "scheduleDryRun", "sensorDryRun", "setNuxSeen")
    }
