from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.tokens import TokenKind
from dagstead.server.services import control_of
from tests.unit.server.conftest import Plane

RUNS = {"query": "{ runsOrError { ... on Runs { count } ... on PythonError { message } } }"}


def test_a_deployment_made_anew_has_nothing_of_the_one_before(
    plane: Plane, client: httpx.Client
) -> None:
    """It is removed by a command, which is another process than the server."""
    headers = plane.headers(TokenKind.USER)

    def ask() -> httpx.Response:
        return client.post("/short-lived/graphql", json=RUNS, headers=headers)

    plane.store.deployments.create("short-lived")
    files = [BlobKey(kind, "short-lived", "file") for kind in BlobKind if kind is not BlobKind.PEX]
    for each in files:
        plane.store.blobs.put(each, b"kept")
    assert ask().json() == {"data": {"runsOrError": {"count": 0}}}
    home = plane.settings.data / "deployments" / "short-lived"
    assert home.exists()

    with control_of(plane.settings, plane.store) as control:
        deployment = control.deployments.named(COMMAND_LINE, "short-lived")
        control.deployments.delete(COMMAND_LINE, deployment)
    assert ask().status_code == 404
    assert not home.exists()
    assert [plane.store.blobs.size(each) for each in files] == [None] * len(files)

    plane.clock.advance(1)
    plane.store.deployments.create("short-lived")
    assert ask().json() == {"data": {"runsOrError": {"count": 0}}}
    assert home.exists()


@pytest.mark.parametrize("named", [True, False])
def test_a_deployment_that_is_removed_while_it_is_asked(
    plane: Plane,
    client: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    named: bool,
) -> None:
    create = DeploymentWorkspace.create_request_context

    def removed_before(workspace: DeploymentWorkspace, source: Any) -> Any:
        plane.store.deployments.delete("doomed")
        return create(workspace, source)

    monkeypatch.setattr(DeploymentWorkspace, "create_request_context", removed_before)
    plane.store.deployments.create("doomed")
    headers = {**plane.headers(TokenKind.USER), "Dagster-Cloud-Deployment": "doomed"}

    answer = client.post("/doomed/graphql" if named else "/graphql", json=RUNS, headers=headers)

    assert answer.status_code == 404
    assert "There is no deployment 'doomed'" in answer.json()["errors"][0]["message"]
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize("path", ["/", "/locations"])
def test_an_address_without_a_deployment_leads_to_the_first_one(
    plane: Plane, client: httpx.Client, path: str
) -> None:
    answer = client.get(path, headers=plane.headers(TokenKind.USER), follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/prod{path}")
