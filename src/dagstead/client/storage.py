"""What a control plane stores, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.client.connection import Connection
from dagstead.plane.storage import KindReport, StorageReport, StoredItem, StoredKind

_REPORT = """
{
  kinds { kind count size oldest kept removable removableSize }
  removable { kind deployment name size neededAt }
}
"""


@dataclass(frozen=True, slots=True)
class Storage:
    """Views and acts over HTTP. Each method raises what :class:`Connection` does."""

    connection: Connection

    def report(self) -> StorageReport:
        """What is stored, and what the next sweep removes."""
        return _report(self.connection.graphql(f"query {{ result: storage {_REPORT} }}")["result"])

    def sweep(self) -> StorageReport:
        """Remove it now; what is left, and what was removed."""
        answer = self.connection.graphql(f"mutation {{ result: sweepStorage {_REPORT} }}")
        return _report(answer["result"])


def _report(answer: Mapping[str, Any]) -> StorageReport:
    return StorageReport(
        kinds=[
            KindReport(
                kind=StoredKind(each["kind"]),
                count=each["count"],
                size=_whole(each["size"]),
                oldest=each["oldest"],
                kept=each["kept"],
                removable=each["removable"],
                removable_size=_whole(each["removableSize"]),
            )
            for each in answer["kinds"]
        ],
        removable=[
            StoredItem(
                kind=StoredKind(each["kind"]),
                deployment=each["deployment"],
                name=each["name"],
                size=_whole(each["size"]),
                needed_at=each["neededAt"],
            )
            for each in answer["removable"]
        ],
    )


def _whole(size: float | None) -> int | None:
    # GraphQL has no whole numbers beyond 2 GB.
    return None if size is None else int(size)
