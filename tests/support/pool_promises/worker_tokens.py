"""Code of a real location tries on a real control plane what its token is good for."""

from __future__ import annotations

import httpx
import pytest

from dagstead.testing.waiting import eventually
from tests.support.pool_plane import Plane

PROJECT = """
import json, os, re, urllib.error, urllib.request
import dagster, library
from dagster import AssetMaterialization, DagsterInstance, Definitions, Output, graph, op

AGENTS = re.compile("(agent|pool):[a-z]+:[0-9a-f]{8}")
HEADER = "Dagster-Cloud-Api-Token"
TOKEN = os.environ.get("DAGSTER_CLOUD_AGENT_TOKEN", "")

QUERIES = {
    "take work": "mutation { userCloudAgent { popUserCloudAgentRequests { requestId } } }",
    "beat": "mutation { userCloudAgent { addAgentHeartbeats { ok } } }",
    "list agents": "{ agents { id } }",
    "read the workspace": "{ workspace { workspaceEntries { serializedDeploymentMetadata } } }",
    "read secrets": '{ scopedSecrets(locationName: "another") { secretValue } }',
    "tag a run": 'mutation { runs { addRunTags(runId: "FOREIGN", jsonNewTags: "{}") { ok } } }',
    "wipe": "mutation { eventLogs { Wipe { ok } } }",
}

def call(url, method, path, body, deployment="prod"):
    headers = {HEADER: TOKEN, "Content-Type": "application/json"}
    if deployment:
        headers["Dagster-Cloud-Deployment"] = deployment
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), headers, method=method
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return {"errors": error.code}

def got_through(url, foreign):
    tried = {
        name: call(url, "POST", "/graphql", {"query": query.replace("FOREIGN", foreign)})
        for name, query in QUERIES.items()
    }
    tried["mint"] = call(url, "POST", "/worker_tokens", {"agentId": "x", "location": "another"})
    tried["end tokens"] = call(
        url, "PUT", "/worker_tokens", {"agentIds": ["x"], "running": []}, None
    )
    tried["write artifacts"] = call(url, "POST", "/gen_artifact_post", {"key": "x"})
    tried["read another deployment"] = call(
        url, "POST", "/graphql", {"query": "{ runs { getRunTagKeys } }"}, "elsewhere"
    )
    tried["ask as a user"] = call(url, "POST", "/prod/graphql", {"query": "{ __typename }"})
    return sorted(name for name, answer in tried.items() if "errors" not in answer)

@op
def try_all(context):
    instance = context.instance
    foreign = next(id for id in instance.get_run_ids() if id != context.run_id)
    instance.add_dynamic_partitions("found", [context.run_id])
    instance.add_run_tags(context.run_id, {"own": "yes"})
    instance.report_runless_asset_event(AssetMaterialization("outside"))
    facts = {
        "token": TOKEN,
        "agents": " ".join(n for n, value in os.environ.items() if AGENTS.search(value)),
        "through": " ".join(got_through(instance.dagster_cloud_url, foreign)),
        "partitions": " ".join(instance.get_dynamic_partitions("found")),
    }
    yield AssetMaterialization("facts", metadata=facts)
    yield Output(None)

@graph
def attack():
    try_all()

@op
def nothing():
    pass

@graph
def quiet():
    nothing()

definitions = Definitions(
    jobs=[each.to_job(executor_def=dagster.in_process_executor) for each in (attack, quiet)]
)
"""


@pytest.fixture(scope="module")
def location(plane: Plane) -> str:
    source = plane.bench.source({"project.py": PROJECT})
    deps = plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"})
    plane.deploy_pex("thief", deps, source)
    assert plane.loaded("thief")["__typename"] == "RepositoryLocation"
    # A run of others.
    plane.until(plane.launch("thief", "quiet"), "SUCCESS")
    return "thief"


def attack(plane: Plane, location: str, **tags: str) -> dict[str, str]:
    return plane.facts(plane.launch(location, "attack", **tags))


def is_valid(plane: Plane, token: str) -> bool:
    answer = httpx.post(
        f"{plane.url}/graphql",
        json={"query": "{ runs { getRunTagKeys } }"},
        headers={"Dagster-Cloud-Api-Token": token, "Dagster-Cloud-Deployment": "prod"},
    )
    return answer.status_code == httpx.codes.OK


@pytest.mark.parametrize("isolation", ["enabled", "disabled"])
def test_code_of_the_pool_works_with_its_token_and_gets_no_further(
    plane: Plane, location: str, isolation: str
) -> None:
    tags = {} if isolation == "enabled" else {"dagster/isolation": "disabled"}

    facts = attack(plane, location, **tags)

    assert facts["token"].startswith("worker:")
    assert facts["agents"] == ""
    assert facts["through"] == ""
    assert facts["partitions"] != ""
    assert is_valid(plane, facts["token"]) or isolation == "enabled"
    if isolation == "enabled":
        eventually(lambda: not is_valid(plane, facts["token"]), 60, "the token to end")


def test_each_process_has_another_token(plane: Plane, location: str) -> None:
    tokens = {attack(plane, location)["token"] for _ in range(2)}
    tokens.add(attack(plane, location, **{"dagster/isolation": "disabled"})["token"])
    assert len(tokens) == 3
