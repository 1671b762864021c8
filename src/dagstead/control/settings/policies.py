"""The rows of deploy policies, which deployments and the organization have."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.control.settings.rows import CONTAINER_KEYS, QUEUES, REGISTRIES, HonouredSetting
from dagstead.plane.deploy_policy import SECTION


def bounds(*, below: str = "", whose: str) -> Iterator[HonouredSetting]:
    """The rows of one part of a policy.

    Args:
        below: the part's path inside of the policy.
        whose: completes "documents of ".
    """
    place = f"{SECTION}.{below}." if below else f"{SECTION}."
    yield HonouredSetting(
        path=f"{place}registries",
        takes=REGISTRIES,
        values="a list of registries and folders in them",
        default="any registry",
        does=f"Images of {whose} must be below one of these.",
    )
    yield HonouredSetting(
        path=f"{place}queues",
        takes=QUEUES,
        values="a list of queues; null is the default queue",
        default="any queue",
        does=f"Locations of {whose} must be on one of these queues.",
    )
    yield HonouredSetting(
        path=f"{place}container_context.allowed",
        takes=CONTAINER_KEYS,
        values="a list of keys such as `k8s.namespace`",
        default="any key",
        does=f"`container_context` of {whose} may have no other keys.",
    )
    yield HonouredSetting(
        path=f"{place}container_context.denied",
        takes=CONTAINER_KEYS,
        values="a list of keys",
        default="see the guide on deploy policies",
        does=f"`container_context` of {whose} may not have these keys.",
    )
