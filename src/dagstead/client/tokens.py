"""Tokens of a control plane, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.client.connection import Connection
from dagstead.plane.lifetimes import FOREVER, Lifetime
from dagstead.plane.new_tokens import NewToken
from dagstead.plane.roles import Roles
from dagstead.plane.rotations import RotatedToken, Rotation
from dagstead.plane.sign_ins import NewLink
from dagstead.plane.tokens import IssuedToken, SeenUse, Token, TokenKind

_FIELDS = (
    "id name kind deployments branchDeployments queues repository locations secretValues "
    "roles { default grants { role deployment location } } "
    "createdAt lastUsedAt usedFrom { address at } rotatedAt expiresAt revokedAt"
)
_LIST = f"{{ result: tokens {{ {_FIELDS} isValid }} }}"
_ISSUE = (
    "mutation ($token: TokenInput!) "
    f"{{ result: issueToken(token: $token) {{ secret token {{ {_FIELDS} }} }} }}"
)
_LINK = "mutation { result: createSignInLink { code expiresAt } }"
_SIGN_OUT = "mutation ($id: Int!) { result: endSessions(tokenId: $id) }"
_ROTATE = (
    "mutation ($id: Int!, $rotation: RotationInput!) { result: rotateToken(id: $id, "
    f"rotation: $rotation) {{ secret formerEndsAt token {{ {_FIELDS} }} }} }}"
)
_REVOKE = f"mutation ($id: Int!) {{ result: revokeToken(id: $id) {{ {_FIELDS} }} }}"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Acts on tokens. Each method raises what :class:`Connection` does."""

    connection: Connection

    def all(self, *, useless: bool) -> list[Token]:
        """The tokens, the oldest first; revoked and expired ones if ``useless``."""
        found = self.connection.graphql(_LIST)["result"]
        return [_token(each) for each in found if useless or each["isValid"]]

    def issue(self, new: NewToken) -> IssuedToken:
        """Make one."""
        found = self.connection.graphql(_ISSUE, token=_asked(new))["result"]
        return IssuedToken(token=_token(found["token"]), secret=found["secret"])

    def revoke(self, token_id: int) -> Token:
        """Make one useless from now on."""
        return _token(self.connection.graphql(_REVOKE, id=token_id)["result"])

    def rotate(self, token_id: int, rotation: Rotation) -> RotatedToken:
        """Give one a new secret."""
        asked = {"overlapSeconds": rotation.overlap_seconds, **_lifetime(rotation.lifetime)}
        found = self.connection.graphql(_ROTATE, id=token_id, rotation=asked)["result"]
        return RotatedToken(
            token=_token(found["token"]),
            secret=found["secret"],
            former_ends_at=found["formerEndsAt"],
        )

    def sign_in_link(self) -> NewLink:
        """Make a link with which one person signs in."""
        found = self.connection.graphql(_LINK)["result"]
        return NewLink(code=found["code"], expires_at=found["expiresAt"])

    def sign_out(self, token_id: int) -> int:
        """End all sessions of a token; returns how many there were."""
        return int(self.connection.graphql(_SIGN_OUT, id=token_id)["result"])


def _asked(new: NewToken) -> Mapping[str, Any]:
    return {
        "name": new.name,
        "kind": str(new.kind),
        "deployments": None if new.deployments is None else list(new.deployments),
        "branchDeployments": new.branch_deployments,
        "queues": None if new.queues is None else list(new.queues),
        "defaultQueue": new.default_queue,
        "secretValues": None if new.secret_values is None else sorted(new.secret_values),
        "roles": None if new.roles is None else new.roles.as_json(),
        **_lifetime(new.lifetime),
    }


def _lifetime(lifetime: Lifetime | None) -> Mapping[str, Any]:
    if lifetime is None:
        return {}
    return {
        "expiresInSeconds": lifetime.seconds,
        "expiresAt": lifetime.until,
        "neverExpires": lifetime == FOREVER,
    }


def _token(found: Mapping[str, Any]) -> Token:
    return Token(
        id=found["id"],
        name=found["name"],
        kind=TokenKind(found["kind"]),
        deployments=_set(found["deployments"]),
        queues=_set(found["queues"]),
        branch_deployments=found["branchDeployments"],
        created_at=found["createdAt"],
        revoked_at=found["revokedAt"],
        last_used_at=found["lastUsedAt"],
        used_from=tuple(SeenUse(**each) for each in found["usedFrom"]),
        rotated_at=found["rotatedAt"],
        expires_at=found["expiresAt"],
        repository=found["repository"],
        locations=_set(found["locations"]),
        secret_values=_set(found["secretValues"]),
        roles=Roles.from_json(found["roles"]),
    )


def _set(found: list[Any] | None) -> frozenset[Any] | None:
    return None if found is None else frozenset(found)
