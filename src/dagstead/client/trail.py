"""The trail, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.client.connection import Connection
from dagstead.plane.trail import Head, TrailFilter

_FIND = """
query Trail(
  $who: String, $what: String, $on: String, $result: TrailResult, $since: Float, $until: Float,
  $below: Int, $limit: Int
) {
  result: trail(
    who: $who, what: $what, on: $on, result: $result, since: $since, until: $until, below: $below,
    limit: $limit
  ) { rows { line } }
}
"""
_VERIFY = """
query Verification($head: String) {
  result: trailVerification(head: $head) { faults rows first head }
}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailCheck:
    """Whether the chain of the trail is whole."""

    faults: list[str]
    rows: int
    first: int | None
    head: str


@dataclass(frozen=True, slots=True)
class Trail:
    """Views of it. They raise what :class:`Connection` does."""

    connection: Connection

    def find(self, wanted: TrailFilter) -> list[Mapping[str, Any]]:
        """Rows, the newest first, as the chain has them."""
        answer = self.connection.graphql(
            _FIND,
            who=wanted.who,
            what=wanted.act,
            on=wanted.on,
            result=None if wanted.result is None else str(wanted.result),
            since=wanted.since,
            until=wanted.until,
            below=wanted.below,
            limit=wanted.limit,
        )
        return [json.loads(each["line"]) for each in answer["result"]["rows"]]

    def verify(self, noted: Head | None) -> TrailCheck:
        """Whether the chain is whole."""
        head = None if noted is None else str(noted)
        found = self.connection.graphql(_VERIFY, head=head)["result"]
        return TrailCheck(
            faults=found["faults"], rows=found["rows"], first=found["first"], head=found["head"]
        )
