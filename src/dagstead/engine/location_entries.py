"""A location as open-source Dagster lists it, and what its readers see when something failed.

Open-source Dagster's entry has either definitions or an error, and readers show the error only if
there are no definitions. A failed release leaves both, since the version before it still serves:

- The UI works with the definitions of an entry, and would show no job of a location with an error.
  So it gets the error only if the code that should serve cannot be loaded. Otherwise it gets the
  definitions, with the failed release in the entry's metadata.
- ``workspaceOrError`` is read by the official CLI after a deploy, which fails only if there is an
  error: there the error of the newest release comes first.
- Daemons always go on with the definitions: a tick that fails is recorded with its reason, while
  the schedules of a location without definitions are passed over.
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
from dagstead.plane.locations import LoadState, Location

#: Beside the image and the commit, where the UI shows a location.
FAILURE_KEY = "failed_release"


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
        load_status=(
            CodeLocationLoadStatus.LOADING
            if location.shown_state is LoadState.LOADING
            else CodeLocationLoadStatus.LOADED
        ),
        display_metadata=code_location.get_display_metadata() if code_location else {},
        update_timestamp=location.updated_at,
        # The UI asks for an entry again when this changes, and only then.
        version_key=f"{location.deploy_id}:{location.version}",
        definitions_source=DefinitionsSource.CODE_SERVER,
    )


def shown_entry(location: Location, serving: CodeLocationEntry) -> CodeLocationEntry:
    """The entry for people who work with the definitions."""
    if location.shown_state is LoadState.FAILED:
        return outcome_entry(serving)
    failure = failure_of(location)
    if failure is None:
        return serving
    return copy(serving, display_metadata={**serving.display_metadata, FAILURE_KEY: failure})


def outcome_entry(entry: CodeLocationEntry) -> CodeLocationEntry:
    """The entry that shows whether the newest load succeeded: an error hides definitions."""
    if entry.load_error is None or entry.code_location is None:
        return entry
    return copy(entry, code_location=None)


def failure_of(location: Location) -> str | None:
    """The last failure, on one line; ``None`` if nothing has failed since the newest deploy."""
    cause = _cause(_stored_error(location))
    parts = [_notice(location), cause and " ".join(cause.message.split())]
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
    if returned and location.state is LoadState.FAILED:
        return f"{location.notice} That can no longer be loaded:"
    return location.notice


def _stored_error(location: Location) -> SerializableErrorInfo | None:
    if location.error is None:
        return None
    return deserialize_value(location.error, SerializableErrorInfo)


def _cause(error: SerializableErrorInfo | None) -> SerializableErrorInfo | None:
    """The innermost error: the others only state that loading failed."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error
