"""The agents that had a pool's folder: of all but the newest, it is known that they have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagstead.serverless.home import read_json, write_json

if TYPE_CHECKING:
    from dagstead.serverless.home import PoolHome

#: A run that an agent has begun is looked at again within minutes.
_MOST = 1000


def note_agent(home: PoolHome, agent_id: str) -> None:
    """Add the agent that has taken the folder, which only one can have at a time."""
    write_json(home.agents, {"ids": [*_ids(home), agent_id][-_MOST:]})


def has_ended(home: PoolHome, agent_id: str) -> bool:
    """Whether an agent had the folder and has it no longer."""
    return agent_id in _ids(home)[:-1]


def agents_of(home: PoolHome) -> list[str]:
    """All agents that are known to have had the folder, the present one last."""
    return _ids(home)


def current_agent(home: PoolHome) -> str:
    """The agent that has the folder; empty before any had it."""
    return next(reversed(_ids(home)), "")


def _ids(home: PoolHome) -> list[str]:
    return list((read_json(home.agents) or {}).get("ids", ()))
