"""Code locations of a control plane, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.client.connection import Connection

_LIST = """
query ($deployment: String) {
  result: codeLocations(deploymentName: $deployment) {
    deploymentName locationName state queue servesOlderDefinitions deployedAt failure
  }
}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedLocation:
    """One code location, for the list."""

    deployment: str
    name: str
    state: str
    queue: str | None
    serves_older_definitions: bool
    deployed_at: float
    #: Why the newest deploy does not serve.
    failure: str | None


@dataclass(frozen=True, slots=True)
class Locations:
    """Views of locations. Each method raises what :class:`Connection` does."""

    connection: Connection

    def all(self, deployment: str | None = None) -> list[ListedLocation]:
        """Those of a deployment, or of all that the token grants."""
        return [
            ListedLocation(
                deployment=each["deploymentName"],
                name=each["locationName"],
                state=each["state"],
                queue=each["queue"],
                serves_older_definitions=each["servesOlderDefinitions"],
                deployed_at=each["deployedAt"],
                failure=each["failure"],
            )
            for each in self.connection.graphql(_LIST, deployment=deployment)["result"]
        ]
