"""The code servers of locations, as heartbeats report them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ServerState(StrEnum):
    """The state of a code server, as its agent reports it."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    FAILED = "FAILED"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerReport:
    """What an agent's heartbeat says of the code server of a location."""

    location: str
    state: ServerState
    #: The error of a failed one, in one text.
    error: str | None = None
