"""``/server_log``: the managed pool's agent sends the last lines that a code server printed.

This is an operation of ours: official agents keep what their code servers print to themselves.
"""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.responses import JSONResponse, Response

from dagstead.agent_api.rest import Payload
from dagstead.agent_api.services import Caller
from dagstead.errors import InvalidInputError
from dagstead.model.server_logs import MOST_LINES
from dagstead.plane.names import ID_MAX, NAME_MAX
from dagstead.plane.server_logs import ServerLog


class _Sent(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    location: str = Field(min_length=1, max_length=NAME_MAX)
    server: str = Field(min_length=1, max_length=ID_MAX)
    started_at: float = Field(ge=0, allow_inf_nan=False)
    ended_at: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    lines: list[str] = Field(max_length=MOST_LINES)
    is_cut: bool


def take_server_log(caller: Caller, payload: Payload) -> Response:
    """``PUT /server_log``: what a code server of the call's deployment printed last.

    Lines are masked before they are cut, so that no part of a secret is left.
    """
    try:
        sent = _Sent.model_validate_json(payload.body)
    except ValidationError as error:
        raise InvalidInputError(
            "The body is not what this server expects of a managed pool. Run the pool and the "
            "server in the same version."
        ) from error
    caller.actor.require_pool(caller.deployment)
    masked = caller.control.secrets.mask(
        caller.actor,
        caller.deployment,
        sent.location,
        json.dumps(sent.lines),
        caller.services.secrets,
    )
    log = ServerLog(
        server=sent.server,
        started_at=sent.started_at,
        ended_at=sent.ended_at,
        lines=json.loads(masked),
        is_cut=sent.is_cut,
    )
    kept = caller.control.server_logs.take(caller.actor, caller.deployment, sent.location, log)
    return JSONResponse({"kept": kept})
