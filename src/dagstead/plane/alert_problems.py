"""What is wrong with alerts themselves. No alert is sent about it: it might not arrive either."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote

from dagstead.plane.alert_deliveries import LostDelivery
from dagstead.plane.alert_policies import UnreadablePolicy
from dagstead.plane.problems import Problem, ProblemKind, Weight


def unreadable_problems(policies: Iterable[UnreadablePolicy]) -> Iterator[Problem]:
    """One problem for every policy that cannot be read."""
    for each in policies:
        yield Problem(
            kind=ProblemKind.ALERTS,
            weight=Weight.ATTENTION,
            title=f"Alert policy {each.name} cannot be read",
            says=each.says,
            deployment=each.deployment,
            object=each.name,
            since=each.updated_at,
        )


def lost_problems(deliveries: Iterable[LostDelivery]) -> Iterator[Problem]:
    """One problem for every policy whose messages do not arrive."""
    for each in deliveries:
        yield Problem(
            kind=ProblemKind.ALERTS,
            weight=Weight.ATTENTION,
            title=f"Alerts of policy {each.policy} do not arrive",
            says=f"Alerts of policy {each.policy} do not arrive: {each.error} Mend it, and try it "
            f"with `dagstead alerts test {quote(each.policy)} --deployment {each.deployment}`.",
            deployment=each.deployment,
            object=each.policy,
            since=each.at,
        )
