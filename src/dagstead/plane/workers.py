"""What one process of user code in a managed pool may act for, and how long its token lives."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from dagstead.plane.launches import Launch

#: Of a code server's token, from the last time that its pool said that the server runs. The pool
#: says so every few minutes, and may be away for a while.
SERVER_SECONDS: Final = 3600.0

#: How long a pool may take between asking for a token and counting its process among those that
#: run.
SETTLING_SECONDS: Final = 120.0

#: How long the worker of a launch that has ended may still report: it uploads its last output.
LAST_WORDS_SECONDS: Final = 300.0

#: How long it is known who made a run. Its steps are over by then.
MADE_SECONDS: Final = 30 * 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A code server, or with a run the worker of one launch of it."""

    deployment: str
    location: str
    run_id: str | None = None
    #: The number of the launch; ``None`` for code servers.
    launch: int | None = None

    @property
    def name(self) -> str:
        """For people, in logs and refusals."""
        if self.run_id is None:
            return f"code server of {self.deployment}:{self.location}"
        return f"run {self.run_id} of {self.deployment}:{self.location}"

    def executes(self, launch: Launch) -> bool:
        """Whether it is the process of a launch: its worker, or the code server of its location."""
        if launch.deployment != self.deployment:
            return False
        if self.run_id is not None:
            return (launch.run_id, launch.number) == (self.run_id, self.launch)
        is_here = launch.tags.in_code_server and launch.location == self.location
        return is_here and launch.begun_by is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Minter:
    """Which pool asks for the tokens of its processes."""

    #: The name of its token: it gets a new one at every start.
    pool: str
    #: The agent's id, which is another one after every start.
    agent_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolCount:
    """What a pool says of its processes, by the numbers of their tokens."""

    #: Its agent, and those that had its folder before it.
    agent_ids: Collection[str]
    running: Collection[int]
    ended: Collection[int] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedWorkerToken:
    """A new token's number, by which its pool speaks of it, and its secret."""

    id: int
    secret: str = field(repr=False)
