"""Uploaded files that are damaged, huge, of another class, or about nothing."""

from __future__ import annotations

import zlib

import pytest
from dagster._serdes import unpack_value
from dagster_cloud.api.dagster_cloud_api import FileFormat, StoredSnapshot

from dagstead.plane.locations import LoadState, NewLocation
from dagstead.plane.tokens import Grant, TokenKind
from tests.support.releases import deploy
from tests.unit.agent_api.conftest import Wire
from tests.unit.agent_api.refusals import (
    OTHER_CLASS,
    SHA1,
    UNKNOWN_CLASS,
    failure,
    manifest,
    refused,
    upload_data,
)

FILE_PATHS = [
    ("PUT", "/upload_workspace_entry", "workspace_entry.tmp"),
    ("PUT", "/upload_job_snapshot", "job.tmp"),
    ("PUT", "/upload_api_response", "api_response.tmp"),
    ("PUT", "/upload_api_response", "api_response_batch.tmp"),
    ("POST", "/store_events", "store_events.tmp"),
]

WORKSPACE_ENTRY_WITHOUT_RESULT = (
    '{"__class__": "DagsterCloudUploadWorkspaceEntry", "location_name": "x",'
    ' "deployment_metadata": null, "upload_location_data": null, "serialized_error_info": null}'
)


MALFORMED_FILES = {
    "empty": b"",
    "not compressed": b"not zlib",
    "cut off": zlib.compress(b"cut off " * 1000)[:20],
    "of nothing": zlib.compress(b""),
    "no text": zlib.compress(b"\xff\xfe\xff"),
    "no JSON": zlib.compress(b"no JSON"),
    "too deep": zlib.compress(b"[" * 100_000),
    "null": zlib.compress(b"null"),
    "a list": zlib.compress(b"[]"),
    "an unknown class": zlib.compress(UNKNOWN_CLASS.encode()),
    "another class": zlib.compress(OTHER_CLASS.encode()),
    "an entry of nothing": zlib.compress(WORKSPACE_ENTRY_WITHOUT_RESULT.encode()),
    "events of a number": zlib.compress(
        b'{"__class__": "StoreEventBatchRequest", "event_log_entries": 3}'
    ),
    "events of numbers": zlib.compress(
        b'{"__class__": "StoreEventBatchRequest", "event_log_entries": [3]}'
    ),
    "answers of nothing": zlib.compress(
        b'{"__class__": "BatchDagsterCloudUploadApiResponse", "batch": [null]}'
    ),
}


