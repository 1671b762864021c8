"""What is wrong with alerts themselves. No alert is sent about it: it might not arrive either."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
