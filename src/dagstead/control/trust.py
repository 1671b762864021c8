"""Trust in CI providers: policies, and the tokens that CI jobs get because of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.deployments import find_deployment
from dagstead.control.tokens import check_roles_of, make_token
from dagstead.errors import InvalidInputError
from dagstead.plane.names import NAME_MAX, check_location_name, check_short
from dagstead.plane.projects import Project
from dagstead.plane.tokens import Grant, IssuedToken, TokenKind
from dagstead.plane.trust import (
    JobGrant,
    NewPolicy,
    Policy,
    Provider,
    check_issuer,
    check_minutes,
    claims_of,
)

logger = logging.getLogger(__name__)

_NAME_MAX = 128


@dataclass(frozen=True, slots=True)
class TrustPolicies:
    """Acts on trust policies, and the list of them."""

    _backend: Backend

    def all(self, actor: Actor) -> list[Policy]:
        """All policies, oldest first.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Listing trust policies")
        return self._backend.store.trust.all()

    def add(self, actor: Actor, new: NewPolicy, *, loopback: bool) -> Policy:
        """Add a policy.

        Args:
            actor: adds it.
            new: the policy.
            loopback: whether the issuer may be an address of this machine.

        Raises:
            ForbiddenError: for a limited actor.
            InvalidInputError: for a policy that trusts more than its author can mean, or grants
                nothing.
            DeploymentNotFoundError: when a deployment does not exist.
        """
        actor.require_organization("Adding a trust policy")
        allowed = new.allowed
        grant = Grant(
            deployments=allowed.deployments,
            branch_deployments=allowed.branch_deployments,
            locations=allowed.locations,
            roles=allowed.roles,
            expires_at=self._backend.now() + allowed.minutes * 60,
        )
        actor.require_holding(grant)
        provider, address = _issuer(new.issuer, new.provider, loopback=loopback)
        claims = claims_of(provider, new.wanted)
        self._check(actor, allowed)
        check_roles_of(self._backend, actor, grant)
        return self._backend.store.trust.add(provider, address, claims, allowed)

    def remove(self, actor: Actor, policy_id: int) -> None:
        """Remove a policy; tokens that were given for it stay valid until they expire.

        Raises:
            ForbiddenError: for a limited actor.
            NotFoundError: when no policy has that id.
        """
        actor.require_organization("Removing a trust policy")
        self._backend.store.trust.remove(policy_id)

    def exchange(
        self, actor: Actor, policy: Policy, claims: Mapping[str, Any], organization: str
    ) -> IssuedToken:
        """Make a token for a CI job.

        Args:
            actor: the system, which has checked the job's own token.
            policy: that the job's token fits.
            claims: of the job's token.
            organization: a part of the new secret.

        Raises:
            InvalidInputError: when the repository's name is too long.
        """
        actor.require_system("Exchanging a token of CI")
        store = self._backend.store
        project = Project.of_job(policy, claims)
        repository = project.path
        check_short("The repository", repository, NAME_MAX)
        ref = claims.get(policy.provider.ref_claim, "no ref")
        allowed = policy.allowed
        grant = Grant(
            deployments=allowed.deployments,
            branch_deployments=allowed.branch_deployments,
            expires_at=self._backend.now() + allowed.minutes * 60,
            repository=repository,
            locations=allowed.locations,
            roles=allowed.roles,
            project=project,
            is_pull_request=policy.provider.is_pull_request(claims),
        )
        store.tokens.delete_expired()
        name = f"ci {repository} {ref}"[:_NAME_MAX]
        issued = make_token(self._backend, name, TokenKind.USER, grant, organization)
        store.trust.mark_used(policy.id)
        logger.info(
            "Policy %d gave token %d to a job of %s at %s",
            policy.id,
            issued.token.id,
            repository,
            ref,
        )
        return issued

    def _check(self, actor: Actor, allowed: JobGrant) -> None:
        check_minutes(allowed.minutes)
        if not allowed.deployments and not allowed.branch_deployments:
            raise InvalidInputError(
                "This would grant nothing. Name a --deployment, or say --branch-deployments."
            )
        for name in sorted(allowed.deployments):
            if find_deployment(self._backend, actor, name).is_branch:
                raise InvalidInputError(
                    f"{name!r} is a branch deployment. Say --branch-deployments to grant those."
                )
        for name in sorted(allowed.locations or ()):
            check_location_name(name)


def _issuer(named: str, provider: Provider | None, *, loopback: bool) -> tuple[Provider, str]:
    if named in set(Provider):
        if provider not in {None, Provider(named)}:
            raise InvalidInputError(
                f"--issuer {named} and --provider {provider} contradict each other."
            )
        return Provider(named), Provider(named).issuer
    address = check_issuer(named, loopback=loopback)
    if provider is None:
        raise InvalidInputError(f"What is {address}? Say --provider github or --provider gitlab.")
    return provider, address
