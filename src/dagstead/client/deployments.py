"""Deployments of a control plane, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagstead.client.connection import Connection
from dagstead.client.refusals import ERROR_MEMBERS, succeeded
from dagstead.plane.comparisons import AssetChange, Comparison

_LIST = """
{
  result: deployments {
    deploymentName isBranchDeployment isClosed closesAt repoName branchName locationCount
    createdAt
  }
}
"""
_NAMED = f"""
query ($name: String!) {{
  result: deploymentByName(name: $name) {{
    ... on DagsterCloudDeployment {{ deploymentId }}
    ... on DeploymentNotFoundError {{ message }} {ERROR_MEMBERS}
  }}
}}
"""
_CREATE = (
    "mutation ($name: String!) "
    f"{{ result: createDeployment(deploymentName: $name) {{ {ERROR_MEMBERS} }} }}"
)
_DELETE = (
    "mutation ($name: String!) { result: removeDeployment(name: $name) { endedRuns leftRuns } }"
)
_UNDER_WAY = "{ result: runsUnderWay }"
_SETTINGS = "{ result: deploymentSettings { settings } }"
_IGNORED = "{ result: deploymentSettings { ignored { path reason } } }"
_COMPARE = "{ result: baseComparison { base takenAt changes { asset location reasons } } }"
_SET = f"""
mutation ($settings: GenericScalar) {{
  result: setDeploymentSettings(deploymentSettings: {{settings: $settings}}) {{ {ERROR_MEMBERS} }}
}}
"""
_DEPLOYMENT = "DagsterCloudDeployment"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedDeployment:
    """One deployment, for the list."""

    name: str
    is_branch: bool
    is_closed: bool
    #: When it is closed, if nobody uses it until then; ``None`` is never.
    closes_at: float | None
    #: Of a branch deployment, as the CLI reported them.
    repository: str | None
    branch: str | None
    locations: int
    created_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DeletedDeployment:
    """What became of the runs of a deployment that was deleted."""

    ended_runs: tuple[str, ...]
    #: Runs that nobody could end in time.
    left_runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deployments:
    """Acts on deployments. Each method raises what :class:`Connection` does."""

    connection: Connection

    def all(self) -> list[ListedDeployment]:
        """The deployments that the token grants, by name."""
        return [
            ListedDeployment(
                name=each["deploymentName"],
                is_branch=each["isBranchDeployment"],
                is_closed=each["isClosed"],
                closes_at=each["closesAt"],
                repository=each["repoName"],
                branch=each["branchName"],
                locations=each["locationCount"],
                created_at=each["createdAt"],
            )
            for each in self.connection.graphql(_LIST)["result"]
        ]

    def require(self, name: str) -> None:
        """Refuse a name that is of no deployment."""
        self._number(name)

    def create(self, name: str) -> None:
        """Make a full one."""
        succeeded(self.connection.graphql(_CREATE, name=name)["result"], _DEPLOYMENT)

    def runs_under_way(self, name: str) -> list[str]:
        """The runs of one that a deletion would end."""
        return [str(each) for each in self.connection.on(name).graphql(_UNDER_WAY)["result"]]

    def delete(self, name: str) -> DeletedDeployment:
        """End the runs of one, and remove it with all that it stored."""
        found = self.connection.graphql(_DELETE, name=name)["result"]
        return DeletedDeployment(
            ended_runs=tuple(found["endedRuns"]), left_runs=tuple(found["leftRuns"])
        )

    def settings(self, name: str) -> Mapping[str, Any]:
        """The settings of one."""
        self.require(name)
        found: Mapping[str, Any] = self.connection.on(name).graphql(_SETTINGS)["result"]
        return found["settings"] or {}

    def ignored_settings(self, name: str) -> Sequence[str]:
        """The settings that have no effect, with the reason."""
        self.require(name)
        found = self.connection.on(name).graphql(_IGNORED)["result"]
        return [str(each["reason"]) for each in found["ignored"]]

    def compare(self, name: str) -> Comparison:
        """What the code of a branch deployment changes."""
        self.require(name)
        found = self.connection.on(name).graphql(_COMPARE)["result"]
        return Comparison(
            base=found["base"],
            taken_at=found["takenAt"],
            changes=tuple(
                AssetChange(
                    asset=each["asset"], location=each["location"], reasons=tuple(each["reasons"])
                )
                for each in found["changes"]
            ),
        )

    def set_settings(self, name: str, settings: Mapping[str, Any]) -> None:
        """Replace them."""
        self.require(name)
        found = self.connection.on(name).graphql(_SET, settings=dict(settings))["result"]
        succeeded(found, "DeploymentSettings")

    def _number(self, name: str) -> int:
        found = self.connection.graphql(_NAMED, name=name)["result"]
        return int(succeeded(found, _DEPLOYMENT)["deploymentId"])
