"""Events as agents send them: field by field, unlike those that they read."""

from __future__ import annotations

from typing import Any

from dagster._core.definitions.dependency import NodeHandle
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.plan.handle import ResolvedFromDynamicStepHandle, StepHandle
from dagster._serdes import deserialize_value
from dagster_shared.error import SerializableErrorInfo
from pydantic import FiniteFloat, Json

from dagstead.agent_api.graphql.inputs import Input
from dagstead.agent_api.serialization import build_value
from dagstead.errors import InvalidInputError


class ErrorInfoInput(Input):
    """An error with its causes."""

    message: str
    stack: list[str]
    cls_name: str | None = None
    cause: ErrorInfoInput | None = None

    def value(self) -> SerializableErrorInfo:
        """The same as a value of Dagster's."""
        cause = None if self.cause is None else self.cause.value()
        return SerializableErrorInfo(self.message, self.stack, self.cls_name, cause)


class DagsterEventInput(Input):
    """An event of a run, without the log entry around it."""

    event_type_value: DagsterEventType
    pipeline_name: str
    step_handle_key: str | None = None
    solid_handle_id: str | None = None
    step_kind_value: str | None = None
    logging_tags: Json[dict[str, str]] | None = None
    event_specific_data: str | None = None
    message: str | None = None
    pid: int | None = None
    step_key: str | None = None

    def value(self) -> DagsterEvent:
        """The same as a value of Dagster's.

        Raises:
            InvalidInputError: if Dagster has no such value.
        """
        return build_value(
            "a Dagster event",
            lambda: DagsterEvent(
                event_type_value=self.event_type_value.value,
                job_name=self.pipeline_name,
                step_handle=_step_handle(self.step_handle_key),
                node_handle=_node_handle(self.solid_handle_id),
                step_kind_value=self.step_kind_value,
                logging_tags=self.logging_tags,
                event_specific_data=_data(self.event_specific_data),
                message=self.message,
                pid=self.pid,
                step_key=self.step_key,
            ),
        )


class EventLogEntryInput(Input):
    """One entry of a run's log."""

    error_info: ErrorInfoInput | None = None
    level: int
    user_message: str
    run_id: str
    timestamp: FiniteFloat
    step_key: str | None = None
    pipeline_name: str | None = None
    dagster_event: DagsterEventInput | None = None

    def value(self) -> EventLogEntry:
        """The same as a value of Dagster's.

        Raises:
            InvalidInputError: if Dagster has no such value.
        """
        error_info = None if self.error_info is None else self.error_info.value()
        dagster_event = None if self.dagster_event is None else self.dagster_event.value()
        return build_value(
            "an event",
            lambda: EventLogEntry(  # type: ignore[no-untyped-call]
                error_info=error_info,
                level=self.level,
                user_message=self.user_message,
                run_id=self.run_id,
                timestamp=self.timestamp,
                step_key=self.step_key,
                job_name=self.pipeline_name,
                dagster_event=dagster_event,
            ),
        )


def _step_handle(key: str | None) -> StepHandle | ResolvedFromDynamicStepHandle | None:
    handle = None if key is None else StepHandle.parse_from_key(key)
    if handle is not None and not isinstance(handle, (StepHandle, ResolvedFromDynamicStepHandle)):
        raise InvalidInputError(f"The step {key!r} is not resolved: it cannot have events.")
    return handle


def _node_handle(text: str | None) -> NodeHandle | None:
    return None if text is None else NodeHandle.from_string(text)


def _data(text: str | None) -> Any:
    return None if text is None else deserialize_value(text)
