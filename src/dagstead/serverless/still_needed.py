"""What the pool asks the control plane before it removes what runs and deployments have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster._core.instance import DagsterInstance
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES, RunsFilter
from dagster._core.storage.tags import ROOT_RUN_ID_TAG
from dagster_cloud.agent.queries import DEPLOYMENTS_QUERY
from dagster_cloud_cli.core.errors import DagsterCloudAgentServerError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dagster_cloud.instance import DagsterCloudAgentInstance


def has_ended(instance: DagsterCloudAgentInstance, deployment: str, run_id: str) -> bool | None:
    """Whether a run of a deployment has ended, and every run that repeats it from its failure.

    Returns:
        ``None`` when the deployment was deleted, or the control plane does not answer.
    """
    reference = instance.ref_for_deployment(deployment)
    try:
        with DagsterInstance.from_ref(reference) as of_deployment:
            run = of_deployment.get_run_by_id(run_id)
            root = run_id if run is None else run.root_run_id or run_id
            # A run that is repeated from its failure reads what all tries before it stored.
            tries = RunsFilter(tags={ROOT_RUN_ID_TAG: root}, statuses=NOT_FINISHED_STATUSES)
            is_repeated = bool(of_deployment.get_runs(tries, limit=1))
    except DagsterCloudAgentServerError:
        return None
    return not is_repeated and (run is None or run.is_finished)


def existing(
    instance: DagsterCloudAgentInstance, deployments: Sequence[str]
) -> Collection[str] | None:
    """Which of some deployments exist; ``None`` when the control plane does not answer."""
    try:
        client = instance.organization_scoped_graphql_client()  # type: ignore[no-untyped-call]
        answer = client.execute(
            DEPLOYMENTS_QUERY, variable_values={"deploymentNames": list(deployments)}
        )
    except DagsterCloudAgentServerError:
        return None
    return {deployment["deploymentName"] for deployment in answer["data"]["deployments"]}
