"""Jobs of CI for the tests: policies, what a provider says of a job, and calls with it."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import uuid4

import httpx

from dagstead.control.actor import SYSTEM
from dagstead.plane.trust import JobFilter, JobGrant, NewPolicy, Policy, Provider
from dagstead.server.authentication import TOKEN_HEADER
from dagstead.server.oidc import OIDC_PATH
from tests.support.oidc_issuer import OidcIssuer
from tests.unit.server.conftest import Plane


class HasUrl(Protocol):
    """Whoever may be trusted."""

    @property
    def url(self) -> str:
        """The issuer's."""


PROD = JobGrant(deployments=frozenset({"prod"}), branch_deployments=False, locations=None)


def trust(plane: Plane, issuer: HasUrl, allowed: JobGrant = PROD, **wanted: Any) -> Policy:
    new = NewPolicy(
        issuer=issuer.url,
        provider=Provider.GITHUB,
        wanted=JobFilter(
            **{"repository": "org/repo", "claims": {}, **(wanted or {"branch": "main"})}
        ),
        allowed=allowed,
    )
    return plane.control.trust.add(SYSTEM, new, loopback=True)


def claims(plane: Plane, issuer: OidcIssuer, **changes: Any) -> dict[str, Any]:
    now = int(plane.clock())
    whole = {
        "iss": issuer.url,
        "aud": plane.settings.base_url,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "sub": "repo:org/repo:ref:refs/heads/main",
        # Every token of a provider has another one.
        "jti": str(uuid4()),
        "repository": "org/repo",
        "repository_id": "74",
        "repository_owner": "org",
        "repository_owner_id": "65",
        "event_name": "push",
        "ref": "refs/heads/main",
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def log_in(client: httpx.Client, token: str, deployment: str | None = None) -> httpx.Response:
    return client.post(OIDC_PATH, json={"token": token, "deployment": deployment})


def graphql(
    client: httpx.Client, secret: str, deployment: str, query: str, **variables: Any
) -> httpx.Response:
    body = {"query": query, "variables": variables}
    return client.post(f"/{deployment}/graphql", json=body, headers={TOKEN_HEADER: secret})
