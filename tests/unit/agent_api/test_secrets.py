"""Which secrets agents get for the code that they run."""

from __future__ import annotations

import hashlib
import json
import zlib

import httpx
import pytest
from dagster._serdes import deserialize_value, pack_value
from dagster_cloud.api.dagster_cloud_api import (
    CheckSnapshotResult,
    DagsterCloudCodeLocationUpdateResult,
    DagsterCloudUploadWorkspaceEntry,
    FileFormat,
    SnapshotType,
    StoredSnapshot,
)
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes import serialize_value

from dagstead.control.actor import SYSTEM
from dagstead.control.snapshots import Snapshots
from dagstead.errors import BlobNotFoundError
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.deployments import Branch
from dagstead.plane.secrets import SecretKind, SecretTarget
from dagstead.plane.tokens import Grant, TokenKind
from tests.support.releases import deploy, new_location
from tests.unit.agent_api.conftest import Wire

QUERY = """query($l: String) {
  scopedSecrets(locationName: $l) { secretName secretValue locationNames }
}"""


def asked(
    wire: Wire, name: str, location: str | None, caller: dict[str, str] | None = None
) -> dict[str, str]:
    """What an agent's code gets."""
    answer = wire.call(
        "POST",
        "/graphql",
        json={"query": QUERY, "variables": {"l": location}},
        headers={**(caller or {}), "Dagster-Cloud-Deployment": name},
    ).json()
    if "errors" in answer:
        pytest.fail(str(answer["errors"]))
    found = answer["data"]["scopedSecrets"]
    assert len({each["secretName"] for each in found}) == len(found)
    return {each["secretName"]: each["secretValue"] for each in found}


@pytest.fixture
def preview(wire: Wire) -> str:
    """A branch deployment of prod."""
    branch = Branch(repo_name="shop", branch_name="secrets")
    return wire.store.deployments.create_or_update_branch(branch, base="prod").name


def test_agents_get_them_by_deployment_and_location(wire: Wire, preview: str) -> None:
    def put(value: str, **target: object) -> None:
        wire.control.secrets.set(SYSTEM, "KEY", value, SecretTarget(**target))  # type: ignore[arg-type]

    given = {"GIVEN": "of the environment"}
    assert asked(wire, "prod", "weather") == given
    assert asked(wire, preview, "weather") == {}
    put("all")
    put("prod", deployment="prod")
    put("weather", locations=frozenset({"weather"}))
    put("people", kinds=frozenset({SecretKind.LOCAL}))
    assert asked(wire, "staging", None) == {**given, "KEY": "all"}
    assert asked(wire, "prod", None) == {**given, "KEY": "prod"}
    assert asked(wire, "prod", "digits") == {**given, "KEY": "prod"}
    assert asked(wire, "prod", "weather") == {**given, "KEY": "weather"}
    assert asked(wire, preview, "weather") == {}
    put("branches", kinds=frozenset({SecretKind.BRANCHES}), deployment="prod")
    assert asked(wire, preview, "weather") == {"KEY": "branches"}
    put("preview", deployment=preview)
    assert asked(wire, preview, "weather") == {"KEY": "preview"}
    assert asked(wire, "prod", None) == {**given, "KEY": "prod"}


def test_a_secret_of_the_store_replaces_one_of_the_environment(wire: Wire) -> None:
    wire.control.secrets.set(SYSTEM, "GIVEN", "stored", SecretTarget(deployment="staging"))
    assert asked(wire, "staging", None)["GIVEN"] == "stored"
    assert asked(wire, "prod", None)["GIVEN"] == "of the environment"


def test_a_change_is_there_for_the_next_code_server(wire: Wire) -> None:
    for value in ("one", "two"):
        wire.control.secrets.set(SYSTEM, "CHANGING", value, SecretTarget(deployment="prod"))
        assert asked(wire, "prod", "weather")["CHANGING"] == value
    wire.control.secrets.remove(SYSTEM, "CHANGING", SecretTarget(deployment="prod"))
    assert "CHANGING" not in asked(wire, "prod", "weather")


