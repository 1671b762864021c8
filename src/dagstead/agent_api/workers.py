"""``/worker_tokens``: the managed pool's agent asks for tokens of the processes that it starts.

These are operations of ours: official agents hand their own token to user code.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.responses import JSONResponse, Response

from dagstead.agent_api.rest import Payload
from dagstead.agent_api.services import Caller
from dagstead.control.workers import NewWorker
from dagstead.errors import InvalidInputError
from dagstead.plane.names import ID_MAX, NAME_MAX
from dagstead.plane.workers import PoolCount

_NAME = Field(min_length=1, max_length=NAME_MAX)
_ID = Field(min_length=1, max_length=ID_MAX)
#: Far more than one machine runs.
_MOST = 100_000


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


B = TypeVar("B", bound=_Body)


class _NewWorker(_Body):
    """A process that is about to be started."""

    agent_id: str = _ID
    location: str = _NAME
    run_id: str | None = Field(default=None, min_length=1, max_length=ID_MAX)
    launch: int | None = Field(default=None, ge=1, lt=2**31)


class _Running(_Body):
    """What runs of a pool."""

    agent_ids: list[str] = Field(max_length=_MOST)
    running: list[int] = Field(max_length=_MOST)
    ended: list[int] = Field(default=[], max_length=_MOST)


def mint_worker_token(caller: Caller, payload: Payload) -> Response:
    """``POST /worker_tokens``: a token for a process of the call's deployment."""
    asked = _read(payload, _NewWorker)
    new = NewWorker(
        agent_id=asked.agent_id, location=asked.location, run_id=asked.run_id, launch=asked.launch
    )
    issued = caller.control.workers.mint(
        caller.actor, caller.deployment, new, caller.services.organization
    )
    return JSONResponse({"id": issued.id, "token": issued.secret})


def keep_worker_tokens(caller: Caller, payload: Payload) -> Response:
    """``PUT /worker_tokens``: the tokens of what runs live on, others of the pool end."""
    asked = _read(payload, _Running)
    count = PoolCount(agent_ids=asked.agent_ids, running=asked.running, ended=asked.ended)
    ended = caller.control.workers.keep(caller.actor, count)
    return JSONResponse({"ended": ended})


def _read(payload: Payload, kind: type[B]) -> B:
    try:
        return kind.model_validate_json(payload.body)
    except ValidationError as error:
        raise InvalidInputError(
            "The body is not what this server expects of a managed pool. Run the pool and the "
            "server in the same version."
        ) from error
