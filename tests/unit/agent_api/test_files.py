"""Files at signed addresses: what is kept, and what a later upload may change."""

from __future__ import annotations

from pathlib import Path

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.organization import ORGANIZATION
from tests.unit.agent_api.conftest import Wire

LOG_KEY = ["run", "compute_logs", "abcd"]


def put(wire: Wire, key: BlobKey, content: bytes) -> None:
    wire.client.put(wire.store.blobs.sign(key, "PUT"), content=content).raise_for_status()


def upload_log(wire: Wire, content: bytes, *, partial: bool) -> None:
    query: dict[str, str | int | list[str]] = {
        "log_key": LOG_KEY,
        "io_type": "stdout",
        "size_bytes": len(content),
    }
    if partial:
        query["partial"] = "True"
    address = wire.call("GET", "/gen_logs_url", params=query).json()["url"]
    wire.client.put(address, content=content).raise_for_status()


def test_a_dependency_cache_is_renewed(wire: Wire) -> None:
    key = BlobKey(BlobKind.PEX, ORGANIZATION, "requirements-12-tag.txt")
    put(wire, key, b"first")
    put(wire, key, b"another")

    assert wire.store.blobs.get(key) == b"another"


def test_a_partial_log_that_comes_after_the_final_one_is_dropped(wire: Wire) -> None:
    upload_log(wire, b"half", partial=True)
    folder = Path(str(wire.store.blobs.store.prefix)).parent / "deployments" / "prod" / "logs"
    manager = LocalComputeLogManager(str(folder))
    assert manager.get_log_data(LOG_KEY).stdout == b"half"
    assert not manager.is_capture_complete(LOG_KEY)

    upload_log(wire, b"all of it", partial=False)
    upload_log(wire, b"half again", partial=True)

    assert manager.get_log_data(LOG_KEY).stdout == b"all of it"
    assert manager.is_capture_complete(LOG_KEY)


def test_a_version_of_state_is_written_once(wire: Wire) -> None:
    body = {"key": "__state__/tables/1"}

    def send(content: bytes) -> int:
        post = wire.call("POST", "/gen_artifact_post", json=body).json()
        return wire.client.post(post["url"], files={"file": content}).status_code

    assert send(b"first") == 204
    # The client sends it again when it has got no answer.
    assert send(b"first") == 204
    assert send(b"another") == 400
    address = wire.call("POST", "/gen_artifact_get", json=body).json()["url"]
    assert wire.client.get(address).content == b"first"


def test_an_artifact_comes_back_as_it_was_sent(wire: Wire) -> None:
    body = {"key": "dbt/manifest.json"}
    post = wire.call("POST", "/gen_artifact_post", json=body).json()
    sent = wire.client.post(post["url"], data=post["fields"], files={"file": b"{}"})
    assert sent.is_success

    address = wire.call("POST", "/gen_artifact_get", json=body).json()["url"]
    assert wire.client.get(address).content == b"{}"
    foreign = wire.call(
        "POST", "/gen_artifact_get", json=body, headers={"Dagster-Cloud-Deployment": "staging"}
    )
    assert foreign.status_code == 404
