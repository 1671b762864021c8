"""From a request to a handler and from an error to the wire, the same for every REST endpoint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

from dagster._serdes import deserialize_value
from dagster_shared.serdes.serdes import PackableValue
from pydantic import JsonValue, TypeAdapter, ValidationError
from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from dagstead.agent_api.held_calls import EmptyAnswer, wait_for_something
from dagstead.agent_api.services import (
    DEPLOYMENT_HEADER,
    AgentServices,
    Audience,
    Caller,
    caller_of,
)
from dagstead.control.actor import Actor
from dagstead.control.away import raise_if_away
from dagstead.control.memory import MemoryBudget
from dagstead.control.unpacking import TextKind, unpacked_text
from dagstead.errors import (
    BusyError,
    ConflictError,
    DagsteadError,
    ForbiddenError,
    InvalidInputError,
    NoAnswerError,
    NotFoundError,
    NotOfferedError,
    StoreAwayError,
    TooLargeError,
    UnauthenticatedError,
    report_unexpected,
)
from dagstead.plane.texts import is_suspicious, require_storable_values

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=PackableValue)

_JSON_OBJECT = TypeAdapter(dict[str, JsonValue])

_STATUS: tuple[tuple[type[DagsteadError], int], ...] = (
    (TooLargeError, 413),
    (InvalidInputError, 400),
    (ConflictError, 400),
    (UnauthenticatedError, 401),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (BusyError, 429),
    (NotOfferedError, 501),
    (NoAnswerError, 504),
)


@dataclass(frozen=True, slots=True)
class Payload:
    """A request's query and body, read whole."""

    query: QueryParams
    body: bytes
    form: FormData
    files: Mapping[str, bytes]
    memory: MemoryBudget
    #: Ends with the call.
    lent: ExitStack

    def param(self, name: str) -> str:
        """A required query parameter."""
        value = self.query.get(name)
        if value is None:
            msg = f"The query parameter {name!r} is missing."
            raise InvalidInputError(msg)
        return value

    def json(self, passed_over: Iterable[str] = ()) -> dict[str, JsonValue]:
        """The body as a JSON object.

        Args:
            passed_over: names whose texts may be such as cannot be stored by themselves.
        """
        try:
            read = _JSON_OBJECT.validate_json(self.body)
        except ValidationError as error:
            msg = "The body is not a JSON object."
            raise InvalidInputError(msg) from error
        if is_suspicious(self.body):
            require_storable_values(read, passed_over)
        return read

    def packed(self, as_type: type[T]) -> T:
        """The body as a serialized object of the official packages."""
        return unpack_text(self.body, as_type)

    def file(self, name: str, kind: TextKind) -> bytes:
        """The one uploaded file, unpacked from zlib; the official client names it so.

        The memory for reading it is lent to the end of the call.
        """
        if name not in self.files:
            msg = f"The upload has no file named {name!r}."
            raise InvalidInputError(msg)
        return self.lent.enter_context(unpacked_text(self.files[name], kind, self.memory))


def unpack_text(text: bytes, as_type: type[T]) -> T:
    """A serialized object of the official packages.

    Raises:
        InvalidInputError: when the text cannot be read, or holds a class that this server does not
            know.
    """
    try:
        return deserialize_value(text.decode(), as_type)
    except Exception as error:
        msg = (
            f"The upload is not a {as_type.__name__} that this server can read. "
            "If the agent is newer than the server, upgrade the server."
        )
        raise InvalidInputError(msg) from error


Handler: TypeAlias = Callable[[Caller, Payload], Response | EmptyAnswer]
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def endpoint(
    handler: Handler, services: AgentServices, audience: Audience = Audience.AGENTS
) -> Endpoint:
    """An ASGI endpoint that authorises, reads the body, and answers errors in one form.

    What is the same on all paths is left to the server: the store is away, or the caller has gone.
    """

    async def answer(request: Request) -> Response:
        loop = asyncio.get_running_loop()
        try:
            caller = caller_of(request, services, audience)
            with ExitStack() as lent:
                payload = await _read(request, services.memory, lent)
                found = await loop.run_in_executor(services.threads, handler, caller, payload)
                if isinstance(found, Response):
                    return found
                look = partial(_again, handler, caller, payload)
                return await wait_for_something(found, look, request, services)
        except (StoreAwayError, ClientDisconnect):
            raise
        except ForbiddenError as error:
            await loop.run_in_executor(services.threads, note_refusal, services, request, error)
            return error_response(error)
        except DagsteadError as error:
            return error_response(error)
        except Exception as error:  # noqa: BLE001 - every request gets an answer
            return unexpected_response(error)

    return answer


def _again(handler: Handler, caller: Caller, payload: Payload) -> Response | EmptyAnswer:
    """Call a handler for somebody who has waited."""
    caller.control.token_reader.require_valid(caller.token)
    return handler(caller, payload)


def note_refusal(services: AgentServices, request: Request, error: ForbiddenError) -> None:
    """Have the trail say that a call was refused, unless an act has done so."""
    actor = Actor.holding(request.state.token, getattr(request.state, "address", None))
    deployment = request.path_params.get("deployment") or request.headers.get(DEPLOYMENT_HEADER)
    services.control.recorder.refused(actor, "agent.call", error, deployment, request.url.path)


def error_response(error: DagsteadError) -> JSONResponse:
    """The one form of an error on this surface.

    Official clients print the body of a failed call, and read ``errors`` as final. 409 is never
    used: they retry it.
    """
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    if isinstance(error, BusyError):
        after = error.retry_after_seconds
        headers = {} if after is None else {"Retry-After": str(after)}
        # A body with `errors` would end the retries that this answer asks for.
        return JSONResponse({"message": error.message}, status, headers)
    return JSONResponse({"errors": [{"message": error.message}]}, status)


def unexpected_response(error: Exception) -> JSONResponse:
    """Answer an unexpected error: the log gets the cause, the caller a reference to it.

    Raises:
        StoreAwayError: when the error means that the store is away.
    """
    raise_if_away(error)
    sentence = report_unexpected(error, "an agent's call", logger)
    return JSONResponse({"errors": [{"message": sentence}]}, 500)


async def _read(request: Request, memory: MemoryBudget, lent: ExitStack) -> Payload:
    form = FormData()
    files: dict[str, bytes] = {}
    body = b""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        try:
            form = await request.form()
        except (MultiPartException, HTTPException) as error:
            msg = "The upload cannot be read as a multipart form."
            raise InvalidInputError(msg) from error
        try:
            for name, value in form.items():
                if isinstance(value, UploadFile):
                    files[name] = await value.read()
        finally:
            # Closing the form also closes the files that a repeated name has hidden.
            await form.close()
    else:
        body = await request.body()
    return Payload(
        query=request.query_params, body=body, form=form, files=files, memory=memory, lent=lent
    )
