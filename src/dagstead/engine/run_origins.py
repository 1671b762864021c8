"""Where runs come from, as Dagster's storage has it."""

from __future__ import annotations

from dagster import DagsterRun
from dagster._core.storage.tags import HIDDEN_TAG_PREFIX

from dagstead.plane.launches import RunOrigin

#: Of a run that the code of a location stores and executes by itself: the token it has used, where
#: that is limited to queues. No launch and no location says whose run it is. The UI hides the tag.
STORED_BY_TAG = f"{HIDDEN_TAG_PREFIX}dagstead_stored_by"


def origin_of(run: DagsterRun) -> RunOrigin:
    """Where a run comes from."""
    origin = run.remote_job_origin
    stored_by = run.tags.get(STORED_BY_TAG, "")
    return RunOrigin(
        location=None if origin is None else origin.location_name,
        stored_by=int(stored_by) if stored_by.isdecimal() else None,
    )
