"""The gate that every event about a run's status passes, whoever writes it.

Our record of the launch decides, in its own transaction; only then Dagster's storage shows what was
decided. The two share no transaction: what is not shown, because the process died in between, the
watch shows later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.events import (
    EVENT_TYPE_TO_PIPELINE_RUN_STATUS,
    DagsterEvent,
    DagsterEventType,
)
from dagster._core.events.log import EventLogEntry
from dagster._serdes import deserialize_value, serialize_value
from dagster._time import datetime_from_timestamp

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.engine.run_log import has_entry, late
from dagstead.engine.run_origins import origin_of
from dagstead.plane.deployments import Deployment
from dagstead.plane.launch_machine.events import StopWish
from dagstead.plane.launch_machine.machine import LaunchStep
from dagstead.plane.launches import How, Launch, LaunchEnd, RunEnd

Store = Callable[[EventLogEntry], None]

_ENDS = {
    DagsterEventType.RUN_SUCCESS: RunEnd.SUCCESS,
    DagsterEventType.RUN_FAILURE: RunEnd.FAILURE,
    DagsterEventType.RUN_CANCELED: RunEnd.CANCELED,
}
_EVENT_OF = {end: kind for kind, end in _ENDS.items()}

_STARTS = frozenset({DagsterEventType.RUN_START, DagsterEventType.RUN_RESUMED})
#: What may let a run leave the run queue.
_CHANGES_OF_QUEUE = frozenset({DagsterEventType.RUN_ENQUEUED, *_ENDS})
_WITH_WORKER = frozenset(
    {DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING}
)

#: The level of the entries in which open-source Dagster reports the end of a run from outside.
_ERROR = 40


@dataclass(frozen=True, slots=True)
class RunGate:
    """Lets events of a deployment's runs change their status, or keeps them from it."""

    control: Control
    deployment: Deployment

    def handle(self, instance: DagsterInstance, entry: EventLogEntry, store: Store) -> None:
        """Record what an event says of its run's status, then store it as it is, or as late.

        Args:
            instance: of the deployment.
            entry: an event that changes the status of a run.
            store: stores an entry and applies it, past this gate.
        """
        try:
            self._handle(instance, entry, store)
        finally:
            if entry.get_dagster_event().event_type in _CHANGES_OF_QUEUE:
                self.control.dequeues.wake(SYSTEM, self.deployment)

    def _handle(self, instance: DagsterInstance, entry: EventLogEntry, store: Store) -> None:
        event = entry.get_dagster_event()
        end = _ENDS.get(event.event_type)
        if self._has_ended_without_record(instance, entry.run_id):
            store(late(entry))
        elif end is not None:
            self._end(instance, entry, end, store)
        else:
            step = self._record(instance, entry.run_id, event)
            store(entry if step.counts else late(entry))
            self._keep_final(instance, entry.run_id, store)

    def show(self, instance: DagsterInstance, launch: Launch, store: Store) -> None:
        """Have Dagster's storage show how a run has ended; it may be called again."""
        run = instance.get_run_by_id(launch.run_id)
        if run is not None and launch.ending is not None and launch.final is not None:
            entry = self._entry_of(launch, launch.ending, run.job_name)
            if launch.is_shown or has_entry(instance, entry):
                self._apply(instance, entry)
            else:
                store(entry)
        self.control.launches.note_shown(SYSTEM, launch)

    def _record(self, instance: DagsterInstance, run_id: str, event: DagsterEvent) -> LaunchStep:
        launches = self.control.launches
        kind = event.event_type
        if kind in _STARTS:
            step = launches.start(SYSTEM, self.deployment, run_id)
            if step.counts and step.launch is not None:
                self.control.traces.started(SYSTEM, step.launch)
            return step
        if kind is DagsterEventType.RUN_STARTING:
            return launches.dequeue(SYSTEM, self.deployment, run_id)
        if kind is not DagsterEventType.RUN_CANCELING:
            run = instance.get_run_by_id(run_id)
            location = None if run is None else origin_of(run).location
            self.control.traces.queued(SYSTEM, self.deployment, run_id)
            return launches.submit(SYSTEM, self.deployment, run_id, location)
        if launches.newest(SYSTEM, self.deployment, run_id) is None:
            run = instance.get_run_by_id(run_id)
            if run is not None and run.status in _WITH_WORKER:
                # It began before launches had records.
                launches.start(SYSTEM, self.deployment, run_id)
        wish = StopWish(end=RunEnd.CANCELED, by="its log", reason=event.message or "It was ended.")
        return launches.stop(SYSTEM, self.deployment, run_id, wish)

    def _end(
        self, instance: DagsterInstance, entry: EventLogEntry, end: RunEnd, store: Store
    ) -> None:
        event = entry.get_dagster_event()
        text = serialize_value(entry)
        ending = LaunchEnd(
            status=end, how=How.REPORTED, by="its log", reason=event.message or "", event=text
        )
        step = self.control.launches.end(SYSTEM, self.deployment, entry.run_id, ending)
        launch = step.launch
        if not step.counts or launch is None or launch.ending is None:
            store(late(entry))
            return
        if launch.ending.event == text:
            store(entry)
            self.control.launches.note_shown(SYSTEM, launch)
            return
        store(late(entry))
        self.show(instance, launch, store)

    def _has_ended_without_record(self, instance: DagsterInstance, run_id: str) -> bool:
        """Whether a run's end is not in our records.

        It ended before launches had records, under a web server of that version, or so long ago
        that its record is removed.
        """
        launch = self.control.launches.newest(SYSTEM, self.deployment, run_id)
        if launch is not None and not launch.is_open:
            return False
        run = instance.get_run_by_id(run_id)
        return run is not None and run.is_finished

    def _keep_final(self, instance: DagsterInstance, run_id: str, store: Store) -> None:
        """Show the end once more, if another process recorded it while this one was storing."""
        launch = self.control.launches.newest(SYSTEM, self.deployment, run_id)
        if launch is None or launch.ending is None or launch.final is None:
            return
        run = instance.get_run_by_id(run_id)
        if run is None or run.status.value == str(launch.final):
            return
        self.show(instance, launch, store)

    def _apply(self, instance: DagsterInstance, entry: EventLogEntry) -> None:
        run = instance.get_run_by_id(entry.run_id)
        event = entry.get_dagster_event()
        shown = EVENT_TYPE_TO_PIPELINE_RUN_STATUS[event.event_type]
        if run is not None and run.status is not shown:
            moment = datetime_from_timestamp(entry.timestamp)
            instance.run_storage.handle_run_event(entry.run_id, event, moment)

    def _entry_of(self, launch: Launch, ending: LaunchEnd, job_name: str) -> EventLogEntry:
        if ending.event is not None:
            return deserialize_value(ending.event, EventLogEntry)
        assert ending.status is not None  # noqa: S101 - only final ends are shown
        event = DagsterEvent(
            event_type_value=_EVENT_OF[ending.status].value,
            job_name=job_name,
            message=ending.reason,
        )
        return EventLogEntry(  # type: ignore[no-untyped-call]
            error_info=None,
            level=_ERROR,
            user_message="",
            run_id=launch.run_id,
            timestamp=launch.ended_at,
            step_key=None,
            job_name=job_name,
            dagster_event=event,
        )
