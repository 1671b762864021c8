"""Secrets, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dagstead.client.connection import Connection
from dagstead.plane.master_keys import KeyReport
from dagstead.plane.secrets import SecretKind, SecretTarget

_FIELDS = (
    "id secretName updatedBy { email } updateTimestamp locationNames fullDeploymentScope "
    "allBranchDeploymentsScope specificBranchDeploymentScope localDeploymentScope "
    "canViewSecretValue deploymentName isGiven"
)
_LIST = (
    "query ($deployment: String) "
    f"{{ result: storedSecrets(deploymentName: $deployment) {{ {_FIELDS} }} }}"
)
_LIST_WITH_VALUES = _LIST.replace("secretName", "secretName secretValue", 1)
_TARGET = "$name: String!, $target: SecretTargetInput!"
_SET = (
    f"mutation ({_TARGET}, $value: String!) "
    "{ result: setSecret(name: $name, value: $value, target: $target) }"
)
_REMOVE = f"mutation ({_TARGET}) {{ result: removeSecret(name: $name, target: $target) }}"
_KEY = "{ result: masterKey { current source used } }"
_ROTATE = (
    "mutation ($lost: Boolean!) { result: rotateMasterKey(lost: $lost) { current source used } }"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedSecret:
    """A secret as a control plane lists it."""

    id: str
    name: str
    kinds: frozenset[SecretKind]
    #: ``None`` is all of them.
    deployment: str | None
    #: Empty is every location.
    locations: frozenset[str]
    updated_at: float | None
    updated_by: str | None
    #: Whether it is in the environment of the server.
    is_given: bool
    can_view: bool
    #: ``None`` if it was not asked for, or may not be seen.
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Acts on secrets. Each method raises what :class:`Connection` does."""

    connection: Connection

    def all(self, deployment: str | None = None, *, values: bool = False) -> list[ListedSecret]:
        """The secrets of a deployment, or of all; with ``values`` where they may be seen."""
        query = _LIST_WITH_VALUES if values else _LIST
        found = self.connection.graphql(query, deployment=deployment)["result"]
        return [_secret(each) for each in found]

    def set(self, name: str, value: str, target: SecretTarget) -> None:
        """Set a secret."""
        self.connection.graphql(_SET, name=name, value=value, target=_asked(target))

    def remove(self, name: str, target: SecretTarget) -> int:
        """Remove a secret; returns from how many places."""
        count: int = self.connection.graphql(_REMOVE, name=name, target=_asked(target))["result"]
        return count

    def key(self) -> KeyReport:
        """The master keys in use."""
        return KeyReport(**self.connection.graphql(_KEY)["result"])

    def rotate_key(self, *, lost: bool) -> KeyReport:
        """Have everything encrypted with a new master key."""
        return KeyReport(**self.connection.graphql(_ROTATE, lost=lost)["result"])


def _asked(target: SecretTarget) -> Mapping[str, Any]:
    return {
        "scopes": sorted(map(str, target.kinds)),
        "deploymentName": target.deployment,
        "locationNames": sorted(target.locations),
    }


def _secret(found: Mapping[str, Any]) -> ListedSecret:
    kinds = {
        SecretKind.FULL: found["fullDeploymentScope"],
        SecretKind.BRANCHES: found["allBranchDeploymentsScope"],
        SecretKind.BRANCH: found["specificBranchDeploymentScope"],
        SecretKind.LOCAL: found["localDeploymentScope"],
    }
    by = found["updatedBy"]
    return ListedSecret(
        id=found["id"],
        name=found["secretName"],
        kinds=frozenset(kind for kind, is_given in kinds.items() if is_given),
        deployment=found["deploymentName"],
        locations=frozenset(found["locationNames"]),
        updated_at=found["updateTimestamp"],
        updated_by=None if by is None else by["email"],
        is_given=found["isGiven"],
        can_view=found["canViewSecretValue"],
        value=found.get("secretValue") if found["canViewSecretValue"] else None,
    )
