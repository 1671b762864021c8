"""Processes that write events for some seconds, as fast as storage takes them.

A line of its input is a list: how many a writer writes at once, how many writers there are, and for
how many seconds. It prints a line when they are ready; they begin with the next line of its input,
and what they have written is another line of its output. All lines are JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from typing import TYPE_CHECKING

from dagster import AssetObservation, DagsterEvent, DagsterEventType, DagsterInstance
from dagster._core.events import AssetObservationData, EngineEventData
from dagster._core.events.log import EventLogEntry
from dagster._core.utils import make_new_run_id

if TYPE_CHECKING:
    from multiprocessing import Queue
    from multiprocessing.synchronize import Event, Semaphore

    #: Events, and the seconds that they took.
    Count = tuple[int, float]


#: Connecting, and the write that is under way at the end, in seconds.
_PATIENCE = 60


def entry(run_id: str) -> EventLogEntry:
    """An event that changes nothing but the log."""
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=20,
        user_message="",
        run_id=run_id,
        timestamp=time.time(),
        job_name="one_op",
        dagster_event=DagsterEvent(
            event_type_value=DagsterEventType.ENGINE_EVENT.value,
            job_name="one_op",
            message="Something has happened, and it takes a sentence to say what.",
            event_specific_data=EngineEventData(),
        ),
    )


def observation(run_id: str) -> EventLogEntry:
    """An event about an asset: on Postgres, Dagster stores only such together."""
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=20,
        user_message="",
        run_id=run_id,
        timestamp=time.time(),
        job_name="one_op",
        dagster_event=DagsterEvent(
            event_type_value=DagsterEventType.ASSET_OBSERVATION.value,
            job_name="one_op",
            event_specific_data=AssetObservationData(AssetObservation("numbers")),
        ),
    )


def write(batch: int, seconds: float, begin: Event, ready: Semaphore, counts: Queue[Count]) -> None:
    """Write events of a run of its own, in a process of its own."""
    run_id = make_new_run_id()
    with DagsterInstance.get() as instance:
        storage = instance.event_log_storage
        storage.store_event(entry(run_id))
        ready.release()
        begin.wait()
        written, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            if batch == 1:
                storage.store_event(entry(run_id))
            else:
                storage.store_event_batch([observation(run_id) for _ in range(batch)])
            written += batch
        counts.put((written, time.monotonic() - began))


def main() -> None:
    """Do what is asked, one load after the other."""
    with DagsterInstance.get() as instance:
        # Writers are forks: what it imports takes each of them seconds otherwise.
        instance.event_log_storage.get_logs_for_run(make_new_run_id())
    context = multiprocessing.get_context("fork")
    for line in sys.stdin:
        batch, writers, seconds = json.loads(line)
        begin, ready, counts = context.Event(), context.Semaphore(0), context.Queue()
        processes = [
            context.Process(target=write, args=(batch, seconds, begin, ready, counts))
            for _ in range(writers)
        ]
        for process in processes:
            process.start()
        for _ in processes:
            if not ready.acquire(timeout=_PATIENCE):
                sys.exit("A writer has not begun.")
        _say("ready")
        sys.stdin.readline()
        begin.set()
        found = [counts.get(timeout=seconds + _PATIENCE) for _ in processes]
        for process in processes:
            process.join()
        _say(
            {
                "events": sum(written for written, _ in found),
                "rate": sum(written / took for written, took in found),
            }
        )


def _say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
