"""What tells one agent from another."""

from __future__ import annotations

from typing import NamedTuple


class AgentKey(NamedTuple):
    """An agent. The id alone is what it reports itself, and what others may report as well."""

    token_id: int
    agent_id: str
