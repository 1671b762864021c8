"""A GraphQL request of people, the CLI or the UI: read once, for everything that checks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from graphql import DocumentNode, GraphQLError
from starlette.datastructures import QueryParams
from starlette.requests import Request

from dagstead.engine.graphql_limits import check_depth, check_values, parse_document
from dagstead.errors import InvalidInputError
from dagstead.plane.texts import is_suspicious, require_storable_values


class DocumentPlace(Enum):
    """Where a request has its document: everywhere that open-source Dagster looks for one."""

    URL = "the address"
    JSON = "a JSON body"
    TEXT = "a body of type application/graphql"


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphQLRequest:
    """What was sent, with the document parsed."""

    method: str
    place: DocumentPlace
    text: str
    #: Or why the text is not one.
    document: DocumentNode | GraphQLError
    operation_name: str | None
    variables: Mapping[str, Any]


def read_request(request: Request, body: bytes) -> GraphQLRequest:
    """Read a request whose body has arrived.

    It may take a second of CPU time: call it in a thread, not in the event loop.

    Raises:
        InvalidInputError: with a sentence on what is wrong with its form or its texts.
        TooLargeError: when it asks for more than is executed.
    """
    place = _place(request)
    fields = _FIELDS[place](request.query_params, body)
    text = fields.get("query")
    if not isinstance(text, str):
        msg = "The request has no text under 'query'."
        if place is DocumentPlace.URL:
            msg = "The request has no GraphQL document. Post JSON with the document under 'query'."
        raise InvalidInputError(msg)
    return GraphQLRequest(
        method=request.method,
        place=place,
        text=text,
        document=_document(text),
        operation_name=_operation_name(fields),
        variables=_variables(fields),
    )


def _place(request: Request) -> DocumentPlace:
    if request.method != "POST":
        return DocumentPlace.URL
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # Not as upstream, for which JSON is what has "application/json" anywhere in its type: a browser
    # lets any site send "text/plain; application/json".
    places = {"application/json": DocumentPlace.JSON, "application/graphql": DocumentPlace.TEXT}
    return places.get(media_type, DocumentPlace.URL)


def _from_address(parameters: QueryParams, _body: bytes) -> Mapping[str, Any]:
    variables = parameters.get("variables")
    if not variables:
        return parameters
    read = _json(variables, "The 'variables' in the address are")
    check_depth(read)
    if is_suspicious(variables):
        require_storable_values(read)
    return {**parameters, "variables": read}


def _from_json(_parameters: QueryParams, body: bytes) -> Mapping[str, Any]:
    check_values(body)
    fields = _json(_decoded(body), "The body is")
    check_depth(fields)
    if is_suspicious(body):
        require_storable_values(fields)
    if not isinstance(fields, dict):
        msg = "A GraphQL request is one JSON object with 'query' and, if any, 'variables'."
        raise InvalidInputError(msg)
    return fields


def _from_text(_parameters: QueryParams, body: bytes) -> Mapping[str, Any]:
    return {"query": _decoded(body)}


_FIELDS = {
    DocumentPlace.URL: _from_address,
    DocumentPlace.JSON: _from_json,
    DocumentPlace.TEXT: _from_text,
}


def _document(text: str) -> DocumentNode | GraphQLError:
    try:
        return parse_document(text)
    except GraphQLError as error:
        return error


def _operation_name(fields: Mapping[str, Any]) -> str | None:
    name = fields.get("operationName")
    if name is not None and not isinstance(name, str):
        msg = "'operationName' must be text."
        raise InvalidInputError(msg)
    return name


def _variables(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    variables = fields.get("variables") or {}
    if not isinstance(variables, dict):
        msg = "'variables' must be an object."
        raise InvalidInputError(msg)
    return variables


def _json(text: str, subject: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{subject} not JSON: {error}."
        raise InvalidInputError(msg) from error


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        msg = "The body is not UTF-8 text."
        raise InvalidInputError(msg) from error
