"""Rows of launches, as values."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from dagstead.plane.launches import (
    FormerQueue,
    How,
    Launch,
    LaunchEnd,
    LaunchState,
    LaunchTags,
    RunEnd,
    Stop,
)
from dagstead.store.tables import queue_from_key


def as_launch(row: Row[Any]) -> Launch:
    """The launch of a row."""
    columns = dict(row._mapping)  # noqa: SLF001 - public, despite its name
    stop, ending = columns.pop("stop"), columns.pop("ending")
    fell_from = columns.pop("fell_from")
    tags = LaunchTags(
        max_runtime_seconds=columns.pop("max_runtime_seconds"),
        in_code_server=columns.pop("in_code_server"),
    )
    return Launch(
        **{**columns, "state": LaunchState(row.state)},
        tags=tags,
        fell_from=None if fell_from is None else FormerQueue(queue=queue_from_key(fell_from)),
        stop=None if stop is None else Stop(**{**stop, "end": RunEnd(stop["end"])}),
        ending=None if ending is None else _ending(ending),
    )


def _ending(column: dict[str, Any]) -> LaunchEnd:
    status = column["status"]
    return LaunchEnd(
        **{
            **column,
            "how": How(column["how"]),
            "status": None if status is None else RunEnd(status),
        }
    )
