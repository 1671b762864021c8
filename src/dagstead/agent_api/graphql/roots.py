"""The whole agent GraphQL surface, put together."""

from __future__ import annotations

from dagstead.agent_api.graphql.agent_context import AgentContext
from dagstead.agent_api.graphql.catalogue import catalogue_roots
from dagstead.agent_api.graphql.executor import Executor, Namespace, Resolver, busy
from dagstead.agent_api.graphql.fleet import Fleet
from dagstead.agent_api.graphql.messages import storage_message
from dagstead.agent_api.graphql.storage_roots import storage_roots
from dagstead.control.away import away_of
from dagstead.errors import DagsteadError


def agent_executor() -> Executor[AgentContext]:
    """An executor of every operation that official agents send."""
    roots: dict[str, Namespace | Resolver] = {
        **storage_roots(),
        **catalogue_roots(),
        **Fleet().roots(),
    }
    return Executor(roots, leaving=_to_be_sent_again, message_of=storage_message)


def _to_be_sent_again(error: Exception) -> DagsteadError | None:
    return busy(error) or away_of(error)
