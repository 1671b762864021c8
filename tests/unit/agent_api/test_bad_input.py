"""What is wrong with a call is said in a sentence: no 5xx, no stack, nothing kept of it."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from dagstead.plane.tokens import Grant, TokenKind
from tests.unit.agent_api.conftest import Wire
from tests.unit.agent_api.refusals import (
    OTHER_CLASS,
    PATH_TRICKS,
    SHA1,
    UNKNOWN_CLASS,
    refused,
    shown,
    upload_data,
)

JSON_PATHS = [
    ("PUT", "/confirm_upload"),
    ("PUT", "/code_location_update_result"),
    ("POST", "/gen_artifact_get"),
    ("POST", "/gen_artifact_post"),
    ("POST", "/prod/gen_artifact_get"),
    ("POST", "/prod/gen_artifact_post"),
]


@pytest.mark.parametrize(("method", "path"), JSON_PATHS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b"3",
        b'"text"',
        b"[" * 100_000,
        b'{"a": ' * 20_000,
        b'{"key": null}',
        b'{"key": 3}',
        b'{"key": ["a"]}',
        UNKNOWN_CLASS.encode(),
        OTHER_CLASS.encode(),
        b'{"__class__": "SnapshotUploadData"}',
        b'{"__class__": "SnapshotUploadData", "sha1": 3, "format": {}, "uri": [], "id": null}',
        b'{"__class__": "DagsterCloudCodeLocationUpdateResult", "location_name": "x"}',
    ],
    ids=shown,
)
def test_a_malformed_body(wire: Wire, method: str, path: str, content: bytes) -> None:
    refused(wire.call(method, path, content=content))


def test_an_upload_that_never_came_is_not_confirmed(wire: Wire) -> None:
    message = refused(wire.call("PUT", "/confirm_upload", json=upload_data(wire)))
    assert "never uploaded" in message


def test_an_upload_of_another_text_is_not_confirmed(wire: Wire) -> None:
    data = upload_data(wire)
    wire.client.put(data["presigned_put_url"], content=zlib.compress(b"another text"))
    message = refused(wire.call("PUT", "/confirm_upload", json=data))
    assert "does not have the SHA-1" in message


def test_an_upload_that_is_not_compressed_is_not_confirmed(wire: Wire) -> None:
    data = upload_data(wire)
    wire.client.put(data["presigned_put_url"], content=b"plain")
    message = refused(wire.call("PUT", "/confirm_upload", json=data))
    assert "zlib" in message


@pytest.mark.parametrize("trick", PATH_TRICKS, ids=shown)
def test_an_upload_cannot_be_confirmed_from_elsewhere(wire: Wire, trick: str) -> None:
    data = {**upload_data(wire), "id": trick}
    refused(wire.call("PUT", "/confirm_upload", json=data))


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/check_snapshot", "'type' is missing"),
        ("/check_snapshot?type=job", "'sha1' is missing"),
        (f"/check_snapshot?type=nothing&sha1={SHA1}", "not a kind of snapshot"),
        ("/check_snapshot?type=job&sha1=../../etc/passwd", "is not a SHA-1"),
        ("/check_snapshot?type=job&sha1=", "is not a SHA-1"),
        ("/gen_logs_url", "'run_id' is missing"),
        ("/gen_logs_url?log_key=a&log_key=b", "'io_type' is missing"),
        ("/gen_logs_url?log_key=a&io_type=stdall", "io_type"),
        ("/gen_logs_url?run_id=a&io_type=stdout", "'key' is missing"),
    ],
)
def test_a_query_without_what_it_needs(wire: Wire, path: str, what: str) -> None:
    assert what in refused(wire.call("GET", path))


def test_a_size_that_is_no_number(wire: Wire) -> None:
    text = "definitions"
    for size in ("many", "", "-1", "9" * 5000):
        data = upload_data(wire, text=text.encode(), size=size)
        assert "presigned_put_url" in data


#: As one part of a log's key these are odd names of a folder, and no more.
HARMLESS_IN_LOG_KEYS = {"a\nb", "~root", "é"}


@pytest.mark.parametrize("trick", sorted({*PATH_TRICKS} - HARMLESS_IN_LOG_KEYS), ids=shown)
def test_a_log_key_cannot_leave_its_folder(wire: Wire, trick: str) -> None:
    params = [("log_key", "run"), ("log_key", trick), ("io_type", "stdout")]
    refused(wire.call("GET", "/gen_logs_url", params=params))


@pytest.mark.parametrize("path", ["/gen_artifact_get", "/gen_artifact_post"])
@pytest.mark.parametrize("trick", PATH_TRICKS, ids=shown)
def test_an_artifact_key_cannot_leave_its_folder(wire: Wire, path: str, trick: str) -> None:
    message = refused(wire.call("POST", path, json={"key": trick}))
    assert "key" in message or "U+0000" in message


@pytest.mark.parametrize("trick", PATH_TRICKS, ids=shown)
def test_an_artifact_key_of_a_pex_cannot_leave_its_folder(wire: Wire, trick: str) -> None:
    organization = {"Dagster-Cloud-Deployment": ""}
    answer = wire.call(
        "POST", "/gen_artifact_get", json={"key": f"pex/{trick}"}, headers=organization
    )
    refused(answer)


def test_an_artifact_that_is_not_there(wire: Wire) -> None:
    message = refused(wire.call("POST", "/gen_artifact_get", json={"key": "a"}), 404)
    assert "'a'" in message


CALLS_ON_A_DEPLOYMENT = [
    ("GET", f"/check_snapshot?type=job&sha1={SHA1}", {}),
    ("GET", "/gen_logs_url?log_key=a&log_key=b&io_type=stdout", {}),
    ("POST", "/gen_artifact_get", {"json": {"key": "a"}}),
    ("POST", "/gen_artifact_post", {"json": {"key": "a"}}),
    (
        "PUT",
        "/upload_job_snapshot",
        {"files": {"job.tmp": zlib.compress(b"{}")}},
    ),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS_ON_A_DEPLOYMENT, ids=shown)
@pytest.mark.parametrize(
    "name",
    ["nowhere", "../prod", "PROD", "prod/../staging", "x" * 3000, "prod;drop", "%70rod"],
    ids=shown,
)
def test_an_unknown_deployment(
    wire: Wire, method: str, path: str, body: dict[str, Any], name: str
) -> None:
    answer = wire.call(method, path, headers={"Dagster-Cloud-Deployment": name}, **body)
    assert answer.status_code in {400, 404}
    refused(answer, 400, 404)


@pytest.mark.parametrize(("method", "path", "body"), CALLS_ON_A_DEPLOYMENT, ids=shown)
def test_a_deployment_that_the_token_does_not_grant(
    wire: Wire, method: str, path: str, body: dict[str, Any]
) -> None:
    limited = wire.token(TokenKind.AGENT, Grant(deployments={"staging"}))
    message = refused(wire.client.request(method, path, headers=limited, **body), 403)
    assert "prod" in message
    assert "staging" in message


@pytest.mark.parametrize(
    "path",
    ["/..%2f..%2fetc/graphql", "/%00/graphql", "/PROD/graphql", f"/{'x' * 3000}/"],
    ids=shown,
)
def test_a_path_trick_in_a_deployment_name(wire: Wire, path: str) -> None:
    user = wire.token(TokenKind.USER, Grant())
    answer = wire.client.get(path, headers={**user, "Dagster-Cloud-Deployment": ""})
    assert answer.status_code in {400, 404}
    assert "Traceback" not in answer.text
