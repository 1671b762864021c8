"""The mark that a deploy leaves in its deploy data, to tell late results from present ones."""

from __future__ import annotations

from dagster_cloud_cli.core.workspace import CodeLocationDeployData

#: An environment variable of the code server; agents send the deploy data back with their result.
DEPLOY_ID_VARIABLE = "DAGSTEAD_DEPLOY_ID"


def deploy_id_of(data: CodeLocationDeployData) -> str | None:
    """The deploy that a code server was started for."""
    value = data.cloud_context_env.get(DEPLOY_ID_VARIABLE)
    return str(value) if value is not None else None
