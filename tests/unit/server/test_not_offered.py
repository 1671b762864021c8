"""Addresses that official clients call, and this control plane does not offer."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from dagstead.plane.names import RESERVED_DEPLOYMENT_NAMES
from dagstead.plane.tokens import TokenKind
from dagstead.server.not_offered import NOT_OFFERED_PATHS
from tests.unit.server.conftest import Plane

#: How the clients put an address together: ``f"{url}/gen_logs_url"``.
_CALLED = re.compile(r'\}(/[a-z]+_[a-z_]+)"')
_CLIENTS = ("dagster_cloud", "dagster_cloud_cli", "dagster_dg_cli", "dagster_rest_resources")


def called_paths() -> set[str]:
    """The paths of a control plane that the official packages call, besides GraphQL's."""
    found: set[str] = set()
    for package in _CLIENTS:
        spec = find_spec(package)
        assert spec is not None
        for folder in spec.submodule_search_locations or []:
            for file in Path(folder).rglob("*.py"):
                found.update(_CALLED.findall(file.read_text(encoding="utf-8")))
    return found


def test_every_address_that_official_clients_call_is_answered_or_refused(plane: Plane) -> None:
    served = {route.path for route in plane.app.routes if isinstance(route, Route)}

    called = called_paths()
    assert {"/gen_io_storage_url", "/remove_idp_metadata", "/upload_idp_metadata"} <= called
    assert called - served == set()
    assert {path.removeprefix("/") for path in called} - RESERVED_DEPLOYMENT_NAMES == set()


def test_only_what_clients_ask_for_is_refused() -> None:
    assert set(NOT_OFFERED_PATHS) <= called_paths()


@pytest.mark.parametrize("prefix", ["", "/dagstead"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", NOT_OFFERED_PATHS)
@pytest.mark.parametrize("kind", [TokenKind.USER, TokenKind.AGENT])
def test_it_is_refused_with_a_sentence(
    plane: Plane, client: httpx.Client, kind: TokenKind, path: str, method: str, prefix: str
) -> None:
    answer = client.request(method, f"{prefix}{path}", headers=plane.headers(kind))

    assert answer.json() == {"error": NOT_OFFERED_PATHS[path]}
    # Official clients print the text of an upload that did not succeed, but not that of an error.
    assert answer.status_code == (200 if path == "/upload_idp_metadata" else 501)


def test_nobody_reads_it_without_a_token(client: httpx.Client) -> None:
    assert client.post("/remove_idp_metadata").status_code == 401
