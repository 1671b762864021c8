"""Making policies of trust: what was asked for, checked against what there is."""

from __future__ import annotations

from dagstead.errors import InvalidInputError
from dagstead.plane.names import check_location_name
from dagstead.plane.trust import (
    Allowed,
    Policy,
    Provider,
    Wanted,
    check_issuer,
    check_minutes,
    claims_of,
)
from dagstead.store.all import Store


def add_policy(
    store: Store,
    *,
    issuer: tuple[str, Provider | None],
    wanted: Wanted,
    allowed: Allowed,
    loopback: bool,
) -> Policy:
    """Keep a new policy.

    Args:
        store: where.
        issuer: a provider's name, or an address and whose claims it writes.
        wanted: which jobs.
        allowed: what their tokens may do.
        loopback: whether the address may be one of this machine.

    Raises:
        InvalidInputError: for a policy that trusts more than anybody means, or grants nothing.
        DeploymentNotFoundError: when a deployment does not exist.
    """
    provider, address = _issuer(*issuer, loopback=loopback)
    claims = claims_of(provider, wanted)
    check_minutes(allowed.minutes)
    if not allowed.deployments and not allowed.branch_deployments:
        msg = "This would grant nothing. Name a --deployment, or say --branch-deployments."
        raise InvalidInputError(msg)
    for name in sorted(allowed.deployments):
        if store.deployments.get(name).is_branch:
            msg = f"{name!r} is a branch deployment. Say --branch-deployments to grant those."
            raise InvalidInputError(msg)
    for name in sorted(allowed.locations or ()):
        check_location_name(name)
    return store.trust.add(provider, address, claims, allowed)


def _issuer(named: str, provider: Provider | None, *, loopback: bool) -> tuple[Provider, str]:
    if named in set(Provider):
        if provider not in {None, Provider(named)}:
            msg = f"--issuer {named} and --provider {provider} contradict each other."
            raise InvalidInputError(msg)
        return Provider(named), Provider(named).issuer
    address = check_issuer(named, loopback=loopback)
    if provider is None:
        msg = f"What is {address}? Say --provider github or --provider gitlab."
        raise InvalidInputError(msg)
    return provider, address
