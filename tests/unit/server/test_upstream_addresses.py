"""Addresses of open-source Dagster's web server that are neither pages nor GraphQL."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest

from dagstead.plane.roles import Role, Roles
from dagstead.plane.tokens import Grant, TokenKind
from tests.unit.server.conftest import Plane

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "path",
    [
        "/logs/x",
        "/logs/x/y",
        "/logs/",
        "/logs/%2e%2e/a/b.err",
        "/logs/..%2f..%2fetc/passwd",
        "/logs/a/../../../etc/passwd.err",
        "/logs/run/compute_logs/none.err",
        "/logs/run//none.err",
        "/logs/" + "x" * 5000 + "/y/out",
        "/logs/a/b/c.exe",
        "/download_debug/none",
        "/download_debug/%F0%9F%98%80",
        "/notebook",
        "/notebook?path=x.ipynb",
        "/dagit/notebook?repoLocName=x",
    ],
)
def test_what_is_not_there_is_not_found(
    plane: Plane, client: httpx.Client, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get(f"/prod{path}", headers=plane.headers(TokenKind.USER))

    assert answer.status_code in {404, 400}, answer.text
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


KINDS = ["materialization", "check", "observation"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/a", b"no json"),
        ("/a", b"[1]"),
        ("/a", b"null"),
        ("/a", b"[" * 100_000),
        ("/", b"{}"),
        ("/", b'{"asset_key": 3}'),
        ("/", b'{"asset_key": []}'),
        ("/", b'{"asset_key": [1]}'),
        ("/", b'{"asset_key": ["a\\u0000"], "passed": true, "check_name": "c"}'),
        ("/?asset_key=x", b"{}"),
        ("/?asset_key={}", b"{}"),
        ("/?asset_key=[1]", b"{}"),
        ("///", b"{}"),
        ("/a", b'{"metadata": 3, "passed": true, "check_name": "c"}'),
        ("/a", b'{"partition": 3, "passed": true, "check_name": "c"}'),
        ("/a", b'{"data_version": {}, "description": [], "passed": true, "severity": "x"}'),
    ],
)
def test_reports_of_another_form_are_refused(
    plane: Plane,
    client: httpx.Client,
    kind: str,
    path: str,
    body: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = client.post(
        f"/prod/report_asset_{kind}{path}",
        content=body,
        headers={**plane.headers(TokenKind.USER), **JSON},
    )

    assert answer.status_code in {400, 404}, answer.text
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/a/b", {"description": "é"}),
        ("/a/b", {"metadata": {"rows": 3, "nested": {"a": [1]}}, "partition": "2024"}),
        ("/a", {"data_version": "v1", "partition": None}),
        ("/", {"asset_key": ["a", "b"]}),
        ('/?asset_key=["a"]&description=x&partition=p', {}),
        ('/a?metadata={"rows":1}', {}),
    ],
)
def test_reports_are_taken(
    plane: Plane, client: httpx.Client, kind: str, path: str, body: dict[str, Any]
) -> None:
    more: dict[str, Any] = {"passed": True, "check_name": "c"} if kind == "check" else {}

    answer = client.post(
        f"/prod/report_asset_{kind}{path}",
        content=json.dumps({**body, **more}),
        headers={**plane.headers(TokenKind.USER), **JSON},
    )

    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("kind", KINDS)
def test_the_trail_has_who_reported_what_of_which_asset(
    plane: Plane, client: httpx.Client, kind: str
) -> None:
    editor = plane.headers(TokenKind.USER, Grant(roles=Roles(default=Role.EDITOR)))
    viewer = plane.headers(TokenKind.USER, Grant(roles=Roles(default=Role.VIEWER)))
    more: dict[str, Any] = {"passed": True, "check_name": "c"} if kind == "check" else {}
    report = {"metadata": {"note": "hunter2"}, **more}
    plane.control.recorder.write_down(all_of_them=True)
    before = plane.store.trail.head().seq
    for headers, path, body in (
        (editor, "/a/b", report),
        (editor, "/", {**report, "asset_key": ["a", "b"]}),
        (editor, '/?asset_key=["a","b"]', report),
        ({**editor, "content-type": "text/plain"}, "/a/b", report),
        (viewer, "/a/b", report),
    ):
        content = json.dumps(body)
        client.post(
            f"/prod/report_asset_{kind}{path}", content=content, headers={**JSON, **headers}
        )
    plane.control.recorder.write_down(all_of_them=True)
    rows = [row.said for row in plane.store.trail.after(before, 100)]

    assert {(row["act"], row["on"]["deployment"], row["on"]["object"]) for row in rows} == {
        (f"assets.report_{kind}", "prod", "asset a/b")
    }
    assert [row["result"] for row in rows] == [*["done"] * 3, "failed", "refused"], rows
    assert "It takes the role editor" in rows[-1]["reason"]
    assert "hunter2" not in repr(rows)


@pytest.mark.parametrize("address", ["/prod/\0", "/prod/%00", "/prod/?x=%00", "/%00", "/blobs/%00"])
@pytest.mark.parametrize("kind", list(TokenKind))
def test_nul_in_an_address_is_refused(
    plane: Plane, client: httpx.Client, address: str, kind: TokenKind
) -> None:
    answer = client.get(address.replace("\0", "%00"), headers=plane.headers(kind))
    assert answer.status_code == 400
    assert "U+0000" in answer.text


@pytest.mark.parametrize("text", ["\0", "\ud800"])
def test_nul_in_values_is_refused_on_both_surfaces(
    plane: Plane, client: httpx.Client, text: str
) -> None:
    written = json.dumps(text)
    for kind, query in (
        (TokenKind.USER, "query Q($v: RunsFilter) { runsOrError(filter: $v) { __typename } }"),
        (TokenKind.AGENT, "query Q($v: String!) { runs { getRunById(runId: $v) } }"),
    ):
        value = written if kind is TokenKind.AGENT else f'{{"runIds": [{written}]}}'
        body = f'{{"query": {json.dumps(query)}, "variables": {{"v": {value}}}}}'
        answer = client.post(
            "/graphql",
            content=body,
            headers={**plane.headers(kind), **JSON, "Dagster-Cloud-Deployment": "prod"},
        )
        assert answer.status_code == 400, answer.text
        assert answer.json()["errors"]


def test_fields_of_which_nothing_is_asked_for(plane: Plane, client: httpx.Client) -> None:
    answer = client.post(
        "/graphql",
        json={"query": '{ deployments(deploymentNames: ["prod"]) }'},
        headers=plane.headers(TokenKind.AGENT),
    )
    assert answer.status_code == 200
    assert "deployments has fields: ask for some" in answer.json()["errors"][0]["message"]
