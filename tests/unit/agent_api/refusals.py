"""Wrong things to send, and what a refusal of them looks like."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
from dagster._core.code_pointer import ModuleCodePointer
from dagster._serdes import pack_value, serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudCodeLocationManifest,
    DagsterCloudCodeLocationUpdateResult,
    DagsterCloudRepositoryManifest,
    StoredSnapshot,
)
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.error import SerializableErrorInfo

from tests.unit.agent_api.conftest import Wire

#: A value of the official packages that none of the endpoints takes.
OTHER_CLASS = serialize_value(SerializableErrorInfo(message="m", stack=[], cls_name=None))
UNKNOWN_CLASS = '{"__class__": "NoSuchClassAnywhere", "field": 1}'

SHA1 = "0123456789abcdef0123456789abcdef01234567"

PATH_TRICKS = [
    "../../etc/passwd",
    "..",
    "/etc/passwd",
    "a/../../b",
    "a//b",
    "a\\..\\b",
    "%2e%2e/%2e%2e/etc",
    "a\0b",
    "a\nb",
    "./a",
    "",
    "~root",
    "é",
    "x" * 5000,
]


def shown(value: object) -> str:
    """A name for a case that fits on a line."""
    return repr(value)[:50]


def refused(answer: httpx.Response, *statuses: int) -> str:
    """The sentence of a refusal in the agents' form, after checking that form."""
    assert answer.status_code in (statuses or {400}), answer.text
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text
    body = answer.json()
    message: str = body["errors"][0]["message"] if "errors" in body else body["error"]
    assert message
    return message


def upload_data(
    wire: Wire, *, kind: str = "job", text: bytes = b"a snapshot", size: str = "10"
) -> dict[str, Any]:
    sha1 = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    query = {"type": kind, "sha1": sha1, "size": size, "formats": ["json.gz", "json"]}
    answer = wire.call("GET", "/check_snapshot", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["upload_data"] or answer.json()
    return found


def manifest(stored: StoredSnapshot) -> Any:
    """The result of a load whose one repository is that snapshot."""
    return pack_value(
        DagsterCloudCodeLocationUpdateResult(
            location_name="a location",
            manifest=DagsterCloudCodeLocationManifest(
                repositories=[
                    DagsterCloudRepositoryManifest(
                        name="__repository__",
                        code_pointer=ModuleCodePointer("m", "f", None),
                        stored_snapshot=stored,
                    )
                ],
                container_image=None,
                executable_path=None,
                dagster_library_versions=None,
                code_location_deploy_data=CodeLocationDeployData(module_name="m"),
            ),
            error_snapshot=None,
        )
    )


def failure(stored: StoredSnapshot) -> Any:
    """The result of a load that failed with that error."""
    return pack_value(
        DagsterCloudCodeLocationUpdateResult(
            location_name="a location", manifest=None, error_snapshot=stored
        )
    )
