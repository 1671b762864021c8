"""Checks the form of a GraphQL request before open-source Dagster reads it.

Its web server takes the body as it comes and fails inside on one that is JSON but no request.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.types import Message, Receive

from dagstead.errors import InvalidInputError

_JSON = "application/json"


async def checked_body(request: Request) -> Receive:
    """Read and check the body; returns a ``receive`` that gives it once more.

    Raises:
        InvalidInputError: with a sentence on what is wrong.
    """
    body = await request.body()
    if _JSON in request.headers.get("content-type", ""):
        _check(_parsed(body))
    else:
        _decoded(body)

    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await request.receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(_decoded(body))
    except (ValueError, RecursionError) as error:
        msg = f"The body is no JSON: {error}."
        raise InvalidInputError(msg) from error


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        msg = "The body is no UTF-8 text."
        raise InvalidInputError(msg) from error


def _check(value: object) -> None:
    if not isinstance(value, dict):
        msg = "A GraphQL request is one JSON object with 'query' and, if any, 'variables'."
        raise InvalidInputError(msg)
    if not isinstance(value.get("query"), str):
        msg = "The request has no text under 'query'."
        raise InvalidInputError(msg)
    if not isinstance(value.get("variables") or {}, dict):
        msg = "'variables' must be an object."
        raise InvalidInputError(msg)
    if not isinstance(value.get("operationName") or "", str):
        msg = "'operationName' must be text."
        raise InvalidInputError(msg)
