"""Policies of trust in CI providers, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.client.connection import Connection
from dagstead.plane.ci_logins import NewPins, Pin
from dagstead.plane.roles import Roles
from dagstead.plane.trust import JobGrant, NewPolicy, Policy, Provider

_FIELDS = (
    "id provider issuer claims deployments branchDeployments locations minutes "
    "roles { default grants { role deployment location } } createdAt lastUsedAt"
)
_LIST = f"{{ result: trustPolicies {{ {_FIELDS} }} }}"
_ADD = (
    "mutation ($policy: TrustPolicyInput!) "
    f"{{ result: addTrustPolicy(policy: $policy) {{ {_FIELDS} }} }}"
)
_PINS = "{ result: trustPins { issuer path number } }"
_PIN = (
    "mutation ($pins: TrustPinInput!) { result: pinRepository(pins: $pins) { issuer path number } }"
)
_REMOVE = "mutation ($id: Int!) { result: removeTrustPolicy(id: $id) }"


@dataclass(frozen=True, slots=True)
class TrustPolicies:
    """Acts on policies. Each method raises what :class:`Connection` does."""

    connection: Connection

    def all(self) -> list[Policy]:
        """All policies, the oldest first."""
        return [_policy(each) for each in self.connection.graphql(_LIST)["result"]]

    def add(self, new: NewPolicy) -> Policy:
        """Trust more jobs."""
        return _policy(self.connection.graphql(_ADD, policy=_asked(new))["result"])

    def pins(self) -> list[Pin]:
        """The numbers of repositories and owners, by issuer and path."""
        return [Pin(**each) for each in self.connection.graphql(_PINS)["result"]]

    def pin(self, pinned: NewPins) -> list[Pin]:
        """Pin other numbers."""
        asked = {
            "issuer": pinned.issuer,
            "repository": pinned.repository,
            "number": pinned.number,
            "ownerNumber": pinned.owner_number,
        }
        return [Pin(**each) for each in self.connection.graphql(_PIN, pins=asked)["result"]]

    def remove(self, policy_id: int) -> None:
        """Trust fewer jobs."""
        self.connection.graphql(_REMOVE, id=policy_id)


def _asked(new: NewPolicy) -> Mapping[str, Any]:
    wanted, allowed = new.wanted, new.allowed
    return {
        "issuer": new.issuer,
        "provider": new.provider and str(new.provider),
        "repository": wanted.repository,
        "branch": wanted.branch,
        "tag": wanted.tag,
        "environment": wanted.environment,
        "anyRef": wanted.any_ref,
        "claims": dict(wanted.claims),
        "deployments": sorted(allowed.deployments),
        "branchDeployments": allowed.branch_deployments,
        "locations": None if allowed.locations is None else sorted(allowed.locations),
        "minutes": allowed.minutes,
        "roles": allowed.roles.as_json(),
    }


def _policy(found: Mapping[str, Any]) -> Policy:
    locations = found["locations"]
    return Policy(
        id=found["id"],
        provider=Provider(found["provider"]),
        issuer=found["issuer"],
        claims=found["claims"],
        allowed=JobGrant(
            deployments=frozenset(found["deployments"]),
            branch_deployments=found["branchDeployments"],
            locations=None if locations is None else frozenset(locations),
            minutes=found["minutes"],
            roles=Roles.from_json(found["roles"]),
        ),
        created_at=found["createdAt"],
        last_used_at=found["lastUsedAt"],
    )
