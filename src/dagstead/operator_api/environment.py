"""The environment variables that deployed code sees about where it runs.

The names are those that Dagster+ reserves (``dagster_cloud/constants.py``) and documents; user code
and the agent's own packages read them.
"""

from __future__ import annotations

from collections.abc import Mapping

from dagstead.plane.deployments import Deployment

#: Distinguishes a deploy of a location from the next: the agent sends it back with the definitions.
DEPLOY_ID = "DAGSTEAD_DEPLOY_ID"


def environment_of(
    deployment: Deployment,
    *,
    location: str,
    deploy_id: str,
    commit_hash: str | None,
    git_url: str | None,
) -> Mapping[str, str]:
    """The variables of one deploy of a location, those without a value left out."""
    branch = deployment.branch
    known: dict[str, object | None] = {
        DEPLOY_ID: deploy_id,
        "DAGSTER_CLOUD_DEPLOYMENT_NAME": deployment.name,
        # Code tests it against "1", for truth, and for being set at all: empty text suits all
        # three.
        "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1" if deployment.is_branch else "",
        "DAGSTER_CLOUD_LOCATION_NAME": location,
        "DAGSTER_CLOUD_GIT_SHA": commit_hash or (branch.commit_hash if branch else None),
        "DAGSTER_CLOUD_GIT_URL": git_url or (branch.commit_url if branch else None),
    }
    if branch:
        known |= {
            "DAGSTER_CLOUD_GIT_BRANCH": branch.branch_name,
            "DAGSTER_CLOUD_GIT_REPO": branch.repo_name,
            "DAGSTER_CLOUD_GIT_MESSAGE": branch.commit_message,
            "DAGSTER_CLOUD_GIT_AUTHOR_NAME": branch.author_name,
            "DAGSTER_CLOUD_GIT_AUTHOR_EMAIL": branch.author_email,
            "DAGSTER_CLOUD_GIT_TIMESTAMP": _whole_seconds(branch.timestamp),
            "DAGSTER_CLOUD_PULL_REQUEST_ID": branch.pull_request_number,
            "DAGSTER_CLOUD_PULL_REQUEST_STATUS": branch.pull_request_status,
        }
    return {name: str(value) for name, value in known.items() if value is not None}


def _whole_seconds(timestamp: float | None) -> int | None:
    return None if timestamp is None else int(timestamp)
