"""Events of runs: ``POST /store_events``, and the one writer that stores every event once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from dagster._core.events import (
    EVENT_TYPE_TO_PIPELINE_RUN_STATUS,
    DagsterEvent,
    DagsterEventType,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.instance import RUNLESS_RUN_ID, DagsterInstance
from dagster._time import datetime_from_timestamp
from dagster_cloud.api.dagster_cloud_api import StoreEventBatchRequest
from starlette.responses import JSONResponse, Response

from dagstead.agent_api.rest import Payload, unpack_text
from dagstead.agent_api.serialization import build_value
from dagstead.agent_api.services import Caller
from dagstead.control.away import raise_if_away
from dagstead.control.unpacking import EVENTS
from dagstead.control.writes import WriteLedger
from dagstead.engine.event_groups import GroupedEventLog
from dagstead.engine.run_log import changes_status, has_entry, identity, late
from dagstead.errors import BusyError, DagsteadError, ForbiddenError, WriteFailedError
from dagstead.plane.names import KEY_MAX, check_short
from dagstead.plane.texts import require_storable
from dagstead.plane.writes import SENT_AGAIN_SECONDS, WriteState

logger = logging.getLogger(__name__)

#: What user code may report of assets beside any run: see Dagster's ``report_runless_asset_event``
#: and ``wipe_assets``.
_WITHOUT_RUN = frozenset(
    {
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_OBSERVATION,
        DagsterEventType.ASSET_CHECK_EVALUATION,
        DagsterEventType.ASSET_WIPED,
        DagsterEventType.FRESHNESS_STATE_EVALUATION,
        DagsterEventType.FRESHNESS_STATE_CHANGE,
    }
)

#: What a step may say of many partitions at once.
_OF_PARTITIONS = frozenset(
    {DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_OBSERVATION}
)

#: By these a run comes into states in which the daemons take it up.
_OF_LAUNCHES = frozenset(
    {
        DagsterEventType.RUN_ENQUEUED,
        DagsterEventType.RUN_DEQUEUED,
        DagsterEventType.RUN_STARTING,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWriter:
    """Writes through a deployment's own open-source instance.

    Events go through the instance, not straight to the storage: the instance also moves the run to
    the status that an event reports, which the agent's storage leaves to the server.
    """

    instance: DagsterInstance
    ledger: WriteLedger

    def write(self, entries: Sequence[EventLogEntry], idempotency_key: str | None) -> None:
        """Store the events and apply what they say to their runs, once per key.

        Raises:
            InvalidInputError: if an event has no possible time, or belongs to something whose name
                cannot be stored.
            BusyError: if another try with the same key is under way.
            StoreAwayError: if the storage does not answer.
            WriteFailedError: if the storage failed; the write can be sent again with its key.
        """
        for entry in entries:
            _require_storable(entry)
            build_value("the time of an event", partial(datetime_from_timestamp, entry.timestamp))
        if idempotency_key is None:
            self._store(entries)
            return
        check_short("The Idempotency-Key", idempotency_key, KEY_MAX)
        with _to_be_sent_again():
            log = self.instance.event_log_storage
            if isinstance(log, GroupedEventLog) and self._is_for_log(log, entries, idempotency_key):
                log.groups.write(partial(self._store, entries), idempotency_key)
            else:
                self._write_once(entries, idempotency_key)

    def _is_for_log(self, log: GroupedEventLog, entries: Iterable[EventLogEntry], key: str) -> bool:
        """Whether all of it is for the log, so that the key can be stored with it."""
        if any(changes_status(entry) for entry in entries):
            return False
        # An older version kept all keys in the ledger.
        return log.groups.had_keys(SENT_AGAIN_SECONDS) or not self.ledger.has(key)

    def _write_once(self, entries: Sequence[EventLogEntry], key: str) -> None:
        begun = self.ledger.begin(key)
        if begun is WriteState.DONE:
            return
        if begun is WriteState.IN_FLIGHT:
            raise BusyError
        try:
            if begun is WriteState.INTERRUPTED:
                self._store_missing(entries)
            else:
                self._store(entries)
        except BaseException:
            # The ledger may be away together with the storage: then the attempt counts as abandoned
            # later.
            with suppress(Exception):
                self.ledger.interrupt(key)
            raise
        self.ledger.finish(key)

    def _store(self, entries: Sequence[EventLogEntry]) -> None:
        if len(entries) > 1 and _are_of_one_asset(entries):
            # As open-source Dagster stores what a step says of the partitions of an asset.
            self.instance.event_log_storage.store_event_batch(entries)
            return
        for entry in entries:
            self.instance.handle_new_event(entry)

    def _store_missing(self, entries: Sequence[EventLogEntry]) -> None:
        for entry in entries:
            if changes_status(entry) and has_entry(self.instance, late(entry)):
                continue
            if not has_entry(self.instance, entry):
                self.instance.handle_new_event(entry)
            elif entry.dagster_event is not None:
                self._apply_again(entry, entry.dagster_event)

    def _apply_again(self, entry: EventLogEntry, event: DagsterEvent) -> None:
        """Move the run to the status of the event, unless a later event has moved it on."""
        if event.event_type not in EVENT_TYPE_TO_PIPELINE_RUN_STATUS:
            return
        latest = self.instance.get_records_for_run(
            entry.run_id,
            of_type=set(EVENT_TYPE_TO_PIPELINE_RUN_STATUS),
            limit=1,
            ascending=False,
        )
        if [identity(record.event_log_entry) for record in latest.records] == [identity(entry)]:
            self.instance.run_storage.handle_run_event(
                entry.run_id, event, datetime_from_timestamp(entry.timestamp)
            )


def _are_of_one_asset(entries: Sequence[EventLogEntry]) -> bool:
    kinds = set()
    for entry in entries:
        event = entry.dagster_event
        if event is None or event.event_type not in _OF_PARTITIONS:
            return False
        kinds.add((entry.run_id, event.event_type, event.asset_key))
    return len(kinds) == 1


def _require_storable(entry: EventLogEntry) -> None:
    """Refuse names that go into columns of their own; what an event says goes into one as JSON."""
    require_storable(entry.run_id, entry.step_key, entry.job_name)
    event = entry.dagster_event
    if event is None:
        return
    require_storable(event.partition, *(event.asset_key.path if event.asset_key else ()))
    data = event.event_specific_data
    for what in ("materialization", "asset_observation"):
        tags = getattr(getattr(data, what, None), "tags", None) or {}
        require_storable(*tags, *tags.values())


def write_events(caller: Caller, entries: Sequence[EventLogEntry]) -> None:
    """Store events of the call's deployment, once per Idempotency-Key.

    Raises:
        ForbiddenError: if the caller may not write to one of their runs; nothing is stored then.
    """
    deployment = caller.deployment
    runs = {entry.run_id for entry in entries}
    if caller.token.worker is not None:
        _require_of_code(entries)
    writer = EventWriter(
        instance=caller.services.instances.get(deployment),
        ledger=caller.control.writes.ledger(caller.actor, deployment, runs),
    )
    writer.write(entries, caller.idempotency_key)
    caller.control.metrics.count_events(caller.actor, deployment, len(entries))


def store_events(caller: Caller, payload: Payload) -> Response:
    """Store a batch of events, once per Idempotency-Key."""
    batch = unpack_text(payload.file("store_events.tmp", EVENTS), StoreEventBatchRequest)
    write_events(caller, list(batch.event_log_entries))
    return JSONResponse({})


def _require_of_code(entries: Sequence[EventLogEntry]) -> None:
    """Refuse user code what it has no business to write."""
    for entry in entries:
        if entry.run_id == RUNLESS_RUN_ID and not _is_of_asset(entry):
            raise ForbiddenError(
                "Code in the managed pool writes events of assets without a run, such as "
                "materializations, and no others: this one needs a run."
            )
        if _launches(entry):
            raise ForbiddenError(
                "Code in the managed pool does not put runs into the run queue: these events "
                "are for who launches runs."
            )


def _launches(entry: EventLogEntry) -> bool:
    event = entry.dagster_event
    return event is not None and event.event_type in _OF_LAUNCHES


def _is_of_asset(entry: EventLogEntry) -> bool:
    event = entry.dagster_event
    return event is not None and event.event_type in _WITHOUT_RUN


@contextmanager
def _to_be_sent_again() -> Iterator[None]:
    """Ask the sender to repeat a write that fails: a run fails if one of its events is refused."""
    try:
        yield
    except DagsteadError:
        raise
    except Exception as error:
        raise_if_away(error)
        logger.exception("Events could not be stored; their sender is asked to try again")
        raise WriteFailedError from error
