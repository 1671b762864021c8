"""A CI provider's token, exchanged for one of ours that is valid for minutes.

A caller without a valid token learns nothing about the policies; one with a valid token reads which
policies are for its own repository, and why none of them fits.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError, MissingClaimError

from dagstead.control.actor import NOBODY, SYSTEM, Actor
from dagstead.control.all import Control
from dagstead.errors import ForbiddenError, UnauthenticatedError
from dagstead.plane.ci_logins import LEEWAY_SECONDS, TokenUse, require_short_life
from dagstead.plane.clock import Clock
from dagstead.plane.tokens import IssuedToken
from dagstead.plane.trust import Policy
from dagstead.server.issuer_keys import IssuerKeys
from dagstead.server.throttle import Throttle

#: What GitHub and GitLab sign with, and what their self-hosted servers can be set to.
_ALGORITHMS = ["RS256", "ES256"]
#: Of one repository in a minute. A matrix of jobs has a login for each.
_MOST_LOGINS = 300


def logins_of_repositories(clock: Clock) -> Throttle:
    """How often the jobs of a repository may log in."""
    return Throttle(clock=clock, most=_MOST_LOGINS, what="CI logins of this repository")


@dataclass(frozen=True, kw_only=True, slots=True)
class CiLogin:
    """Checks CI tokens, and issues ours."""

    control: Control
    keys: IssuerKeys
    organization: str
    #: What the provider must have signed the token for.
    base_url: str
    #: By issuer and repository.
    logins: Throttle

    def exchange(self, text: str, deployment: str | None, address: str) -> IssuedToken:
        """Exchange a CI token for one of ours, or have the trail say that it was refused.

        Args:
            text: the provider's token.
            deployment: the full deployment that it is wanted for, if that matters.
            address: of the client.

        Raises:
            UnauthenticatedError: when the token is not valid here, or was used before.
            ForbiddenError: when no policy fits it, or its repository is not the one that it was.
            TooManyError: when jobs of the repository log in too often.
            IssuerError: when the provider's keys cannot be fetched.
        """
        try:
            return self._exchange(text, deployment, replace(SYSTEM, address=address))
        except (UnauthenticatedError, ForbiddenError) as error:
            nobody = replace(NOBODY, address=address)
            self.control.recorder.refused(nobody, "trust.exchange", error, deployment)
            raise

    def _exchange(self, text: str, deployment: str | None, actor: Actor) -> IssuedToken:
        header, unchecked = _parts(text)
        every = self.control.trust.all(SYSTEM)
        policies = [policy for policy in every if policy.issuer == _issuer(unchecked)]
        if not policies:
            msg = (
                f"No trust policy names the issuer {_issuer(unchecked)!r}. On the server: "
                "`dagstead trust add --issuer … --repository …`."
            )
            raise UnauthenticatedError(msg)
        issuer = policies[0].issuer
        claims = self._checked(text, issuer, header.get("kid"))
        policy = _chosen(policies, claims, deployment)
        require_short_life(policy.provider, claims)
        self.logins.count(f"{issuer} {policy.repository_of(claims)}")
        use = TokenUse.of(issuer, claims, text.rpartition(".")[0])
        return self.control.trust.exchange(actor, policy, claims, use, self.organization)

    def _checked(self, text: str, issuer: str, key_id: object) -> Mapping[str, Any]:
        keys = self.keys.of(issuer, key_id if isinstance(key_id, str) else None)
        registry = jwt.JWTClaimsRegistry(
            now=int(self.control.clock()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": self.base_url},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            token = jwt.decode(text, keys, algorithms=_ALGORITHMS)
            registry.validate(token.claims)
        except (JoseError, ValueError) as error:
            raise UnauthenticatedError(self._reason(error, issuer, text)) from error
        return token.claims

    def _reason(self, error: Exception, issuer: str, text: str) -> str:
        match error:
            case ExpiredTokenError():
                return f"This token of {issuer} has expired. Ask for it right before it is used."
            case MissingClaimError():
                return f"This token of {issuer} has no claim {error.claim!r}."
            case ClaimError() if error.claim == "aud":
                given = _parts(text)[1].get("aud")
                return (
                    f"This token of {issuer} is for the audience {given!r}, and this control plane "
                    f"is {self.base_url!r}. Ask for it with that audience."
                )
            case ClaimError():
                return f"The claim {error.claim!r} of this token of {issuer} is not valid now."
            case _:
                return f"This token is not signed by {issuer} with any of its current keys."


def _chosen(
    policies: Sequence[Policy], claims: Mapping[str, Any], deployment: str | None
) -> Policy:
    fitting = [policy for policy in policies if not policy.mismatches(claims)]
    granting = [
        policy
        for policy in fitting
        if deployment is None or deployment in policy.allowed.deployments
    ]
    if granting:
        return granting[0]
    if fitting:
        msg = (
            f"Policy {fitting[0].id} fits this job, and does not grant deployment {deployment!r}. "
            f"It grants: {fitting[0].allowed.described_deployments}."
        )
        raise ForbiddenError(msg)
    claim = policies[0].provider.repository_claim
    near = [policy for policy in policies if policy.is_about(claims)]
    if not near:
        msg = (
            f"No trust policy is for {claim} {claims.get(claim)!r}. On the server: `dagstead trust "
            f"add --repository {claims.get(claim)} …`."
        )
        raise ForbiddenError(msg)
    reasons = "; ".join(
        f"policy {policy.id}: {', '.join(map(str, policy.mismatches(claims)))}" for policy in near
    )
    msg = f"No trust policy fits this job of {claims.get(claim)!r}. {reasons}."
    raise ForbiddenError(msg)


def _parts(text: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims as they stand in a token, of which nothing has been checked."""
    try:
        header, claims, _signature = text.split(".")
        found = [json.loads(_decoded(part)) for part in (header, claims)]
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _no_token() from error
    if not all(isinstance(part, dict) for part in found):
        raise _no_token()
    return found[0], found[1]


def _no_token() -> UnauthenticatedError:
    return UnauthenticatedError(
        "This is not a token of a CI provider: it does not have the form of one."
    )


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _issuer(claims: Mapping[str, Any]) -> str:
    return str(claims.get("iss", ""))[:200]
