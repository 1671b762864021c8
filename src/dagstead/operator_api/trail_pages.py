"""What was done by whom, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error
from dagstead.plane.trail import MOST_ROWS, Head, Result, Row, TrailFilter

_ROWS = 100


@as_error
def trail(info: GraphQLResolveInfo, **wanted: Any) -> Mapping[str, Any]:
    """Rows, the newest first."""
    context = context_of(info)
    result = wanted.get("result")
    limit = max(0, min(wanted.get("limit", _ROWS), MOST_ROWS))
    rows = context.control.trail.find(
        context.actor,
        TrailFilter(
            who=wanted.get("who"),
            act=wanted.get("what"),
            on=wanted.get("on"),
            result=None if result is None else Result(result),
            since=wanted.get("since"),
            until=wanted.get("until"),
            below=wanted.get("below"),
            limit=limit,
        ),
    )
    is_full = len(rows) == limit and limit > 0
    return {"rows": list(map(_row, rows)), "below": rows[-1].seq if is_full else None}


@as_error
def trail_verification(info: GraphQLResolveInfo, head: str | None = None) -> Mapping[str, Any]:
    """Whether the chain is whole."""
    context = context_of(info)
    noted = None if head is None else Head.read(head)
    check, end = context.control.trail.verify(context.actor, noted)
    return {"faults": check.faults, "rows": check.rows, "first": check.first, "head": str(end)}


QUERIES: Mapping[str, Resolver] = {"trail": trail, "trailVerification": trail_verification}


def _row(row: Row) -> Mapping[str, Any]:
    said = row.said
    who, on = said["who"], said["on"]
    return {
        "seq": row.seq,
        "at": said["at"],
        "who": {
            "kind": who["kind"],
            "name": who["name"],
            "tokenId": who.get("token"),
            "project": who.get("project"),
            "address": who.get("address"),
        },
        "act": said["act"],
        "deployment": on.get("deployment"),
        "object": on.get("object"),
        "result": said["result"],
        "reason": said.get("reason"),
        "before": said.get("before"),
        "after": said.get("after"),
        "count": said.get("count", 1),
        "since": said.get("since"),
        "line": row.line,
    }
