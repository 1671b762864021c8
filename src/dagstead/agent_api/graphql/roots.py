"""The whole agent GraphQL surface, put together."""

from __future__ import annotations

from typing import Any

from pydantic import Json

from dagstead.agent_api.graphql.agent_context import AgentContext
from dagstead.agent_api.graphql.catalogue import catalogue_roots
from dagstead.agent_api.graphql.executor import Executor, Namespace, Resolver, busy
from dagstead.agent_api.graphql.fleet import Fleet
from dagstead.agent_api.graphql.messages import storage_message
from dagstead.agent_api.graphql.runs import add_run_tags
from dagstead.agent_api.graphql.storage_roots import storage_roots
from dagstead.engine.launch_failures import TAKEN_BY_ANOTHER
from dagstead.engine.run_launcher import AGENT_ID_TAG
from dagstead.errors import DagsteadError, ForbiddenError
from dagstead.store.away import away_of


def agent_executor() -> Executor[AgentContext]:
    """An executor of every operation that official agents send."""
    roots: dict[str, Namespace | Resolver] = {
        **storage_roots(),
        **catalogue_roots(),
        **Fleet().roots(),
    }
    runs = roots["runs"]
    if not isinstance(runs, Namespace):
        raise TypeError(type(runs))
    roots["runs"] = Namespace(runs.typename, {**runs.fields, "addRunTags": _add_run_tags})
    return Executor(roots, leaving=_to_be_sent_again, message_of=storage_message)


def _to_be_sent_again(error: Exception) -> DagsteadError | None:
    return busy(error) or away_of(error)


def _add_run_tags(
    context: AgentContext, *, run_id: str, json_new_tags: Json[dict[str, str]]
) -> dict[str, bool]:
    """Put tags on a run; the tag that names its agent only once.

    An agent sets that tag right before it starts a worker. If a launch was delivered to two
    agents, because the first was believed gone, the second one ends here.
    """
    caller = context.caller
    # First of all: the run's id comes from the caller, and a launch must not be claimed, nor
    # anything of it be said, in a deployment that the token does not grant.
    deployment = caller.deployment
    agent_id = json_new_tags.get(AGENT_ID_TAG)
    store = caller.services.store
    if agent_id and not store.requests.begin_launch(deployment.name, run_id, agent_id):
        msg = f"Run {run_id} {TAKEN_BY_ANOTHER}. This agent must not start it a second time."
        raise ForbiddenError(msg)
    result: dict[str, Any] = add_run_tags(context, run_id=run_id, json_new_tags=json_new_tags)
    return result
