"""The public text of what open-source Dagster raises."""

from __future__ import annotations

from dagster_shared.error import DagsterError

from dagstead.agent_api.graphql.executor import own_message


def storage_message(error: Exception) -> str | None:
    """What the caller may know of a failure in storage: only errors that Dagster means for users.

    Everything else may hold SQL, paths or the database's address.
    """
    return str(error) if isinstance(error, DagsterError) else own_message(error)
