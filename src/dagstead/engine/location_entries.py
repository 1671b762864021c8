"""A location as open-source Dagster lists it, and what its readers see when something failed.

Open-source Dagster's entry has either definitions or an error, and readers show the error only if
there are no definitions. Every entry has the location's one status (:mod:`dagstead.plane.
location_status`) in its metadata, in the same words; what stands beside it depends on the reader:

- The UI works with the definitions of an entry, and would show no job of a location with an error.
  So it gets the error only if the code that should serve cannot be loaded. Otherwise it gets the
  definitions, with the failed release in the entry's metadata; also where no agent is there, as the
  runs and assets of before must be found all the same.
- ``workspaceOrError`` is read by the official CLI after a deploy, which fails only if there is an
  error: there everything is an error that keeps the newest deploy from working.
- Daemons always go on with the definitions: a tick that fails is recorded with its reason, while
  the schedules of a location without definitions are passed over.

``loadStatus`` knows two words only. LOADING is said of a location that waits for an agent to load
it, whether there is one or not: ``dg api`` shows nothing else, and LOADED would be untrue.
"""

from __future__ import annotations

from dagster._core.remote_origin import RegisteredCodeLocationOrigin
from dagster._core.workspace.workspace import (
    CodeLocationEntry,
    CodeLocationLoadStatus,
    DefinitionsSource,
)
from dagster._serdes import deserialize_value
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.record import copy

from dagstead.engine.code_location import AgentCodeLocation
from dagstead.engine.load_errors import one_line
from dagstead.plane.location_status import Condition, LocationStatus
from dagstead.plane.locations import Location

#: Beside the image and the commit, where the UI shows a location.
FAILURE_KEY = "failed_release"
STATUS_KEY = "status"

_LOADING = CodeLocationLoadStatus.LOADING


def serving_entry(
    location: Location,
    code_location: AgentCodeLocation | None,
    unreadable: SerializableErrorInfo | None,
) -> CodeLocationEntry:
    """The full entry: the definitions that serve, and the error of what failed.

    Args:
        location: as stored.
        code_location: its live definitions, if it has any.
        unreadable: why its stored definitions cannot be read, if they cannot.
    """
    return CodeLocationEntry(
        origin=RegisteredCodeLocationOrigin(location.name),
        code_location=code_location,
        load_error=unreadable or _error_of(location),
        load_status=_load_status(is_loading=location.is_loading),
        display_metadata=code_location.get_display_metadata() if code_location else {},
        update_timestamp=location.updated_at,
        version_key=f"{location.deploy_id}:{location.version}",
        definitions_source=DefinitionsSource.CODE_SERVER,
    )


def shown_entry(
    location: Location, serving: CodeLocationEntry, status: LocationStatus
) -> CodeLocationEntry:
    """The entry for people who work with the definitions."""
    failure = failure_of(location, status)
    metadata = {**serving.display_metadata, STATUS_KEY: str(status)}
    if failure is not None:
        metadata[FAILURE_KEY] = failure
    hides = not (status.is_usable or status.awaits_agent)
    return copy(
        serving,
        code_location=None if hides else serving.code_location,
        load_error=_shown_error(serving, status),
        load_status=_load_status(is_loading=serving.load_status is _LOADING or status.awaits_agent),
        display_metadata=metadata,
        # The UI asks for an entry again when this changes, and only then.
        version_key=f"{serving.version_key}:{status}",
    )


def outcome_entry(entry: CodeLocationEntry) -> CodeLocationEntry:
    """The entry that shows whether the newest load succeeded: an error hides definitions."""
    if entry.load_error is None or entry.code_location is None:
        return entry
    return copy(entry, code_location=None)


def _load_status(*, is_loading: bool) -> CodeLocationLoadStatus:
    return _LOADING if is_loading else CodeLocationLoadStatus.LOADED


def _shown_error(
    serving: CodeLocationEntry, status: LocationStatus
) -> SerializableErrorInfo | None:
    """The error of an entry, with what agents have reported since it was loaded."""
    if status.reason is None or status.condition is Condition.LOADING:
        return serving.load_error
    sentence = f"{serving.origin.location_name!r}: {status}. {status.reason}"
    if serving.load_error is None:
        return SerializableErrorInfo(message=sentence, stack=[], cls_name=None)
    return serving.load_error._replace(message=f"{sentence}\n\n{serving.load_error.message}")


def failure_of(location: Location, status: LocationStatus) -> str | None:
    """The last failure, on one line; ``None`` if nothing has failed since the newest deploy."""
    error = _stored_error(location)
    parts = [status.reason, _notice(location), error and one_line(error)]
    return " ".join(part for part in parts if part) or None


def _error_of(location: Location) -> SerializableErrorInfo | None:
    """The error that the agent reported, after the sentence about the release."""
    notice = _notice(location)
    error = _stored_error(location)
    if notice is None:
        return error
    if error is None:
        return SerializableErrorInfo(message=notice, stack=[], cls_name=None)
    return error._replace(message=f"{notice}\n\n{error.message}")


def _notice(location: Location) -> str | None:
    returned = location.notice is not None and location.live_document is not None
    if returned and location.is_broken:
        return f"{location.notice} That can no longer be loaded:"
    return location.notice


def _stored_error(location: Location) -> SerializableErrorInfo | None:
    if location.error is None:
        return None
    return deserialize_value(location.error, SerializableErrorInfo)
