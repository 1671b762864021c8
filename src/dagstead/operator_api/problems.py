"""What is wrong now, for our own command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error


@as_error
def problems(info: GraphQLResolveInfo) -> Sequence[Mapping[str, Any]]:
    """The same as on the console's first page."""
    context = context_of(info)
    return [
        {
            "kind": str(each.kind),
            "weight": str(each.weight),
            "title": each.title,
            "says": each.says,
            "deployment": each.deployment,
            "since": each.since,
            "locations": each.locations,
            "runs": each.runs,
        }
        for each in context.control.overview.problems(context.actor)
    ]


QUERIES: Mapping[str, Resolver] = {"problems": problems}
