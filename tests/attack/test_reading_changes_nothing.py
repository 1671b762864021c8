"""Whoever only asks to see something changes nothing: every address, by every safe method."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from dagstead.plane.tokens import TokenKind
from dagstead.store.tables import metadata, refused_callers, token_calls, trail, trail_head
from tests.support.browsers import OPENED, own_page, sign_in
from tests.support.routes import every_call
from tests.unit.server.conftest import Plane

#: Noted when a token is used, for people.
USED = {"last_used_at", "used_from"}


def stored(plane: Plane) -> dict[str, Any]:
    """All rows and files, beside when a token was heard of, and what was refused."""
    found: dict[str, Any] = {}
    with plane.store.database.read() as connection:
        for table in metadata.sorted_tables:
            if table not in {refused_callers, token_calls, trail, trail_head}:
                columns = [each for each in table.columns if each.name not in USED]
                found[table.name] = sorted(map(repr, connection.execute(select(*columns))))
    found["files"] = sorted(plane.store.blobs.all(), key=repr)
    return found


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("caller", ["a user", "an agent", "a browser", "a link"])
def test_a_safe_method_changes_nothing(
    plane: Plane, client: httpx.Client, caller: str, method: str
) -> None:
    headers: dict[str, str] = {}
    if caller in {"a browser", "a link"}:
        sign_in(client, plane.token(TokenKind.USER)[1])
        headers = own_page(client) if caller == "a browser" else OPENED
    else:
        kind = TokenKind.USER if caller == "a user" else TokenKind.AGENT
        headers = dict(plane.headers(kind))
    before = stored(plane)
    for path in sorted({path for _, path in every_call(plane.app)}):
        for query in ("", "?token=x&link=x&name=x&replaces=1&query={version}"):
            client.request(method, path + query, headers=headers)
    assert stored(plane) == before
    if caller == "a browser" and method == "GET":
        # Not even the session, at its own addresses.
        assert client.get("/prod/server_info", headers=headers).status_code == 200