def test_an_agent_for_one_queue_gets_no_secret_of_another(wire: Wire) -> None:
    wire.store.deployments.set_settings("prod", {"releases": {"unserved_queue": "wait"}})
    deploy(wire.store, "prod", [new_location("gpu_loc", "1", queue="gpu")])
    deploy(wire.store, "prod", [new_location("cpu_loc", "1", queue="cpu")])
    target = SecretTarget(deployment="prod", locations=frozenset({"gpu_loc", "later"}))
    wire.control.secrets.set(SYSTEM, "GPU_KEY", "hunter2", target)
    cpu = dict(wire.token(TokenKind.AGENT, Grant(queues=["cpu"])))
    gpu = dict(wire.token(TokenKind.AGENT, Grant(queues=["gpu"])))
    assert asked(wire, "prod", "gpu_loc", gpu)["GPU_KEY"] == "hunter2"
    for location in ("cpu_loc", None):
        assert "GPU_KEY" not in asked(wire, "prod", location, cpu)
    for location in ("gpu_loc", "later"):
        body = {"query": QUERY, "variables": {"l": location}}
        refused = wire.call("POST", "/graphql", json=body, headers=cpu)
        assert "hunter2" not in refused.text
        assert f"may not serve location '{location}'" in refused.text


def test_an_error_that_quotes_a_secret_is_stored_without_it(wire: Wire) -> None:
    target = SecretTarget(deployment="staging", locations=frozenset({"quoting"}))
    wire.control.secrets.set(SYSTEM, "QUOTED", "hunter2-hunter2", target)
    wire.store.deployments.set_settings("staging", {"releases": {"unserved_queue": "wait"}})
    (row,) = deploy(wire.store, "staging", [new_location("quoting", "1")])
    entry = DagsterCloudUploadWorkspaceEntry(
        location_name="quoting",
        code_location_deploy_data=CodeLocationDeployData(
            python_file="m.py", cloud_context_env={"DAGSTEAD_DEPLOY_ID": row.deploy_id}
        ),
        upload_location_data=None,
        serialized_error_info=SerializableErrorInfo(
            message="ValueError: invalid literal for int() with base 10: 'hunter2-hunter2'",
            stack=["  port = int('hunter2-hunter2')\n"],
            cls_name="ValueError",
        ),
    )
    answer = wire.call(
        "PUT",
        "/upload_workspace_entry",
        files={"workspace_entry.tmp": zlib.compress(serialize_value(entry).encode())},
        headers={"Dagster-Cloud-Deployment": "staging"},
    )
    assert answer.status_code == 200, answer.text
    error = wire.store.locations.get("staging", "quoting").error or ""
    assert "invalid literal for int() with base 10: '***'" in error
    assert "hunter2" not in error


def test_an_error_by_reference_is_stored_without_it_and_reported_again(wire: Wire) -> None:
    """The agent sends a result again whose answer got lost."""
    target = SecretTarget(deployment="staging", locations=frozenset({"referring"}))
    wire.control.secrets.set(SYSTEM, "REFERRED", "hunter3-hunter3", target)
    wire.store.deployments.set_settings("staging", {"releases": {"unserved_queue": "wait"}})
    deploy(wire.store, "staging", [new_location("referring", "1")])
    error = serialize_value(SerializableErrorInfo("no hunter3-hunter3", [], "ValueError"))
    sha1 = hashlib.sha1(error.encode(), usedforsecurity=False).hexdigest()
    there = {"Dagster-Cloud-Deployment": "staging"}
    query = {"type": SnapshotType.ERROR, "sha1": sha1, "formats": FileFormat.GZIPPED_JSON}

    def offered() -> CheckSnapshotResult:
        answer = wire.call("GET", "/check_snapshot", params=query, headers=there)
        return deserialize_value(answer.text, CheckSnapshotResult)

    # Two agents ask before one of them has sent it.
    uploads = [upload for upload in (offered().upload_data, offered().upload_data) if upload]
    assert len(uploads) == 2
    for upload in uploads:
        sent = zlib.compress(error.encode())
        httpx.put(upload.presigned_put_url, content=sent, trust_env=False).raise_for_status()
    snapshots = Snapshots(wire.store.blobs, "staging")
    for upload in uploads:
        body = json.dumps(pack_value(upload))
        assert wire.call("PUT", "/confirm_upload", content=body, headers=there).is_success
        result = DagsterCloudCodeLocationUpdateResult(
            location_name="referring",
            manifest=None,
            error_snapshot=StoredSnapshot(sha1=sha1, format="json", uri="", decompressed_size=1),
        )
        body = json.dumps(pack_value(result))
        path = "/code_location_update_result"
        answer = wire.call("PUT", path, content=body, headers=there)
        assert answer.status_code == 200, answer.text
        assert "no ***" in snapshots.read(SnapshotType.ERROR, sha1)
        assert "no ***" in (wire.store.locations.get("staging", "referring").error or "")
    assert offered().stored_snapshot is not None
    with pytest.raises(BlobNotFoundError):
        wire.store.blobs.get(BlobKey(BlobKind.SNAPSHOT, "staging", f"uploads/{uploads[1].id}"))