@pytest.mark.parametrize(("method", "path", "name"), FILE_PATHS)
@pytest.mark.parametrize("content", MALFORMED_FILES.values(), ids=MALFORMED_FILES)
def test_a_malformed_file(wire: Wire, method: str, path: str, name: str, content: bytes) -> None:
    refused(wire.call(method, path, files={name: content}))


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A small file that unpacks to a huge one."""
    packer = zlib.compressobj()
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush, what was packed once may stand there many times.
    block = packer.compress(b"\0" * (16 * 1024 * 1024)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + 17 * block


@pytest.mark.parametrize(("method", "path", "name"), FILE_PATHS)
def test_a_small_file_that_unpacks_to_a_huge_one(
    wire: Wire, method: str, path: str, name: str, bomb: bytes
) -> None:
    message = refused(wire.call(method, path, files={name: bomb}), 413)
    assert "may have at most" in message
    assert "MiB unpacked" in message


@pytest.mark.parametrize(("method", "path", "name"), FILE_PATHS[::4])
@pytest.mark.parametrize("text", [b"[],", b'{"a":1},', b"[[["])
def test_a_file_of_the_allowed_size_that_needs_much_memory_to_be_read(
    wire: Wire, method: str, path: str, name: str, text: bytes
) -> None:
    content = zlib.compress(text * (19_000_000 // len(text)), 1)
    message = refused(wire.call(method, path, files={name: content}), 413)
    assert "MiB when they are read" in message


@pytest.mark.parametrize(("method", "path", "name"), FILE_PATHS)
def test_a_malformed_form(wire: Wire, method: str, path: str, name: str) -> None:
    form = {"content-type": "multipart/form-data; boundary=x"}
    refused(wire.call(method, path, files={"another.tmp": zlib.compress(b"{}")}))
    refused(wire.call(method, path, data={name: "a text and no file"}))
    refused(wire.call(method, path, content=b"no form at all"))
    refused(wire.call(method, path, content=b"", headers=form))
    refused(wire.call(method, path, content=b"--x\r\nno header\r\n", headers=form))
    refused(wire.call(method, path, content=b"--y--", headers=form))
    without_boundary = {"content-type": "multipart/form-data"}
    refused(wire.call(method, path, content=b"--x--", headers=without_boundary))


@pytest.mark.parametrize(("method", "path", "name"), FILE_PATHS)
def test_a_body_above_the_limit(wire: Wire, method: str, path: str, name: str) -> None:
    answer = wire.call(method, path, files={name: b"x" * (2 * 1024 * 1024)})
    assert "larger than 1 MiB" in refused(answer, 413)


def test_events_of_no_run_are_refused_and_not_kept(wire: Wire) -> None:
    entry = (
        '{"__class__": "EventLogEntry", "error_info": null, "level": 20, "user_message": "m",'
        ' "run_id": "no-such-run", "timestamp": 1.0, "step_key": null, "job_name": null,'
        ' "dagster_event": null}'
    )
    head = '{"__class__": "StoreEventBatchRequest", "event_log_entries": ['
    batch = head + entry + "]}"
    answer = wire.call(
        "POST",
        "/store_events",
        files={"store_events.tmp": zlib.compress(batch.encode())},
        headers={"Idempotency-Key": "x" * 5000},
    )
    assert answer.status_code < 500, answer.text


def test_an_answer_that_nobody_waits_for_is_dropped(wire: Wire) -> None:
    """A late or repeated answer is no mistake of the agent: an error would be sent again."""
    answer = (
        '{"__class__": "DagsterCloudUploadApiResponse", "request_id": "no-such-request",'
        ' "request_api": "LAUNCH_RUN",'
        ' "response": {"__class__": "DagsterCloudApiSuccess"}}'
    )
    sent = wire.call(
        "PUT",
        "/upload_api_response",
        files={"api_response.tmp": zlib.compress(answer.encode())},
    )
    assert (sent.status_code, sent.json()) == (200, {})


def test_definitions_that_are_none_do_not_replace_the_location(wire: Wire) -> None:
    deploy(
        wire.store,
        "prod",
        [NewLocation(name="a location", document={}, deploy_data="", deploy_id="1", queue=None)],
    )
    for kind in ("error", "repository"):
        data = upload_data(wire, kind=kind, text=b"no definitions")
        wire.client.put(data["presigned_put_url"], content=zlib.compress(b"no definitions"))
        confirmed = wire.call("PUT", "/confirm_upload", json=data)
        assert confirmed.status_code == 200
        stored = unpack_value(confirmed.json()["stored_snapshot"], StoredSnapshot)
        result = failure(stored) if kind == "error" else manifest(stored)
        message = refused(wire.call("PUT", "/code_location_update_result", json=result))
        assert "upgrade the server" in message
    assert wire.store.locations.get("prod", "a location").state is LoadState.LOADING
    user = wire.token(TokenKind.USER, Grant())
    query = "{ workspaceOrError { __typename } }"
    shown = wire.client.post("/prod/graphql", json={"query": query}, headers=user)
    assert shown.json()["data"]["workspaceOrError"]["__typename"] == "Workspace"


def test_results_that_name_what_was_never_uploaded(wire: Wire) -> None:
    never = StoredSnapshot(sha1=SHA1, format=FileFormat.GZIPPED_JSON, uri="x", decompressed_size=1)
    for result in (failure(never), manifest(never)):
        message = refused(wire.call("PUT", "/code_location_update_result", json=result))
        assert "never uploaded" in message


def test_an_upload_that_is_no_text_is_not_confirmed(wire: Wire) -> None:
    data = upload_data(wire, kind="error", text=b"\xff\xfe")
    wire.client.put(data["presigned_put_url"], content=zlib.compress(b"\xff\xfe"))
    assert "not UTF-8" in refused(wire.call("PUT", "/confirm_upload", json=data))
